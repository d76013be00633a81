//! Single changes that a shop system tells of, outside of any import: an order, a customer or a product as an event or an answer has it,
//! and what was deleted.
//!
//! Follows the rules of `records`, in a transaction that the caller opened; may touch the stores' rows and `entities` values.

mod apply;
mod error;
mod gone;
mod told;
mod turns;

pub(crate) use apply::told_of;
pub use apply::{Applied, Subject, Written, apply};
pub use error::ChangeError;
pub use gone::delete;
pub(crate) use gone::{mark_deleted, note_deletion};
pub use told::Telling;

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
