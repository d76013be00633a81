//! Jobs: what waits, runs and has failed; trying again and calling off.

use async_graphql::{Context, Enum, ID, InputObject, Json, Object, Result};
use chrono::{DateTime, Utc};
use entities::JobId;
use futures::FutureExt;
use futures::future::BoxFuture;
use ops::jobs::{JobRow, JobSort};
use platform::OpCtx;
use serde_json::Value;

use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::input::{self, DateTimeRange, order_input, texts};
use crate::graphql::node::find;
use crate::graphql::objects::{IntoFilter, Planned, list, object, plan};
use crate::graphql::payload::payload;
use crate::graphql::people::Tenant;
use crate::graphql::render::{Rendered, render_scalars};
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::JobStatus")]
pub enum JobStatus {
    /// Waits for its time.
    Queued,
    /// Is being worked on.
    Running,
    /// Done.
    Done,
    /// Failed for good: nobody tries again by itself.
    Failed,
    /// Called off by somebody.
    Cancelled,
}

render_scalars! {
    JobStatus: |value, out| serde_json::to_writer(out, entities::JobStatus::from(*value).as_str())?;
}

object! {
    /// A piece of work that is done beside requests, and survives whoever does it.
    Job(JobRow) {
        /// Opaque id, `job_…`.
        id: ID = |row| row.id.to_string().into();
        /// The queue that it is in: jobs of one queue are done so many at a time.
        queue: String = |row| row.queue.clone();
        /// What kind of work it is, `room.verb`.
        kind: String = |row| row.kind.clone();
        /// How far it is.
        status: JobStatus = |row| row.status.into();
        /// Times that it was begun since it was enqueued or tried again.
        attempts: i64 = |row| row.attempts.into();
        /// Times that it may be begun before it has failed for good.
        max_attempts: i64 = |row| row.max_attempts.into();
        /// What it is about: a JSON object of ids.
        payload: Json<Value> = |row| Json(row.payload.clone());
        /// While it waits or runs, there is no other one of its kind with this key.
        unique_key: Option<String> = |row| row.unique_key.clone();
        /// Why the last attempt did not succeed.
        last_error: Option<String> = |row| row.last_error.clone();
        /// When it is due, or was (UTC).
        run_at: DateTime<Utc> = |row| row.run_at;
        /// When it was last begun (UTC).
        started_at: Option<DateTime<Utc>> = |row| row.started_at;
        /// When it was done, failed for good or was called off (UTC).
        finished_at: Option<DateTime<Utc>> = |row| row.finished_at;
        /// When it was enqueued (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The tenant that it is for; null for what is done for none or for all.
        tenant: Tenant;
    }
}

/// Which jobs: everything that is given must hold.
#[derive(InputObject)]
pub struct JobFilter {
    /// In one of these states.
    statuses: Option<Vec<JobStatus>>,
    /// In one of these queues, at most 250.
    queues: Option<Vec<String>>,
    /// Of one of these kinds, at most 250.
    kinds: Option<Vec<String>>,
    /// Enqueued within this time.
    created_at: Option<DateTimeRange>,
}

impl IntoFilter<ops::jobs::JobFilter> for JobFilter {
    fn into_filter(self) -> Result<ops::jobs::JobFilter> {
        Ok(ops::jobs::JobFilter {
            statuses: self.statuses.map(|all| all.into_iter().map(Into::into).collect()),
            queues: texts(self.queues)?,
            kinds: texts(self.kinds)?,
            created_at: self.created_at.map(DateTimeRange::read).transpose()?,
        })
    }
}

order_input! {
    /// The order of a list of jobs. Without it: the newest first.
    JobOrder by
    /// What jobs are sorted by.
    JobSortKey for JobSort {
        /// When they were enqueued.
        CreatedAt,
    }
    default CreatedAt Desc
}

impl Planned for Job {
    type Row = JobRow;
    type FilterInput = JobFilter;
    type OrderInput = JobOrder;
    const NAME: &'static str = "Job";

    fn bare(row: JobRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &JobRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, jobs: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "tenant") {
                let tenants = Tenant::referred(ctx, jobs.iter().filter_map(|job| job.row.tenant_id), &selected).await?;
                for job in jobs.iter_mut() {
                    job.tenant = tenants.map(|found| job.row.tenant_id.and_then(|tenant| found.get(&tenant).cloned()));
                }
            }
            Ok(())
        }
        .boxed()
    }
}

/// Reading jobs.
#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// One job; null if it is missing or another tenant's. Administrators only.
    async fn job(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<Job>>> {
        Ok(find(ctx, input::id::<JobId>(&id)?.uuid()).await?.map(Rendered))
    }

    /// The jobs of the tenant, or of all tenants and of none for a platform administrator who has chosen none. Administrators only.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only jobs for which all of this holds.")] filter: Option<JobFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<JobOrder>,
    ) -> Result<Rendered<Connection<Job>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }
}

/// Which job to have tried again.
#[derive(InputObject)]
pub struct JobRetryInput {
    /// The job.
    id: ID,
}

/// Which job to call off.
#[derive(InputObject)]
pub struct JobCancelInput {
    /// The job.
    id: ID,
}

payload! {
    /// What came of jobRetry.
    JobRetryPayload {
        /// The job.
        job: Job,
    }
    /// What came of jobCancel.
    JobCancelPayload {
        /// The job.
        job: Job,
    }
}

/// Having jobs tried again, and calling them off.
#[derive(Default)]
pub struct JobMutation;

/// The job as it was written, with what is selected of it below the payload's field.
async fn in_payload(ctx: &Context<'_>, row: JobRow, payload: &str) -> Result<Option<Job>> {
    Ok(plan::<Job>(op(ctx)?, vec![row], Selected::of(ctx).one(payload, "job").as_ref()).await?.pop())
}

#[Object]
impl JobMutation {
    /// Has a job tried again at once: one that FAILED, was CANCELLED, or is QUEUED for later. Its attempts are counted from 0, so
    /// that it has all of them again. Refused while it runs (JOB_RUNNING), once it is done (JOB_OVER), and when another one of
    /// its kind with its uniqueKey waits or runs (JOB_SUPERSEDED). Administrators only.
    async fn job_retry(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: JobRetryInput) -> Result<JobRetryPayload> {
        match services(ctx)?.jobs.retry(op(ctx)?, input::id(&input.id)?).await {
            Ok(row) => Ok(JobRetryPayload { job: in_payload(ctx, row, "JobRetryPayload").await?, user_errors: Vec::new() }),
            Err(error) => JobRetryPayload::refused(error),
        }
    }

    /// Calls a job off that is QUEUED or RUNNING. One that runs is broken off within seconds, and what it has not committed by
    /// then is not written. Refused when it is over (JOB_OVER). Administrators only.
    async fn job_cancel(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: JobCancelInput) -> Result<JobCancelPayload> {
        match services(ctx)?.jobs.cancel(op(ctx)?, input::id(&input.id)?).await {
            Ok(row) => Ok(JobCancelPayload { job: in_payload(ctx, row, "JobCancelPayload").await?, user_errors: Vec::new() }),
            Err(error) => JobCancelPayload::refused(error),
        }
    }
}
