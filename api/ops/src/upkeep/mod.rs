//! Upkeep: what was kept long enough goes, a little at a time; what nobody works on any more is told so.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Tokyo;
use platform::DbErr;
use platform::db::{Access, Database, is_sqlite};
use platform::jobs::{Backoff, JobError, JobKind, Queue, Running, Schedule, Worker};
use platform::outbox::forget;
use sea_orm::ConnectionTrait;

/// Deleting what was kept long enough.
pub const CLEAN: &JobKind = &JobKind {
    name: "upkeep.clean",
    queue: Queue::UPKEEP,
    max_attempts: 5,
    timeout: Duration::from_secs(30 * 60),
    backoff: Backoff::Exponential(Duration::from_secs(60), Duration::from_secs(30 * 60)),
};

/// Rows of one transaction: whoever writes beside it does not wait for long.
const BATCH: u32 = 1_000;

/// What goes after a while.
struct Old {
    table: &'static str,
    key: &'static str,
    /// Of the rows that go; `$1` is the newest instant that does.
    condition: &'static str,
    days: i64,
    access: Access,
}

impl Old {
    const fn new(table: &'static str, key: &'static str, condition: &'static str, days: i64, access: Access) -> Self {
        Self { table, key, condition, days, access }
    }
}

/// Alerts that are over.
const ALERTS: &str = "resolved_at < $1 and status = 'RESOLVED'";
/// How long they are kept.
const ALERT_DAYS: i64 = 180;

/// How long events are kept.
const EVENT_DAYS: i64 = 30;

/// All of it, what refers to others first.
const OLD: [Old; 11] = [
    Old::new("notifications", "id", "created_at < $1 and status not in ('PENDING', 'SENDING')", 90, Access::Worker),
    Old::new("webhook_deliveries", "id", "created_at < $1 and status <> 'PENDING'", 30, Access::Worker),
    Old::new("alerts", "id", ALERTS, ALERT_DAYS, Access::Worker),
    Old::new("alert_silences", "id", "ends_at < $1", 30, Access::Worker),
    Old::new("jobs", "id", "finished_at < $1 and status in ('DONE', 'CANCELLED')", 7, Access::Worker),
    Old::new("jobs", "id", "finished_at < $1 and status = 'FAILED'", 90, Access::Worker),
    Old::new("refresh_tokens", "secret_hash", "session_id in (select id from sessions where expires_at < $1 or revoked_at < $1)", 30, Access::Identity),
    Old::new(
        "sessions",
        "id",
        "(expires_at < $1 or revoked_at < $1) and not exists (select 1 from refresh_tokens r where r.session_id = sessions.id)",
        30,
        Access::Identity,
    ),
    Old::new("store_calls", "tenant_id, store_id, hour, asked_version, answered_version, outcome", "hour < $1", 90, Access::Worker),
    Old::new("store_deliveries", "tenant_id, store_id, hour, connection_id, api_version", "hour < $1", 90, Access::Worker),
    Old::new("one_time_links", "id", "expires_at < $1", 30, Access::Identity),
];

/// When it is done: at night, where most shops are.
pub fn schedules() -> Vec<Schedule> {
    Schedule::new("upkeep.clean", "40 3 * * *", Tokyo, CLEAN).into_iter().collect()
}

/// Deletes what was kept long enough.
#[derive(Debug, Default)]
pub struct Cleaner;

#[async_trait]
impl Worker for Cleaner {
    fn kind(&self) -> &'static JobKind {
        CLEAN
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let (db, now) = (job.db(), job.now());
        forget_previous_alerts(db, now - TimeDelta::days(ALERT_DAYS)).await?;
        for old in &OLD {
            let deleted = delete(db, old, now - TimeDelta::days(old.days)).await?;
            if deleted > 0 {
                tracing::info!(old.table, old.days, deleted, "deleted what was kept long enough");
            }
        }
        let deleted = forget(db, now - TimeDelta::days(EVENT_DAYS), BATCH).await?;
        if deleted > 0 {
            tracing::info!(table = "events", days = EVENT_DAYS, deleted, "deleted what was kept long enough");
        }
        give_up_orphans(db, now).await?;
        forget_secrets(db, now).await?;
        Ok(())
    }
}

async fn delete(db: &Database, old: &Old, before: DateTime<Utc>) -> Result<u64, DbErr> {
    let Old { table, key, condition, .. } = old;
    let sql = format!("delete from {table} where ({key}) in (select {key} from {table} where {condition} limit $2)");
    let mut deleted = 0;
    loop {
        let tx = db.write(old.access).await?;
        let some = tx.execute_raw(db.statement(&sql, [before.into(), i64::from(BATCH).into()])).await?.rows_affected();
        tx.commit().await?;
        deleted += some;
        if some < u64::from(BATCH) {
            return Ok(deleted);
        }
    }
}

/// Alerts that came back are kept without the one before, when that goes.
async fn forget_previous_alerts(db: &Database, before: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "update alerts set previous_alert_id = null where id in
                 (select a.id from alerts a join alerts p on p.id = a.previous_alert_id where p.status = 'RESOLVED' and p.resolved_at < $1 limit $2)";
    loop {
        let tx = db.write(Access::Worker).await?;
        let some = tx.execute_raw(db.statement(sql, [before.into(), i64::from(BATCH).into()])).await?.rows_affected();
        tx.commit().await?;
        if some < u64::from(BATCH) {
            return Ok(());
        }
    }
}

/// Deliveries whose job was called off, or died with all its attempts, will not be sent by themselves: they can be sent again.
async fn give_up_orphans(db: &Database, now: DateTime<Utc>) -> Result<(), DbErr> {
    let key = if is_sqlite(db.backend()) { "lower(hex(d.id))" } else { "replace(d.id::text, '-', '')" };
    let sql = format!(
        "update webhook_deliveries set status = 'FAILED', next_attempt_at = null, error_message = 'its job was called off or died', updated_at = $1
         where id in (select d.id from webhook_deliveries d where d.status = 'PENDING' and d.next_attempt_at < $2
           and not exists (select 1 from jobs j where j.kind = 'webhook.deliver' and j.unique_key = {key} and j.status in ('QUEUED', 'RUNNING')) limit $3)"
    );
    loop {
        let tx = db.write(Access::Worker).await?;
        let values = [now.into(), (now - TimeDelta::hours(1)).into(), i64::from(BATCH).into()];
        let some = tx.execute_raw(db.statement(&sql, values)).await?.rows_affected();
        tx.commit().await?;
        if some < u64::from(BATCH) {
            return Ok(());
        }
    }
}

/// Secrets that endpoints had before, and that nothing is signed with any more.
async fn forget_secrets(db: &Database, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "update webhook_endpoints set previous_secret_sealed = null, previous_secret_until = null where previous_secret_until <= $1";
    let tx = db.write(Access::Platform).await?;
    tx.execute_raw(db.statement(sql, [now.into()])).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    #[test]
    fn upkeep_has_its_time() {
        assert_eq!(super::schedules().len(), 1);
    }
}
