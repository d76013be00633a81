//! What operators see of the machinery: the audit log and its chain, jobs, usage.

mod chain;
mod doctor;
mod entries;
mod erasure;
mod jobs;
mod log;
mod usage;

/// The rights sweep knows how every mutation is called.
#[path = "../rights/table.rs"]
#[allow(dead_code, reason = "the sweep uses the rest")]
mod table;
