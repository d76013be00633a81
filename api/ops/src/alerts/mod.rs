//! Alerts: what goes wrong, as one row for as long as it does, however often it is seen.
//!
//! Whoever finds out raises it ([`raise`]) in the transaction in which it is found out, and clears it ([`clear`]) when it is over.
//! What tells two tellings of the same thing apart is the fingerprint: of those that are not resolved there is one in each feed.
//! Every change is an event in the feed of the alert's tenant, and is copied to the platform's: see [`AlertEvent`].

mod error;
mod event;
mod list;
mod own;
mod raise;
mod row;
mod service;
mod settle;
mod silences;
mod store;
mod stores;
mod watch;

pub use error::AlertError;
pub use event::AlertEvent;
pub use list::{AlertFilter, AlertSilenceFilter, AlertSilenceSort, AlertSort};
pub use own::{HEALTH, HOST, JOB_FAILED, OwnAlert, SLOW_REQUEST, SYNC_FAILED, WEBHOOK_ENDPOINT_DISABLED, WEBHOOK_EVENT_FAILED};
pub use raise::{NewAlert, clear, escalate, fingerprint, raise};
pub use row::{AlertRow, AlertSilenceRow};
pub use service::{AlertCount, Alerts, RaiseAlert};
pub use settle::settle;
pub use silences::NewAlertSilence;
pub use watch::Watch;
