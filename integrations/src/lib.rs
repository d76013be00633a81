//! What speaks to the outside: ports, and a folder for each provider.

pub mod jwks;
