//! What the machinery holds of a tenant: jobs, audit entries, usage.

use std::collections::BTreeMap;
use std::time::Duration;

use entities::{AuditEventId, JobId, StoreId, TenantId, UsageMetric};
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
