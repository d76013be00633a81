//! Jobs as administrators see them: what waits, runs and has failed; trying again and calling off.

mod error;
mod list;
mod row;
mod service;

pub use error::JobRefused;
pub use list::{JobFilter, JobSort};
pub use row::JobRow;
pub use service::JobControl;
