//! How an attempt ends. Only who holds the lease can end it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entities::{EventType, JobId, TenantId};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use serde_json::json;
use uuid::Uuid;

use crate::Trace;
use crate::clock::Clock;
use crate::db::{Tx, Wake};
use crate::outbox::emit;
use crate::record::Happened;

/// How an attempt ended that did not succeed.
#[derive(Debug)]
pub(super) enum Ending {
    /// Another one from then on, because.
    Again(DateTime<Utc>, String),
    /// None, because.
    Failed(String),
}

/// The longest error that is kept, in characters.
const ERROR: usize = 2_000;

/// The job is done. False when it is somebody else's by now.
pub(super) async fn done(tx: &Tx, id: JobId, lease: Uuid, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let sql = "update jobs set status = 'DONE', lease = null, lease_until = null, last_error = null, finished_at = $1, updated_at = $1
               where id = $2 and lease = $3 and status = 'RUNNING'";
    let values = [now.into(), id.into(), lease.into()];
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected() == 1)
}

/// The attempt did not succeed. `dead_since`: only if the lease has not been renewed after that instant.
pub(super) async fn end(tx: &Tx, clock: &Arc<dyn Clock>, id: JobId, lease: Uuid, ending: Ending, dead_since: Option<DateTime<Utc>>) -> Result<(), DbErr> {
    let now = clock.now();
    let (status, at, why, over) = match ending {
        Ending::Again(at, why) => ("QUEUED", Some(at), why, None),
        Ending::Failed(why) => ("FAILED", None, why, Some(now)),
    };
    let why: String = why.chars().filter(|c| *c != '\0').take(ERROR).collect();
    let sql = "update jobs set status = $1, run_at = coalesce($2, run_at), last_error = $3, finished_at = $4, lease = null, lease_until = null, updated_at = $5
               where id = $6 and lease = $7 and status = 'RUNNING' and ($8 is null or lease_until < $8)
               returning tenant_id, kind";
    let sql = if crate::db::is_sqlite(tx.get_database_backend()) {
        sql.to_owned()
    } else {
        sql.replace("$8 is null", "$8::timestamptz is null").replace("coalesce($2,", "coalesce($2::timestamptz,")
    };
    let values = [status.into(), at.into(), why.into(), over.into(), now.into(), id.into(), lease.into(), dead_since.into()];
    let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await? else { return Ok(()) };
    if over.is_none() {
        tx.will_wake(Wake::Jobs);
        return Ok(());
    }
    let (tenant, kind): (Option<TenantId>, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    metrics::counter!("noren_jobs_failed_total", "kind" => kind.clone()).increment(1);
    let trace = Trace::system(kind.clone(), clock.clone());
    let data = json!({ "jobId": id.to_string(), "kind": kind });
    emit(tx, &trace, Happened { kind: EventType::JobFailed, tenant, store: None, subject: Some(id.to_string()), data }).await
}

/// Gives a claimed job back as if it had not been begun.
pub(super) async fn put_back(tx: &Tx, id: JobId, lease: Uuid, at: DateTime<Utc>, why: &str) -> Result<(), DbErr> {
    let sql = "update jobs set status = 'QUEUED', attempts = attempts - 1, run_at = $1, last_error = $2, lease = null, lease_until = null
               where id = $3 and lease = $4 and status = 'RUNNING'";
    let values = [at.into(), why.into(), id.into(), lease.into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await.map(drop)
}

/// Calls a job off that waits or runs; what runs cannot be written any more and is broken off within seconds. False when it is over.
pub async fn cancel(tx: &Tx, id: JobId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let sql = "update jobs set status = 'CANCELLED', lease = null, lease_until = null, finished_at = $1, updated_at = $1
               where id = $2 and status in ('QUEUED', 'RUNNING')";
    let values = [now.into(), id.into()];
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected() == 1)
}
