//! Stores: shops of a tenant, how they are reached, and their settings.

mod error;
mod list;
mod row;
mod service;

pub use error::StoreError;
pub use list::{StoreFilter, StoreSort};
pub use row::StoreRow;
pub use service::{NewStore, StoreChanges, Stores};

use platform::reading::Reading;

/// The reading face of stores.
pub type StoreReading = Reading<StoreRow>;
