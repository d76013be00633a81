//! API tokens: what integrations and scripts hold. Their secrets are shown once and kept as hashes.

mod error;
mod service;
mod store;

pub use error::ApiTokenError;
pub use service::{ApiTokens, NewApiToken, OperatorToken, TokenMade};
pub use store::{ApiTokenRow, TokenSort, is_good};

pub(crate) use store::insert_token;
