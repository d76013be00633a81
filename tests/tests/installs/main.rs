//! A merchant lets an app in, and what becomes of it: the whole way through a browser, tokens that are kept whatever gets lost, removal and
//! return, scopes, and shops that do not answer.

mod again;
mod embedded;
mod flow;
mod forged;
mod health;
mod redaction;
mod removal;
mod scopes;
mod tokens;
mod world;
