//! Secrets: the master key, sealed values, and hashed bearer secrets.

mod master;
mod seal;
mod secret;

pub use master::{MasterKey, MasterKeyError};
pub use seal::{SealError, Sealed, TenantKey, Where};
pub use secret::{NewSecret, hash_secret};
