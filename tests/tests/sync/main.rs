//! Syncs: everything that a shop has comes, or the run says that it did not; what changes after that follows.

mod changes;
mod crash;
mod faults;
mod followed;
mod paused;
mod whole;
mod world;
