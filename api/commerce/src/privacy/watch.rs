//! Every hour: requests that are not done when they should be, stores whose time has come, bundles that were kept long enough.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use chrono_tz::Asia::Tokyo;
use entities::{EventType, PrivacyRequestId, PrivacyRequestKind, StoreId, TenantId};
use platform::db::Access;
use platform::jobs::{Backoff, JobError, JobKind, Queue, Running, Schedule, Worker, enqueue};
use platform::outbox::emit_all;
use platform::record::Happened;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::receive::{NewRequest, work_on, write};
use super::store::statement;

/// Looking after requests.
pub const WATCH: &JobKind = &JobKind {
    name: "privacy.watch",
    queue: Queue::UPKEEP,
    max_attempts: 5,
    timeout: Duration::from_secs(600),
    backoff: Backoff::Exponential(Duration::from_secs(60), Duration::from_secs(600)),
};

/// After how many days a request that is not done is told of: there are ten days left, and two.
const WARNINGS: [i64; 2] = [20, 28];
/// Rows of one transaction.
const BATCH: i64 = 500;

/// When it is done.
pub fn schedules() -> Vec<Schedule> {
    Schedule::new("privacy.watch", "17 * * * *", Tokyo, WATCH).into_iter().collect()
}

/// Looks after requests of all tenants.
#[derive(Debug, Default)]
pub struct Watching;

#[async_trait]
impl Worker for Watching {
    fn kind(&self) -> &'static JobKind {
        WATCH
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        while warn(job).await? {}
        delete_stores(job).await?;
        work_again(job).await?;
        forget_bundles(job).await
    }
}

/// Tells of requests that are not done, once after each of the days; whether there may be more.
async fn warn(job: &Running) -> Result<bool, JobError> {
    let now = job.now();
    let tx = job.db().write(Access::Worker).await?;
    let sql = "select id, tenant_id, store_id, kind, due_at, received_at from privacy_requests
               where status <> 'COMPLETED' and (warned_days < $1 and received_at <= $2 or warned_days < $3 and received_at <= $4)
               order by received_at limit $5";
    let [first, second] = WARNINGS;
    let values = [first.into(), (now - TimeDelta::days(first)).into(), second.into(), (now - TimeDelta::days(second)).into(), BATCH.into()];
    let rows = tx.query_all_raw(statement(&tx, sql, values)).await?;
    let mut events = Vec::new();
    for row in &rows {
        let (id, tenant): (PrivacyRequestId, TenantId) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let (store, kind): (Option<StoreId>, PrivacyRequestKind) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        let (due_at, received_at): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) = (row.try_get_by_index(4)?, row.try_get_by_index(5)?);
        let days = if received_at <= now - TimeDelta::days(second) { second } else { first };
        // Whoever finishes it at this moment waits for this, or has finished it.
        let sql = "update privacy_requests set warned_days = $1 where tenant_id = $2 and id = $3 and status <> 'COMPLETED' and warned_days < $1";
        if tx.execute_raw(statement(&tx, sql, [days.into(), tenant.into(), id.into()])).await?.rows_affected() == 1 {
            let data = json!({ "privacyRequestId": id, "kind": kind, "storeId": store, "days": days, "dueAt": due_at });
            events.push(Happened { kind: EventType::PrivacyRequestDue, tenant: Some(tenant), store, subject: Some(id.to_string()), data });
        }
    }
    let more = i64::try_from(rows.len()).unwrap_or(0) >= BATCH;
    emit_all(&tx, &job.trace(), events).await?;
    tx.commit().await?;
    Ok(more)
}

/// Stores that are uninstalled and whose data is due to be deleted: a request for each.
async fn delete_stores(job: &Running) -> Result<(), JobError> {
    let tx = job.db().read(Access::Worker).await?;
    let sql = "select s.id, s.tenant_id, s.provider, s.domain from stores s where s.status = 'UNINSTALLED' and s.data_deletion_scheduled_at <= $1
                 and (s.data_deletion_completed_at is null or s.data_deletion_completed_at < coalesce(s.installed_at, s.created_at))
                 and not exists (select 1 from privacy_requests p where p.tenant_id = s.tenant_id and p.store_id = s.id
                   and p.kind in ('STORE_DELETION', 'SHOP_REDACTION') and p.status <> 'COMPLETED')";
    let rows = tx.query_all_raw(statement(&tx, sql, [job.now().into()])).await?;
    drop(tx);
    for row in &rows {
        let tenant: TenantId = row.try_get_by_index(1)?;
        let new = NewRequest {
            tenant,
            store: Some(row.try_get_by_index(0)?),
            provider: row.try_get_by_index(2)?,
            shop_domain: row.try_get_by_index(3)?,
            kind: PrivacyRequestKind::StoreDeletion,
            told: None,
        };
        let tx = job.db().write(Access::Tenant(tenant)).await?;
        write(&tx, &job.trace(), new).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// A request that waits has a job that waits: one whose process died too often, or was called off, gets another.
async fn work_again(job: &Running) -> Result<(), JobError> {
    let tx = job.db().write(Access::Worker).await?;
    let sql = "select id, tenant_id from privacy_requests where status = 'PENDING' and received_at <= $1 order by received_at limit $2";
    for row in tx.query_all_raw(statement(&tx, sql, [(job.now() - TimeDelta::hours(1)).into(), BATCH.into()])).await? {
        enqueue(&tx, &job.trace(), work_on(row.try_get_by_index(1)?, row.try_get_by_index(0)?)).await?;
    }
    Ok(tx.commit().await?)
}

async fn forget_bundles(job: &Running) -> Result<(), JobError> {
    let tx = job.db().write(Access::Worker).await?;
    let sql =
        "update privacy_requests set bundle_sealed = null, bundle_bytes = null, updated_at = $1 where bundle_sealed is not null and bundle_deletion_at <= $1";
    tx.execute_raw(statement(&tx, sql, [job.now().into()])).await?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_has_its_time() {
        assert_eq!(super::schedules().len(), 1);
    }
}
