//! The doors: GraphQL over HTTP, GraphiQL, health. What comes in is bounded here and knows its caller when it goes on.

mod client;
mod endpoint;
mod graphiql;
mod health;
mod negotiate;
mod router;
mod server;

pub use client::TrustedProxies;
pub use endpoint::PATIENCE;
pub use graphiql::Example;
pub use router::router;
pub use server::serve;
