//! Connections to providers and what they delivered, in the schema.

mod changes;
mod connections;
mod query;
mod webhook_events;

pub use changes::InboxMutation;
pub use connections::ProviderRegistration;
pub use query::InboxQuery;
pub use webhook_events::WebhookEvent;
