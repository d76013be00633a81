//! What providers delivered, for those who look after it: the record, its content, and having it worked on again.

mod error;
mod list;
mod row;
mod service;

pub use error::WebhookEventError;
pub use list::{WebhookEventFilter, WebhookEventSort};
pub use row::{WebhookEventContentRow, WebhookEventRow};
pub use service::WebhookEvents;
