//! Who uses Noren: tenants, their users and API tokens, and how each of them is recognised.
//!
//! May touch `platform`, the ports of `integrations`, and its own tables; knows no shop, no GraphQL and no HTTP.

pub mod api_tokens;
pub mod bootstrap;
pub mod connections;
pub mod identity;
pub mod tenants;
pub mod users;
pub mod validation;
