//! The machinery in the schema: alerts, audit, jobs, notifications, usage, webhooks.

mod alert_changes;
mod alert_events;
mod alerts;
mod audit;
mod event_type;
mod jobs;
mod notification_changes;
mod notifications;
mod usage;
mod webhook_changes;
mod webhooks;

pub use alert_changes::AlertMutation;
pub use alert_events::AlertSubscription;
pub use alerts::{Alert, AlertQuery, AlertSilence};
pub use audit::{AuditEvent, AuditMutation, AuditQuery};
pub use jobs::{Job, JobMutation, JobQuery};
pub use notification_changes::NotificationMutation;
pub use notifications::{Notification, NotificationChannel, NotificationQuery};
pub use usage::UsageQuery;
pub use webhook_changes::WebhookMutation;
pub use webhooks::{WebhookDelivery, WebhookEndpoint, WebhookQuery};
