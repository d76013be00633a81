//! Webhooks for integrations, by the Standard Webhooks specification: endpoints are told of the events of their tenant, once
//! each and again until they take it.
//!
//! The listener writes a delivery and a job for each endpoint that wants an event, in the transaction that gives the event its
//! place; the worker sends. What is sent twice bears the same `webhook-id`, so that a receiver can tell.

mod announce;
mod deliver;
mod error;
mod failing;
mod list;
mod message;
mod redeliver;
mod row;
mod service;
mod store;
mod stranded;

pub use announce::Announcer;
pub(crate) use deliver::follow_job;
pub use deliver::{DELIVER, Deliverer};
pub use error::WebhookError;
pub use list::{WebhookDeliveryFilter, WebhookDeliverySort, WebhookEndpointFilter, WebhookEndpointSort};
pub use redeliver::Redelivered;
pub use row::{WebhookDeliveryRow, WebhookEndpointRow};
pub use service::{EndpointMade, NewWebhookEndpoint, WebhookEndpointChanges, Webhooks};
pub use stranded::Stranded;
