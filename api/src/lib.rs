//! Noren: one GraphQL API for running a multi-tenant commerce back office.

pub mod graphql;

pub use graphql::sdl;
