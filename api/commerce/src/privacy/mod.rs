//! What people and shops ask about their data: what is kept of a customer, forgetting one, forgetting a shop (`GDPRComplianceLog` and
//! flow 14.6 of seed 004; Shopify's compliance topics). Each is a row with a date until which it has to be done, and with evidence of
//! what was; a job does it. Who is forgotten does not come back: see `records::Forgotten`.
//!
//! May touch the tables of this crate, the inbox's deliveries and the audit log's details; announces, and knows nothing of alerts.

mod erase;
mod error;
mod export;
mod inbox;
mod jobs;
mod list;
mod receive;
mod redact;
mod row;
mod service;
mod store;
mod subject;
mod watch;

pub use error::PrivacyError;
pub use jobs::{PrivacyWorker, WORK};
pub use list::{PrivacyRequestFilter, PrivacyRequestSort};
pub(crate) use receive::{is_forgotten, receive};
pub use row::PrivacyRequestRow;
pub use service::{BUNDLE, Privacy, TABLE};
pub(crate) use store::{forgotten, forgotten_of};
pub use watch::{WATCH, Watching, schedules};

use chrono::TimeDelta;

/// How long there is to do what is asked (Shopify; article 12 of the GDPR says a month).
pub const DUE_AFTER: TimeDelta = TimeDelta::days(30);
/// How long a bundle is kept that nobody fetches.
pub const BUNDLE_KEPT: TimeDelta = TimeDelta::days(30);
/// How long a bundle is kept once it was fetched: an answer may get lost on its way.
pub const BUNDLE_KEPT_AFTER_FETCHING: TimeDelta = TimeDelta::days(1);
