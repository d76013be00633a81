//! The machinery in the schema: audit, jobs, usage.

mod audit;
mod jobs;
mod usage;

pub use audit::{AuditEvent, AuditMutation, AuditQuery};
pub use jobs::{Job, JobMutation, JobQuery};
pub use usage::UsageQuery;
