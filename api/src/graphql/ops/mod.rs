//! The machinery in the schema: audit, jobs, usage, webhooks.

mod audit;
mod event_type;
mod jobs;
mod usage;
mod webhook_changes;
mod webhooks;

pub use audit::{AuditEvent, AuditMutation, AuditQuery};
pub use jobs::{Job, JobMutation, JobQuery};
pub use usage::UsageQuery;
pub use webhook_changes::WebhookMutation;
pub use webhooks::{WebhookDelivery, WebhookEndpoint, WebhookQuery};
