//! Usage as administrators and billing read it, and the measuring of what is not counted with every request.

mod error;
mod jobs;
mod row;
mod service;

pub use error::UsageError;
pub use jobs::{STORED_DATA, STORED_DATA_OF_TENANT, WEBHOOK_EVENTS, schedules, workers};
pub use row::UsageDayRow;
pub use service::{MAX_ROWS, UsageFilter, UsageReading};
