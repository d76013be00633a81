//! Escalation (seed 001): when nobody has looked after an alert for long enough, the next level is told. The first level is what
//! every alert comes to by itself, the list tells of those behind it.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entities::{AlertId, AlertStatus, EventType, TenantId};
use platform::callers::actions::ManageNotifications;
use platform::db::List;
use platform::jobs::{Backoff, JobError, JobKind, NewJob, Queue, Running, Worker, enqueue_all};
use platform::outbox::{Event, FeedId};
use platform::{DbErr, Trace, Tx};
use sea_orm::{ConnectionTrait, Statement};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rules::NotificationSettings;
use super::store;
use crate::alerts::{AlertEvent, AlertRow, escalate};

/// Telling the next level.
pub const ESCALATE: &JobKind = &JobKind {
    name: "notification.escalate",
    queue: Queue::NOTIFICATIONS,
    max_attempts: 10,
    timeout: Duration::from_secs(30),
    backoff: Backoff::Exponential(Duration::from_secs(5), Duration::from_secs(10 * 60)),
};

/// Open alerts that a new list is applied to at once, at most.
const OPEN: i64 = 1_000;

/// What a job is about.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Errand {
    alert_id: AlertId,
    level: i32,
    /// When the alert was raised, or came to the level before.
    since: DateTime<Utc>,
}

impl Errand {
    fn job(self, tenant: Option<TenantId>, at: DateTime<Utc>) -> NewJob {
        let key = format!("{}:{}", self.alert_id.uuid().simple(), self.level);
        NewJob::new(ESCALATE, tenant, json!(self)).unique(key).at(at)
    }
}

/// The job that tells the next level, where there is one: an alert that has become worse begins again. One that is silenced waits
/// for nothing, until it can be heard of again.
pub(super) fn next(event: &Event, alert: &AlertEvent, settings: &NotificationSettings) -> Option<NewJob> {
    let level = match alert.kind {
        EventType::AlertRaised => 1,
        EventType::AlertUpdated if alert.worse || alert.escalated || alert.audible => alert.escalation_level + 1,
        _ => return None,
    };
    let after = settings.level(level)?.after_minutes;
    let errand = Errand { alert_id: alert.alert_id, level, since: event.occurred_at };
    (alert.status == AlertStatus::Open && !alert.silenced).then(|| errand.job(alert.tenant_id, event.occurred_at + TimeDelta::minutes(after)))
}

/// The list was changed: what waits looks at it again, and what is open and waits for nothing begins now.
pub(super) async fn follow_new_list(tx: &Tx, trace: &Trace, tenant: Option<TenantId>, levels: usize) -> Result<(), DbErr> {
    let (backend, now) = (tx.get_database_backend(), trace.now());
    let of = if tenant.is_some() { "tenant_id = $3" } else { "tenant_id is null" };
    let sql = format!("update jobs set run_at = $1, updated_at = $1 where kind = $2 and {of} and status = 'QUEUED' and run_at > $1");
    let mut values: Vec<sea_orm::Value> = vec![now.into(), ESCALATE.name.into()];
    values.extend(tenant.map(Into::into));
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let sql = "select id, escalation_level from alerts where feed_id = $1 and status = 'OPEN' and escalation_level < $2 order by created_at desc limit $3";
    let values = [FeedId::of(tenant).uuid().into(), i32::try_from(levels).unwrap_or(i32::MAX).into(), OPEN.into()];
    let mut jobs = Vec::new();
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
        let (alert_id, level): (AlertId, i32) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        jobs.push(Errand { alert_id, level: level + 1, since: now }.job(tenant, now));
    }
    enqueue_all(tx, trace, jobs).await.map(drop)
}

/// Tells the next level of alerts that nobody looks after.
#[derive(Debug, Default)]
pub struct Escalator;

#[async_trait]
impl Worker for Escalator {
    fn kind(&self) -> &'static JobKind {
        ESCALATE
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let Errand { alert_id, level, since } = job.payload()?;
        let ctx = job.ctx()?;
        let permit = ctx.authorize::<ManageNotifications>().map_err(|error| JobError::Fail(error.to_string()))?;
        let now = ctx.now();
        let tx = ctx.writer().await?;
        let alert = List::<AlertRow, _>::new(&tx, &permit).by_ids(&[alert_id.uuid()]).await?.pop();
        if alert.is_some_and(|alert| alert.status == AlertStatus::Open && alert.escalation_level + 1 == level)
            && let Some(next) = store::settings(&tx, job.tenant).await?.level(level)
        {
            let due = since + TimeDelta::minutes(next.after_minutes);
            if due > now {
                return Err(JobError::Postpone((due - now).to_std().unwrap_or_default(), "the level is not due yet".to_owned()));
            }
            escalate(&tx, &job.trace(), alert_id, level).await?;
        }
        job.done(&tx).await?;
        Ok(ctx.commit_unrecorded(tx).await?)
    }
}
