//! Tenancy is locked twice: what holds when the first lock, the code's own filter, is taken out of the way.

mod database;
mod hang_up;
mod references;
mod roles;
