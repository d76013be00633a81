//! Who uses Noren: signing in, links, outside identities, users, tokens, tenants; on both databases.

mod links;
mod outside;
mod sign_in;
mod start;
mod support;
mod tenants;
mod tokens;
mod users;
