//! What operators and integrations see of the machinery: alerts, audit, received and sent webhooks, jobs, usage;
//! and what looks after all of it.
//!
//! Nobody leans on it: a domain announces, and this crate listens.

pub mod alerts;
pub mod audit;
pub mod inbox;
pub mod jobs;
pub mod monitoring;
pub mod notifications;
pub mod upkeep;
pub mod usage;
pub mod webhooks;
