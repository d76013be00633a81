//! Calling shops: every minute those whose turn it is, so that all have theirs within a quarter of an hour and never all at once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entities::{EventType, StoreHealthStatus, StoreId, TenantId};
use futures::StreamExt;
use integrations::ports::shop::Problem;
use platform::db::{Access, is_sqlite};
use platform::jobs::{Backoff, JobError, JobKind, Queue, Running, Schedule, Worker};
use platform::outbox::emit;
use platform::record::Happened;
use platform::{DbErr, Trace, Tx};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde::Deserialize;
use serde_json::json;

use crate::installs::{ShopError, Shops};

/// Calling the shops whose turn it is.
pub const CHECK: &JobKind = &JobKind {
    name: "stores.health",
    queue: Queue::SHOPS,
    max_attempts: 3,
    timeout: Duration::from_secs(14 * 60),
    backoff: Backoff::Exponential(Duration::from_secs(30), Duration::from_secs(120)),
};

/// A store is unhealthy after so many failures in a row.
pub const FAILURES: i64 = 3;
/// Every store has its turn once in so many minutes.
const TURNS: u128 = 15;
/// Shops that are called at once.
const AT_ONCE: usize = 8;
/// The longest reason that is kept, in characters.
const REASON: usize = 500;

/// Who calls.
pub fn workers(shops: Shops) -> Vec<Arc<dyn Worker>> {
    vec![Arc::new(Checking { shops })]
}

/// When.
pub fn schedules() -> Vec<Schedule> {
    Schedule::new("stores.health", "* * * * *", Tz::UTC, CHECK).into_iter().collect()
}

struct Checking {
    shops: Shops,
}

#[derive(Deserialize)]
struct Tick {
    tick: DateTime<Utc>,
}

/// What a call showed.
enum Shown {
    /// The shop answered, after so long.
    Answered(Duration),
    /// It did not, or not as it should.
    Failed(String),
    /// Nothing can be said.
    Nothing,
}

/// Whose turn it is in a minute, by the store's id.
fn has_turn(store: StoreId, minute: i64) -> bool {
    store.uuid().as_u128() % TURNS == u128::from(minute.unsigned_abs()) % TURNS
}

