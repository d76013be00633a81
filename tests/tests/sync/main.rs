//! Syncs: everything that a shop has comes, or the run says that it did not; what changes after that follows.

mod changes;
mod crash;
mod faults;
mod followed;
mod history;
mod paused;
mod story;
mod told;
mod whole;
mod world;
