//! A database for each test, on SQLite and on PostgreSQL; a server on it; tenants with callers of every kind and something to sell.

pub mod alerts;
mod clock;
mod contract;
mod database;
pub mod inbox;
pub mod installs;
pub mod machinery;
pub mod node;
mod people;
pub mod privacy;
pub mod program;
pub mod replicas;
pub mod seed;
mod server;
pub mod shopify;
pub mod socket;
mod town;

pub use clock::TestClock;
pub use contract::{Contract, Field, TypeRef};
pub use database::{Backend, TestDatabase, postgres_url};
pub use people::{PASSWORD, People, Person};
pub use server::{Answer, Credentials, Server};
pub use town::{Belongings, Side, Town, ids_in};
