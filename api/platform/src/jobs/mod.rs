//! Durable work: a queue in tables of our own, so that enqueueing is part of the business transaction.
//!
//! A job is claimed with a lease; while its process lives the lease is renewed, and when it dies another takes the job over.
//! Attempts are counted when they begin, so that a job that kills its process does not run for ever. What a job writes and its
//! being done are one transaction where its worker calls [`Running::done`].
//!
//! Jobs of one lane wait for each other, and never for those of another: see [`NewJob::lane`] and [`Queue`].

mod claim;
mod enqueue;
mod look;
mod places;
mod runner;
mod schedule;
mod settle;
mod work;

pub(crate) use enqueue::INTO_JOBS;
pub use enqueue::{Enqueued, NewJob, enqueue, enqueue_all, hasten};
pub use look::{JobsLag, lag};
pub use runner::Jobs;
pub use schedule::Schedule;
pub use settle::{Retried, cancel, retry};
pub use work::{Backoff, JobError, JobKind, Queue, Running, Worker};
