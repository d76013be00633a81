//! Enqueueing: an insert in the business transaction.

use chrono::{DateTime, Utc};
use entities::{JobId, JobStatus, TenantId};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use serde_json::Value;

use super::work::JobKind;
use crate::Trace;
use crate::db::{Tx, Wake, is_sqlite};

/// Jobs of one statement: each takes eleven parameters, of which SQLite takes 32,766.
const AT_ONCE: usize = 1_000;
const ONCE: &str = "on conflict (kind, unique_key) where unique_key is not null and status in ('QUEUED', 'RUNNING') do nothing";

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
    /// Among whom it waits for its turn; among the jobs of its tenant when left out. However many wait in a lane, the other lanes
    /// do not wait for them.
    pub lane: Option<String>,
}

impl NewJob {
    /// A job that is due at once.
    pub fn new(kind: &'static JobKind, tenant: Option<TenantId>, payload: Value) -> Self {
        Self { kind, tenant, payload, unique_key: None, run_at: None, lane: None }
    }

    /// The only one of its kind with this key.
    pub fn unique(self, key: impl ToString) -> Self {
        Self { unique_key: Some(key.to_string()), ..self }
    }

    /// Not before `at`.
    pub fn at(self, at: DateTime<Utc>) -> Self {
        Self { run_at: Some(at), ..self }
    }

    /// In a lane of its own kind, such as all that is sent to one address.
    pub fn in_lane(self, lane: impl ToString) -> Self {
        Self { lane: Some(lane.to_string()), ..self }
    }

    /// The lane's name.
    pub(crate) fn lane(&self) -> String {
        let own = || self.tenant.map_or_else(|| self.kind.name.to_owned(), |tenant| tenant.uuid().simple().to_string());
        self.lane.clone().unwrap_or_else(own)
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
    "insert into jobs (id, tenant_id, queue, lane, kind, unique_key, payload, status, attempts, max_attempts, run_at, created_at, updated_at)";

/// Writes a job into the transaction that makes it necessary.
pub async fn enqueue(tx: &Tx, trace: &Trace, job: NewJob) -> Result<Enqueued, DbErr> {
    let id: JobId = trace.new_id();
    let written = insert(tx, trace, vec![(id, job)]).await?;
    Ok(if written == 1 { Enqueued::New(id) } else { Enqueued::AlreadyThere })
}

/// Writes many jobs in few statements, and says how many of them were not there already.
pub async fn enqueue_all(tx: &Tx, trace: &Trace, jobs: Vec<NewJob>) -> Result<u64, DbErr> {
    let mut jobs = jobs.into_iter().map(|job| (trace.new_id(), job)).peekable();
    let mut written = 0;
    while jobs.peek().is_some() {
        written += insert(tx, trace, jobs.by_ref().take(AT_ONCE).collect()).await?;
    }
    Ok(written)
}

async fn insert(tx: &Tx, trace: &Trace, jobs: Vec<(JobId, NewJob)>) -> Result<u64, DbErr> {
    let now = trace.now();
    let (mut rows, mut values) = (Vec::with_capacity(jobs.len()), Vec::<sea_orm::Value>::with_capacity(jobs.len() * 11));
    for (id, job) in jobs {
        let lane = job.lane();
        let [a, b, c, d, e, f, g, h, i, j, k] = std::array::from_fn(|offset| values.len() + offset + 1);
        rows.push(format!("(${a}, ${b}, ${c}, ${d}, ${e}, ${f}, ${g}, ${h}, 0, ${i}, ${j}, ${k}, ${k})"));
        values.extend::<[sea_orm::Value; 11]>([
            id.into(),
            job.tenant.into(),
            job.kind.queue.name.into(),
            lane.into(),
            job.kind.name.into(),
            job.unique_key.into(),
            job.payload.into(),
            JobStatus::Queued.as_str().into(),
            i32::try_from(job.kind.max_attempts).unwrap_or(i32::MAX).into(),
            job.run_at.unwrap_or(now).into(),
            now.into(),
        ]);
    }
    let sql = format!("{INTO_JOBS} values {} {ONCE}", rows.join(", "));
    let written = tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected();
    tx.will_wake(Wake::Jobs);
    Ok(written)
}

/// Makes the jobs with these keys that wait for a later time due now. The transaction must see their tenant.
pub async fn hasten(tx: &Tx, trace: &Trace, kind: &'static JobKind, unique_keys: &[String]) -> Result<u64, DbErr> {
    let backend = tx.get_database_backend();
    let keys = serde_json::to_string(unique_keys).map_err(|error| DbErr::Custom(error.to_string()))?;
    let listed = if is_sqlite(backend) { "select value from json_each($3)" } else { "select json_array_elements_text($3::json)" };
    let sql = format!("update jobs set run_at = $1, updated_at = $1 where kind = $2 and unique_key in ({listed}) and status = 'QUEUED' and run_at > $1");
    let hastened = tx.execute_raw(Statement::from_sql_and_values(backend, sql, [trace.now().into(), kind.name.into(), keys.into()])).await?.rows_affected();
    tx.will_wake(Wake::Jobs);
    Ok(hastened)
}
