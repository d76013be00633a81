//! Single changes that a shop system tells of, outside of any import: one order, as an event has it.
//!
//! Follows the rules of `records`, in a transaction that the caller opened; may touch the stores' rows and `entities` values.

mod error;
mod order;
mod told;
mod turns;

pub use error::ChangeError;
pub use order::{Applied, AppliedOrder, apply_order};

use entities::{Currency, StoreId, TenantId};

/// The store that a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorePlace {
    /// Its tenant, whose transaction it is.
    pub tenant: TenantId,
    /// The store.
    pub store: StoreId,
    /// In which all its money is.
    pub currency: Currency,
}
