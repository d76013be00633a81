//! What clients may rely on over HTTP, and that their tools take the schema.

mod node;
mod refusals;
mod tools;