#[async_trait]
impl Worker for Checking {
    fn kind(&self) -> &'static JobKind {
        CHECK
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let Tick { tick } = job.payload()?;
        let stores: Vec<(TenantId, StoreId)> = in_use(job).await?.into_iter().filter(|(_, store)| has_turn(*store, tick.timestamp() / 60)).collect();
        let checks = futures::stream::iter(stores.into_iter().map(|(tenant, store)| self.check(job, tenant, store, tick)));
        let mut failed = None;
        let mut checks = checks.buffer_unordered(AT_ONCE);
        while let Some(checked) = checks.next().await {
            // One store's trouble is not the others'.
            failed = checked.err().or(failed);
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// The stores that are in use, of tenants that are.
async fn in_use(job: &Running) -> Result<Vec<(TenantId, StoreId)>, DbErr> {
    let tx = job.db().read(Access::Worker).await?;
    let sql = "select s.tenant_id, s.id from stores s join tenants t on t.id = s.tenant_id
               where s.status = 'ACTIVE' and s.access_token_sealed is not null and t.status = 'ACTIVE'";
    let rows = tx.query_all_raw(job.db().statement(sql, [])).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

impl Checking {
    async fn check(&self, job: &Running, tenant: TenantId, store: StoreId, tick: DateTime<Utc>) -> Result<(), DbErr> {
        let known = Known::of(&job.db().read(Access::Tenant(tenant)).await?, tenant, store, false).await?;
        // The job may have been here before.
        if known.is_some_and(|known| known.checked_at >= tick) {
            return Ok(());
        }
        let shown = match self.shops.call(job.db(), tenant, store).await {
            Err(ShopError::Storage(error)) => return Err(error),
            Err(ShopError::NotFound | ShopError::Uninstalled) => return Ok(()),
            Err(error @ (ShopError::NoAccess(_) | ShopError::Later { .. })) => Shown::Failed(error.to_string()),
            Ok(Ok(took)) => Shown::Answered(took),
            // It answers: others use it up.
            Ok(Err(Problem::Throttled { .. })) => Shown::Nothing,
            Ok(Err(problem)) => Shown::Failed(problem.to_string()),
        };
        let tx = job.db().write(Access::Tenant(tenant)).await?;
        record(&tx, &job.trace(), tenant, store, shown).await?;
        tx.commit().await
    }
}

/// How a store was, the last time.
#[derive(Clone, Copy)]
struct Known {
    status: StoreHealthStatus,
    failures: i64,
    checked_at: DateTime<Utc>,
}

impl Known {
    async fn of(tx: &Tx, tenant: TenantId, store: StoreId, held: bool) -> Result<Option<Self>, DbErr> {
        let backend = tx.get_database_backend();
        let held = if held && !is_sqlite(backend) { "for update" } else { "" };
        let sql = format!("select status, consecutive_failures, checked_at from store_health where tenant_id = $1 and id = $2 {held}");
        let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, [tenant.into(), store.into()])).await? else { return Ok(None) };
        Ok(Some(Self { status: row.try_get_by_index(0)?, failures: row.try_get_by_index(1)?, checked_at: row.try_get_by_index(2)? }))
    }
}

/// Writes down what a call showed; where a store is ill or well by it, that is told.
async fn record(tx: &Tx, trace: &Trace, tenant: TenantId, store: StoreId, shown: Shown) -> Result<(), DbErr> {
    let now = trace.now();
    let execute = async |sql: &str, values: Vec<Value>| tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await;
    let (took, why) = match shown {
        Shown::Answered(took) => (Some(i64::try_from(took.as_millis()).unwrap_or(i64::MAX)), None),
        Shown::Failed(why) => (None, Some(why.chars().filter(|c| *c != '\0').take(REASON).collect::<String>())),
        Shown::Nothing => return Ok(()),
    };
    // The app may have been removed, or the store paused, while the shop was called.
    let sql = "insert into store_health (id, tenant_id, status, consecutive_failures, checked_at, updated_at)
               select id, tenant_id, 'HEALTHY', 0, $3, $3 from stores where tenant_id = $1 and id = $2 and status = 'ACTIVE'
               on conflict (tenant_id, id) do nothing";
    execute(sql, vec![tenant.into(), store.into(), now.into()]).await?;
    let Some(known) = Known::of(tx, tenant, store, true).await? else { return Ok(()) };
    let told = match (&why, known.status) {
        (None, StoreHealthStatus::Unhealthy) => Some((EventType::StoreHealthy, json!({ "storeId": store }))),
        (Some(why), StoreHealthStatus::Healthy) if known.failures + 1 >= FAILURES => {
            Some((EventType::StoreUnhealthy, json!({ "storeId": store, "reason": why })))
        }
        _ => None,
    };
    match why {
        None => {
            let sql = "update store_health set status = 'HEALTHY', consecutive_failures = 0, error_message = null, response_ms = $3, checked_at = $4,
                         healthy_at = $4, unhealthy_since_at = null, updated_at = $4 where tenant_id = $1 and id = $2";
            execute(sql, vec![tenant.into(), store.into(), took.into(), now.into()]).await?;
        }
        Some(why) => {
            let sql = "update store_health set status = case when consecutive_failures + 1 >= $3 then 'UNHEALTHY' else status end,
                         unhealthy_since_at = case when consecutive_failures + 1 >= $3 then coalesce(unhealthy_since_at, $5) else unhealthy_since_at end,
                         consecutive_failures = consecutive_failures + 1, error_message = $4, checked_at = $5, updated_at = $5 where tenant_id = $1 and id = $2";
            execute(sql, vec![tenant.into(), store.into(), FAILURES.into(), why.into(), now.into()]).await?;
        }
    }
    if let Some((kind, data)) = told {
        emit(tx, trace, Happened { kind, tenant: Some(tenant), store: Some(store), subject: Some(store.to_string()), data }).await?;
    }
    Ok(())
}

/// What is known of a store's health is over: its shop is not asked any more.
pub(crate) async fn forget(tx: &Tx, tenant: TenantId, store: StoreId) -> Result<(), DbErr> {
    let sql = "delete from store_health where tenant_id = $1 and id = $2";
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [tenant.into(), store.into()])).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_has_its_turn_once_in_a_quarter_of_an_hour() {
        for number in [0, 1, 14, 15, u128::MAX, 0x0190_0000_0000_7000_8000_0000_0000_0001] {
            let store = StoreId::from(uuid::Uuid::from_u128(number));
            assert_eq!((29_000_000..29_000_015).filter(|minute| has_turn(store, *minute)).count(), 1, "{number}");
        }
    }
}
