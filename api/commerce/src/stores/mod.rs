//! Stores: shops of a tenant, how they are reached, and their settings.

mod list;
mod row;

pub use list::{StoreFilter, StoreSort};
pub use row::StoreRow;

use crate::reading::Reading;

/// The reading face of stores.
pub type StoreReading = Reading<StoreRow>;
