//! What the machinery holds of a tenant: jobs, audit entries, usage.

use std::collections::BTreeMap;
use std::time::Duration;

use entities::{AuditEventId, JobId, StoreId, SyncRunId, TenantId, UsageMetric};
use platform::Trace;
use platform::db::Access;
use platform::jobs::{Backoff, Enqueued, JobKind, NewJob, Queue, enqueue};
use platform::usage::{Measured, set_day};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::Server;

/// Work that nobody does.
pub const IDLE: JobKind = JobKind {
    name: "town.idle",
    queue: Queue::UPKEEP,
    max_attempts: 3,
    timeout: Duration::from_secs(1),
    backoff: Backoff::Exponential(Duration::from_secs(60), Duration::from_secs(600)),
};

/// A job that waits.
pub async fn queued_job(server: &Server, tenant: TenantId) -> JobId {
    let tx = server.db().write(Access::Worker).await.expect("a transaction");
    let job = NewJob::new(&IDLE, Some(tenant), json!({ "tenantId": tenant.to_string() }));
    let Enqueued::New(id) = enqueue(&tx, &Trace::system("a town", server.clock()), job).await.expect("a job") else { panic!("a job without a key is new") };
    tx.commit().await.expect("a job");
    id
}

/// A job that failed for good.
pub async fn failed_job(server: &Server, tenant: TenantId) -> JobId {
    let (id, db) = (queued_job(server, tenant).await, server.db());
    let tx = db.write(Access::Worker).await.expect("a transaction");
    let sql = "update jobs set status = 'FAILED', attempts = max_attempts, last_error = 'no luck', finished_at = $1 where id = $2";
    tx.execute_raw(db.statement(sql, [server.clock().now().into(), id.into()])).await.expect("a failed job");
    tx.commit().await.expect("a failed job");
    id
}

/// A run of a sync of a store, that nobody works on; those before it are over.
pub async fn sync_run(server: &Server, tenant: TenantId, store: StoreId, status: &str) -> SyncRunId {
    let (db, now, id) = (server.db(), server.clock().now(), Trace::system("a town", server.clock()).new_id::<SyncRunId>());
    let tx = db.write(Access::Tenant(tenant)).await.expect("a transaction");
    let sql = "update sync_runs set status = 'CANCELLED', finished_at = $1 where tenant_id = $2 and store_id = $3 and status in ('QUEUED', 'RUNNING')";
    tx.execute_raw(db.statement(sql, [now.into(), tenant.into(), store.into()])).await.expect("no run");
    let sql = "insert into sync_runs (id, tenant_id, store_id, kind, status, phase, archived, asked, received, created, updated, unchanged, deleted, rejected,
                 failures, warnings, rejections, created_at, updated_at)
               values ($1, $2, $3, 'FULL', $4, 'WAITING', true, 0, 0, 0, 0, 0, 0, 0, 0, '[]', '[]', $5, $5)";
    tx.execute_raw(db.statement(sql, [id.into(), tenant.into(), store.into(), status.into(), now.into()])).await.expect("a run");
    tx.commit().await.expect("a run");
    id
}

/// The first entry of a tenant's log.
pub async fn first_audit_event(server: &Server, tenant: TenantId) -> AuditEventId {
    let (db, sql) = (server.db(), "select id from audit_events where tenant_id = $1 order by seq limit 1");
    let tx = db.read(Access::Platform).await.expect("a transaction");
    let row = tx.query_one_raw(db.statement(sql, [tenant.into()])).await.expect("an entry").expect("an entry");
    row.try_get_by_index(0).expect("its id")
}

/// Something that a store used yesterday.
pub async fn used(server: &Server, tenant: TenantId, store: StoreId) {
    let now = server.clock().now();
    let (day, amounts) = (now.date_naive().pred_opt().expect("a day"), BTreeMap::from([(Some(store), 7), (None, 1)]));
    let tx = server.db().write(Access::Worker).await.expect("a transaction");
    set_day(&tx, &Measured { tenant, day, metric: UsageMetric::WebhookEvents, amounts }, now).await.expect("usage");
    tx.commit().await.expect("usage");
}
