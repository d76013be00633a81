//! One text for both databases: the column types that differ are written as `{name}`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// `{name}` in a statement, its PostgreSQL spelling, its SQLite spelling.
const TYPES: [(&str, &str, &str); 5] = [
    ("{uuid}", "uuid", "blob"),
    ("{instant}", "timestamptz", "text"),
    ("{bytes}", "bytea", "blob"),
    ("{json}", "jsonb", "text"),
    // Values that ranges and keyset pages compare: byte order, whatever the database's locale is.
    ("{key}", "text collate \"C\"", "text"),
];

/// Whether the connection speaks to PostgreSQL.
pub(crate) fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

/// Runs statements that are the same on both databases, but for the types above.
pub(crate) async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        let mut sql = (*statement).to_owned();
        for (name, postgres, sqlite) in TYPES {
            sql = sql.replace(name, if is_postgres(manager) { postgres } else { sqlite });
        }
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// Drops tables, the last one first.
pub(crate) async fn drop_tables(manager: &SchemaManager<'_>, tables: &[&str]) -> Result<(), DbErr> {
    for table in tables.iter().rev() {
        manager.get_connection().execute_unprepared(&format!("drop table {table}")).await?;
    }
    Ok(())
}
