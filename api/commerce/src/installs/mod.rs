//! Installs: how merchants let an app into their shops, what opens a shop from then on, and how it ends.
//!
//! An app is a connection of a tenant; its stores' tokens are sealed here and renewed before they end. Whoever asks a shop for anything
//! opens it by [`Shops`]. May touch the stores' rows, the connections' face and the ports of shop systems.

mod access;
mod app;
mod callback;
mod deliveries;
mod error;
mod jobs;
mod keep;
mod list;
mod refresh;
mod removal;
mod row;
mod service;
mod setup;
mod standing;
mod state;
mod store;
mod tickets;
mod write;

pub use access::{OpenShop, ShopError, Shops};
pub use callback::{Arrived, Launched};
pub(crate) use deliveries::{scopes_changed, uninstalled};
pub use error::InstallError;
pub use jobs::{LOOK, REFRESH, RENEWAL, SET_UP, UNINSTALL, schedules, workers};
pub use list::InstallationEventSort;
pub(crate) use removal::restore;
pub use row::{InstallationEventRow, InstallationRow};
pub use service::{BeginInstall, Begun, Installs};
pub(crate) use standing::Standing;

use chrono::TimeDelta;

/// For how long a store's data is kept after the app was removed from its shop. Shopify asks for it to be gone within 30 days of its
/// request, which comes 48 hours after the removal.
pub const DATA_KEPT_FOR: TimeDelta = TimeDelta::days(30);
