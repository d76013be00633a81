//! What must be well for the program to serve: each part of it that can fall ill says so itself.

use async_trait::async_trait;
use serde_json::Value;

use crate::db::{Database, MigrationState, migration_state};

/// One part of the program that can be asked how it is.
#[async_trait]
pub trait HealthCheck: Send + Sync {
    /// Its name in the report.
    fn name(&self) -> &'static str;

    /// What it has to tell (a state, a lag), or why it is not well; without secrets, for anybody may read it.
    async fn check(&self) -> Result<Value, String>;

    /// Whether the program cannot serve without it.
    fn critical(&self) -> bool;
}

/// The database answers.
pub struct DatabaseCheck(pub Database);

#[async_trait]
impl HealthCheck for DatabaseCheck {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<Value, String> {
        match self.0.query_one("select 1", []).await {
            Ok(_) => Ok(Value::Null),
            Err(error) => {
                tracing::warn!(%error, "the database does not answer");
                Err("does not answer".to_owned())
            }
        }
    }

    fn critical(&self) -> bool {
        true
    }
}

/// The database has the shape that this program expects.
pub struct MigrationsCheck(pub Database);

#[async_trait]
impl HealthCheck for MigrationsCheck {
    fn name(&self) -> &'static str {
        "migrations"
    }

    async fn check(&self) -> Result<Value, String> {
        match migration_state(&self.0).await {
            Ok(MigrationState::Current) => Ok(Value::Null),
            Ok(MigrationState::Behind(_)) => Err("not migrated: run `noren migrate`".to_owned()),
            Ok(MigrationState::Ahead(_)) => Err("newer than this program: run the newer program".to_owned()),
            Err(_) => Err("cannot be read".to_owned()),
        }
    }

    fn critical(&self) -> bool {
        true
    }
}
