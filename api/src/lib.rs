//! Noren: one GraphQL API for running a multi-tenant commerce back office.

pub mod app;
pub mod background;
pub mod cli;
mod demo;
pub mod graphql;
pub mod http;
pub mod telemetry;

pub use graphql::sdl;
