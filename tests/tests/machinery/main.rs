//! The machinery: jobs, schedules, events and their feeds, whoever dies.

mod crash;
mod jobs;
mod outbox;
mod schedules;
mod workshop;
