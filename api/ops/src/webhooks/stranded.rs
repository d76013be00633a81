//! Deliveries whose job failed without settling them, because its process died each time or it took too long: they have failed,
//! and count against their endpoint as any other that was given up.

use std::time::Duration;

use async_trait::async_trait;
use entities::{EventType, JobId};
use platform::callers::actions::ManageWebhooks;
use platform::db::is_sqlite;
use platform::jobs::{Backoff, JobError, JobKind, NewJob, Queue, Running, Worker};
use platform::outbox::Event;
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, Statement};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::deliver::{DELIVER, disable_if_hopeless, follow_job};
use super::message::Errand;
use super::service::give_up_waiting;
use super::store;

/// Giving up a delivery that its own job left behind.
pub const GIVE_UP: &JobKind = &JobKind {
    name: "webhook.give_up",
    queue: Queue::WEBHOOKS,
    max_attempts: 8,
    timeout: Duration::from_secs(60),
    backoff: Backoff::Exponential(Duration::from_secs(5), Duration::from_secs(600)),
};

const WHY: &str = "sending it took too long or ended in the middle each time";

/// Gives up deliveries that their jobs left behind.
#[derive(Debug, Default)]
pub struct Stranded;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    job_id: JobId,
}

/// The work that the failure of a job makes necessary; none unless it sent a delivery.
pub(super) fn job_for(event: &Event) -> Option<NewJob> {
    if event.name != EventType::JobFailed.as_str() || event.data["kind"] != DELIVER.name {
        return None;
    }
    let job_id = JobId::parse(event.subject.as_deref()?).ok()?;
    Some(NewJob::new(GIVE_UP, Some(event.tenant?), json!(Subject { job_id })).unique(job_id))
}

#[async_trait]
impl Worker for Stranded {
    fn kind(&self) -> &'static JobKind {
        GIVE_UP
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let Subject { job_id } = job.payload()?;
        let ctx = job.ctx()?;
        let permit = ctx.authorize::<ManageWebhooks>().map_err(|error| JobError::Fail(error.to_string()))?;
        let (tx, now) = (ctx.writer().await?, ctx.now());
        let mut disabled = None;
        if let Some(payload) = still_failed(&tx, job_id).await?
            && let Ok(errand) = serde_json::from_value::<Errand>(payload.clone())
            && let Some(endpoint) = store::endpoint_locked(&tx, &permit, errand.endpoint_id).await?
            && follow_job(&tx, &payload, Some(WHY), now).await?
        {
            store::endpoint_failed(&tx, &endpoint, now).await?;
            if disable_if_hopeless(&tx, &permit, job, Some(&endpoint), now).await? {
                disabled = Some(endpoint);
            }
        }
        job.done(&tx).await?;
        ctx.commit_unrecorded(tx).await?;
        if let Some(endpoint) = disabled {
            give_up_waiting(&ctx, &endpoint).await?;
        }
        Ok(())
    }
}

/// What a job was about, unless somebody has had it tried again since: who does so now waits.
async fn still_failed(tx: &Tx, id: JobId) -> Result<Option<Value>, DbErr> {
    let backend = tx.get_database_backend();
    let held = if is_sqlite(backend) { "" } else { "for update" };
    let sql = format!(
        "select payload from jobs where id = $1 and status = 'FAILED' and not exists
           (select 1 from jobs o where o.kind = jobs.kind and o.unique_key = jobs.unique_key and o.status in ('QUEUED', 'RUNNING')) {held}"
    );
    tx.query_one_raw(Statement::from_sql_and_values(backend, sql, [id.into()])).await?.map(|row| row.try_get_by_index(0)).transpose()
}
