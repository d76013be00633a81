//! Bringing the database to this program's shape, one replica at a time, and refusing one that is ahead of it.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbErr};
use sqlx::{Connection, Executor, PgConnection};

use super::connect::{ConnectError, Database, DatabaseSettings};

/// The key of the advisory lock under which replicas migrate ("noren" in ASCII).
const MIGRATION_LOCK: i64 = 0x006e_6f72_656e;

/// How the database's shape compares with this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrationState {
    /// As this program expects.
    Current,
    /// Steps are missing.
    Behind(Vec<String>),
    /// A newer program has been here.
    Ahead(Vec<String>),
}

/// Compares the steps taken with the steps known.
pub async fn migration_state(db: &Database) -> Result<MigrationState, DbErr> {
    let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let table = if super::is_sqlite(db.backend()) {
        "select name from sqlite_master where name = 'seaql_migrations'"
    } else {
        "select to_regclass('seaql_migrations')::text as name"
    };
    let exists = match db.query_one(table, []).await? {
        Some(row) => row.try_get_by_index::<Option<String>>(0)?.is_some(),
        None => false,
    };
    let mut taken = Vec::new();
    if exists {
        for row in db.query_all("select version from seaql_migrations order by version", []).await? {
            taken.push(row.try_get_by_index::<String>(0)?);
        }
    }
    let ahead: Vec<String> = taken.iter().filter(|step| !known.contains(step)).cloned().collect();
    if !ahead.is_empty() {
        return Ok(MigrationState::Ahead(ahead));
    }
    let behind: Vec<String> = known.into_iter().filter(|step| !taken.contains(step)).collect();
    Ok(if behind.is_empty() { MigrationState::Current } else { MigrationState::Behind(behind) })
}

/// Why the database could not be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A newer program has been here.
    #[error("the database is newer than this program (it has {}); run the newer program", .0.join(", "))]
    Ahead(Vec<String>),
    /// A step failed.
    #[error("migration failed: {0}")]
    Step(#[from] DbErr),
}

/// Takes the missing steps as the role of `owner`. On PostgreSQL replicas that start together wait for each other.
pub async fn migrate(owner: &DatabaseSettings) -> Result<Vec<String>, MigrateError> {
    let settings = DatabaseSettings { role: None, max_connections: 1, ..owner.clone() };
    let lock = if settings.is_postgres() { Some(take_lock(&settings.url).await?) } else { None };
    let db = Database::connect(&settings).await?;
    let missing = match migration_state(&db).await? {
        MigrationState::Current => Vec::new(),
        MigrationState::Ahead(steps) => return Err(MigrateError::Ahead(steps)),
        MigrationState::Behind(steps) => {
            Migrator::up(&db.pool(), None).await?;
            steps
        }
    };
    if super::is_sqlite(db.backend()) {
        db.pool().execute_unprepared("pragma optimize").await?;
    }
    db.close().await;
    if let Some(lock) = lock {
        // Closing the connection releases the lock.
        let _ = lock.close().await;
    }
    Ok(missing)
}

async fn take_lock(url: &str) -> Result<PgConnection, MigrateError> {
    let refused = |error: sqlx::Error| ConnectError::Refused(error.to_string());
    let mut connection = PgConnection::connect(url).await.map_err(refused)?;
    connection.execute(sqlx::query("select pg_advisory_lock($1)").bind(MIGRATION_LOCK)).await.map_err(refused)?;
    Ok(connection)
}
