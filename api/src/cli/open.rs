//! Opening the database as every command needs it: in this program's shape, with the right key, in a role that is held to its tenant.

use std::sync::Arc;

use platform::callers::Origin;
use platform::config::Settings;
use platform::crypto::MasterKey;
use platform::db::{MigrationState, check_role, migration_state};
use platform::{Caller, Clock, Database, OpCtx, SystemClock};

use super::Failure;

/// The database and its key.
pub struct Opened {
    /// The database, in the role that is held to its tenant.
    pub db: Database,
    /// The key that wraps all others.
    pub master: MasterKey,
}

/// Opens the database. SQLite is migrated on the way; PostgreSQL when `migrate` says so.
pub async fn open(settings: &Settings, migrate: bool) -> Result<Opened, Failure> {
    let master = settings.master_key()?;
    if migrate || !settings.database.is_postgres() {
        let steps = platform::db::migrate(&settings.owner()).await?;
        if !steps.is_empty() {
            tracing::info!(steps = steps.len(), "migrated the database");
        }
    }
    let db = Database::connect(&settings.database).await?;
    match migration_state(&db).await? {
        MigrationState::Current => {}
        MigrationState::Behind(steps) => return Err(Failure::Message(format!("the database lacks {}; run `noren migrate`", steps.join(", ")))),
        MigrationState::Ahead(steps) => {
            return Err(Failure::Message(format!("the database is newer than this program (it has {}); run the newer program", steps.join(", "))));
        }
    }
    let problems = check_role(&db).await?;
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(Failure::Message(format!("not serving: {}", lines.join("; "))));
    }
    platform::crypto::ensure_master_key(&db, &master, SystemClock.now()).await?;
    Ok(Opened { db, master })
}

/// An operation of the operator at the shell.
pub fn operator(db: &Database, tenant: Option<entities::TenantId>) -> Result<OpCtx, Failure> {
    let origin = Origin { request_id: "shell".to_owned(), ..Origin::default() };
    Ok(OpCtx::new(db.clone(), Arc::new(SystemClock), Caller::System, tenant, origin)?)
}
