//! Syncs: everything of a shop, complete or not done; what has changed since; and what differs, found and repaired.
//!
//! A run is a row, worked on by a job that comes back until it is over and never waits long. A full run is cut into slices, each an export
//! of the shop that is brought in whole or asked for again. May touch the stores' rows by way of `imports`, the ways into shops of
//! `installs`, and the port `shop`.

mod error;
mod full;
mod gone;
mod increment;
mod jobs;
mod list;
mod meter;
mod pausing;
mod plan;
mod reconcile;
mod row;
mod service;
mod settings;
mod slice;
mod step;
mod store;
mod tell;

pub use error::SyncError;
pub(crate) use gone::record;
pub(crate) use increment::whole;
pub use jobs::{STEP, TICK, schedules, workers};
pub use list::{SyncRunFilter, SyncRunSort};
pub(crate) use pausing::{stop_for_now, take_up};
pub use row::SyncRunRow;
pub(crate) use service::export_ended;
pub use service::{NewSync, Syncs, request_first, stop_all};
pub use settings::{SyncSettings, SyncSettingsChanges};
pub use step::SyncLimits;
pub use tell::SyncEvent;
