//! A database for each test, on SQLite and on PostgreSQL.

mod database;

pub use database::{Backend, TestDatabase, postgres_url};
