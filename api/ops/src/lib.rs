//! What operators and integrations see of the machinery: audit, received and sent webhooks, jobs, usage.
//!
//! Nobody leans on it: a domain announces, and this crate listens.

pub mod audit;
pub mod inbox;
pub mod jobs;
pub mod upkeep;
pub mod usage;
pub mod webhooks;
