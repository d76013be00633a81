//! A database for each test, on SQLite and on PostgreSQL, and a server over it.

mod database;
mod server;

pub use database::{Backend, TestDatabase, postgres_url};
pub use server::Server;
