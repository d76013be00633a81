//! Enqueueing: an insert in the business transaction.

use chrono::{DateTime, Utc};
use entities::{JobId, JobStatus, TenantId};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use serde_json::Value;

use super::work::JobKind;
use crate::Trace;
use crate::db::{Tx, Wake};

/// A job to be done.
#[derive(Debug)]
pub struct NewJob {
    /// What kind of work.
    pub kind: &'static JobKind,
    /// The tenant; none for what belongs to none.
    pub tenant: Option<TenantId>,
    /// What it is about: ids, no copies of rows.
    pub payload: Value,
    /// While a job of this kind with this key waits or runs, there is no second one.
    pub unique_key: Option<String>,
    /// When it is due; at once when left out.
    pub run_at: Option<DateTime<Utc>>,
}

impl NewJob {
    /// A job that is due at once.
    pub fn new(kind: &'static JobKind, tenant: Option<TenantId>, payload: Value) -> Self {
        Self { kind, tenant, payload, unique_key: None, run_at: None }
    }

    /// The only one of its kind with this key.
    pub fn unique(self, key: impl ToString) -> Self {
        Self { unique_key: Some(key.to_string()), ..self }
    }

    /// Not before `at`.
    pub fn at(self, at: DateTime<Utc>) -> Self {
        Self { run_at: Some(at), ..self }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It will be done once the transaction is committed.
    New(JobId),
    /// Another one with its key waits or runs already.
    AlreadyThere,
}

/// The columns of a job that is enqueued.
pub(crate) const INTO_JOBS: &str =
    "insert into jobs (id, tenant_id, queue, kind, unique_key, payload, status, attempts, max_attempts, run_at, created_at, updated_at)";

/// Writes a job into the transaction that makes it necessary.
pub async fn enqueue(tx: &Tx, trace: &Trace, job: NewJob) -> Result<Enqueued, DbErr> {
    let (id, now): (JobId, _) = (trace.new_id(), trace.now());
    let sql = format!(
        "{INTO_JOBS} values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $10)
         on conflict (kind, unique_key) where unique_key is not null and status in ('QUEUED', 'RUNNING') do nothing"
    );
    let values = [
        id.into(),
        job.tenant.into(),
        job.kind.queue.name.into(),
        job.kind.name.into(),
        job.unique_key.into(),
        job.payload.into(),
        JobStatus::Queued.as_str().into(),
        i32::try_from(job.kind.max_attempts).unwrap_or(i32::MAX).into(),
        job.run_at.unwrap_or(now).into(),
        now.into(),
    ];
    let written = tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected();
    tx.will_wake(Wake::Jobs);
    Ok(if written == 1 { Enqueued::New(id) } else { Enqueued::AlreadyThere })
}
