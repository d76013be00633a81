//! What must be well for the program to serve: each part of it that can fall ill says so itself.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::db::{Database, MigrationState, migration_state};
use crate::{jobs, outbox};

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

/// Seconds that an event may wait for its place before something is wrong.
const RELAY_LAG: f64 = 30.0;
/// Seconds that a job may be overdue before something is wrong: there are too many, or nobody works on them.
const JOBS_LAG: f64 = 300.0;

/// Events get their places in time.
pub struct RelayCheck(pub Database, pub Arc<dyn Clock>);

#[async_trait]
impl HealthCheck for RelayCheck {
    fn name(&self) -> &'static str {
        "relay"
    }

    async fn check(&self) -> Result<Value, String> {
        let lag = outbox::lag(&self.0).await.map_err(|_| "cannot be read".to_owned())?;
        let seconds = lag.seconds(&*self.1);
        match seconds <= RELAY_LAG {
            true => Ok(json!({ "waiting": lag.waiting, "lagSeconds": seconds })),
            false => Err(format!("{} events wait, the oldest for {seconds:.0} s", lag.waiting)),
        }
    }

    fn critical(&self) -> bool {
        false
    }
}

/// Jobs are done in time.
pub struct JobsCheck(pub Database, pub Arc<dyn Clock>);

#[async_trait]
impl HealthCheck for JobsCheck {
    fn name(&self) -> &'static str {
        "jobs"
    }

    async fn check(&self) -> Result<Value, String> {
        let lag = jobs::lag(&self.0, &*self.1).await.map_err(|_| "cannot be read".to_owned())?;
        match lag.seconds <= JOBS_LAG {
            true => Ok(json!({ "due": lag.due, "lagSeconds": lag.seconds })),
            false => Err(format!("{} jobs are due, the oldest for {:.0} s", lag.due, lag.seconds)),
        }
    }

    fn critical(&self) -> bool {
        false
    }
}
