//! The audit log as people read it: who did what to what, and when; and the erasing of what it says of a person.

mod detail;
mod error;
mod list;
mod row;
mod service;

pub use detail::{AuditDetail, details};
pub use error::AuditError;
pub use list::{AuditFilter, AuditSort};
pub use row::AuditEventRow;
pub use service::Audit;
