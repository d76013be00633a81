//! What clients may rely on over HTTP, and that their tools take the schema.

mod refusals;
mod tools;
