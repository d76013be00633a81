//! Secrets: the master key, sealed values, and hashed bearer secrets.

mod check;
mod master;
mod seal;
mod secret;
mod signed;

pub use check::{MasterKeyCheckError, MasterKeyState, ensure_master_key, master_key_state};
pub use master::{MasterKey, MasterKeyError};
pub use seal::{SealError, Sealed, TenantKey, Where, sealed_with};
pub use secret::{NewSecret, hash_secret};
pub use signed::Signer;
