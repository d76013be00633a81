//! What people and shops ask about their data: done in time, done whole, and it stays done.

mod customers;
mod due;
mod stores;
mod sweep;
mod world;
