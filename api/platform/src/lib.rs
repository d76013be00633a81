//! What every domain stands on: settings, the database and its two locks, callers and their rights, secrets, time, ids.
//!
//! Knows no domain: nothing here has heard of an order.

pub mod audit;
pub mod callers;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub mod filter;
pub mod health;
pub mod idempotency;
pub mod inbox;
pub mod jobs;
pub mod limits;
pub mod outbox;
pub mod reading;
pub mod record;
pub mod tally;
pub mod text;
pub mod usage;

pub use callers::{Caller, Denied, OpCtx, Permit, Scope};
pub use clock::{Clock, Ids, SystemClock};
pub use db::{Database, Tx};
pub use record::{Change, Trace};
pub use sea_orm::DbErr;
