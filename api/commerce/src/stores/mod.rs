//! Stores: shops of a tenant, how they are reached, their settings, and whether they are paused.

mod error;
mod list;
mod pause;
mod row;
mod service;
mod setup;
mod store;

pub use error::StoreError;
pub use list::{StoreFilter, StoreSort};
pub use row::StoreRow;
pub use service::{NewStore, StoreChanges, Stores};
pub use setup::SetupChanges;

use platform::reading::Reading;

/// The reading face of stores.
pub type StoreReading = Reading<StoreRow>;
