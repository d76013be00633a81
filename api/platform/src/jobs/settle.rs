//! How an attempt ends. Only who holds the lease can end it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entities::{EventType, JobId, JobStatus, TenantId};
use sea_orm::{ConnectionTrait, DbErr, SqlErr, Statement};
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

/// The attempt did not succeed. False when the job is somebody else's by now. `dead_since`: only if the lease has not been renewed after that instant.
pub(super) async fn end(tx: &Tx, clock: &Arc<dyn Clock>, id: JobId, lease: Uuid, ending: Ending, dead_since: Option<DateTime<Utc>>) -> Result<bool, DbErr> {
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
    let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await? else { return Ok(false) };
    if over.is_none() {
        tx.will_wake(Wake::Jobs);
        return Ok(true);
    }
    let (tenant, kind): (Option<TenantId>, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    metrics::counter!("noren_jobs_failed_total", "kind" => kind.clone()).increment(1);
    let trace = Trace::system(kind.clone(), clock.clone());
    let data = json!({ "jobId": id.to_string(), "kind": kind });
    emit(tx, &trace, Happened { kind: EventType::JobFailed, tenant, store: None, subject: Some(id.to_string()), data }).await?;
    Ok(true)
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

/// What came of having a job tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It is due now, and its attempts are counted from the beginning.
    Queued,
    /// It is being worked on.
    Running,
    /// It is done.
    Done,
    /// Another one of its kind and key waits or runs, or it is gone.
    Superseded,
}

/// Has a job tried again that failed, was called off, or waits for its time.
pub async fn retry(tx: &Tx, id: JobId, now: DateTime<Utc>) -> Result<Retried, DbErr> {
    let sql = "update jobs set status = 'QUEUED', attempts = 0, run_at = $1, finished_at = null, updated_at = $1
               where id = $2 and status in ('FAILED', 'CANCELLED', 'QUEUED') and not exists (
                 select 1 from jobs other where other.kind = jobs.kind and other.unique_key = jobs.unique_key and other.id <> jobs.id
                   and other.status in ('QUEUED', 'RUNNING'))";
    let backend = tx.get_database_backend();
    let updated = tx.execute_raw(Statement::from_sql_and_values(backend, sql, [now.into(), id.into()])).await;
    match updated {
        Ok(updated) if updated.rows_affected() == 1 => {
            tx.will_wake(Wake::Jobs);
            return Ok(Retried::Queued);
        }
        Ok(_) => {}
        // The other one came in between.
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => return Ok(Retried::Superseded),
        Err(error) => return Err(error),
    }
    let found = tx.query_one_raw(Statement::from_sql_and_values(backend, "select status from jobs where id = $1", [id.into()])).await?;
    let status: Option<JobStatus> = found.map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(match status {
        Some(JobStatus::Running) => Retried::Running,
        Some(JobStatus::Done) => Retried::Done,
        Some(JobStatus::Queued | JobStatus::Failed | JobStatus::Cancelled) | None => Retried::Superseded,
    })
}
