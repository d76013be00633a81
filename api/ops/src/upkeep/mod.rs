//! Upkeep: what was kept long enough goes, a little at a time; what nobody works on any more is told so.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Tokyo;
use platform::DbErr;
use platform::db::{Access, Database, is_sqlite};
use platform::jobs::{Backoff, JobError, JobKind, Queue, Running, Schedule, Worker};
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
const BATCH: i64 = 1_000;

/// What goes, and after how many days. The newest instant that goes is the statement's `$1`.
const OLD: [(&str, &str, i64); 4] = [
    ("webhook_deliveries", "created_at < $1 and status <> 'PENDING'", 30),
    ("events", "occurred_at < $1 and position is not null", 30),
    ("jobs", "finished_at < $1 and status in ('DONE', 'CANCELLED')", 7),
    ("jobs", "finished_at < $1 and status = 'FAILED'", 90),
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
        for (table, condition, days) in OLD {
            let deleted = delete(db, table, condition, now - TimeDelta::days(days)).await?;
            if deleted > 0 {
                tracing::info!(table, days, deleted, "deleted what was kept long enough");
            }
        }
        give_up_orphans(db, now).await?;
        Ok(())
    }
}

async fn delete(db: &Database, table: &str, condition: &str, before: DateTime<Utc>) -> Result<u64, DbErr> {
    let sql = format!("delete from {table} where id in (select id from {table} where {condition} limit $2)");
    let mut deleted = 0;
    loop {
        let tx = db.write(Access::Worker).await?;
        let some = tx.execute_raw(db.statement(&sql, [before.into(), BATCH.into()])).await?.rows_affected();
        tx.commit().await?;
        deleted += some;
        if some < BATCH.unsigned_abs() {
            return Ok(deleted);
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
        let values = [now.into(), (now - TimeDelta::hours(1)).into(), BATCH.into()];
        let some = tx.execute_raw(db.statement(&sql, values)).await?.rows_affected();
        tx.commit().await?;
        if some < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn upkeep_has_its_time() {
        assert_eq!(super::schedules().len(), 1);
    }
}
