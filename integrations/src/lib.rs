//! The outside world: ports (what Noren needs of a kind of provider), one folder for each provider, and their registry.
//!
//! May touch `entities` only; rooms map what ports say to their own rules. The only crate that speaks to the outside.

pub mod jwks;
pub mod mail;
pub mod otlp;
pub mod outgoing;
pub mod ports;
pub mod registry;
pub mod shopify;
pub mod slack;
pub mod twilio;
