//! Measuring by the clock. What is found is set, never added: a measurement that is made twice, or begun by a process that
//! dies, counts once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use chrono_tz::Tz;
use entities::{StoreId, TenantId, UsageMetric};
use platform::callers::actions::ReadUsage;
use platform::db::{Access, in_list, is_sqlite};
use platform::jobs::{Backoff, JobError, JobKind, NewJob, Queue, Running, Schedule, Worker, enqueue};
use platform::usage::{Measured, day_bounds, set_day, time_zones};
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, Statement, Value};
use uuid::Uuid;

const BACKOFF: Backoff = Backoff::Exponential(Duration::from_secs(60), Duration::from_secs(900));

/// Counts the deliveries of today and yesterday, of all tenants.
pub const WEBHOOK_EVENTS: JobKind =
    JobKind { name: "usage.webhook_events", queue: Queue::UPKEEP, max_attempts: 5, timeout: Duration::from_secs(600), backoff: BACKOFF };
/// Has every tenant's stored data measured.
pub const STORED_DATA: JobKind =
    JobKind { name: "usage.stored_data", queue: Queue::UPKEEP, max_attempts: 5, timeout: Duration::from_secs(600), backoff: BACKOFF };
/// Measures the stored data of one tenant.
pub const STORED_DATA_OF_TENANT: JobKind =
    JobKind { name: "usage.stored_data_of_tenant", queue: Queue::UPKEEP, max_attempts: 5, timeout: Duration::from_secs(1_800), backoff: BACKOFF };

/// What is counted as stored, each with a `store_id`.
const TABLES: [&str; 5] = ["customers", "products", "product_variants", "orders", "order_items"];

/// Who measures.
pub fn workers() -> Vec<Arc<dyn Worker>> {
    vec![Arc::new(WebhookEvents), Arc::new(StoredData), Arc::new(StoredDataOfTenant)]
}

/// When it is measured.
pub fn schedules() -> Vec<Schedule> {
    let hourly = Schedule::new("usage.webhook_events", "5 * * * *", Tz::UTC, &WEBHOOK_EVENTS);
    let nightly = Schedule::new("usage.stored_data", "30 3 * * *", Tz::Asia__Tokyo, &STORED_DATA);
    [hourly, nightly].into_iter().flatten().collect()
}

struct WebhookEvents;

#[async_trait]
impl Worker for WebhookEvents {
    fn kind(&self) -> &'static JobKind {
        &WEBHOOK_EVENTS
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let mut zones = BTreeMap::<&'static str, (Tz, Vec<Uuid>)>::new();
        for (tenant, zone) in time_zones(&job.db().read(Access::Worker).await?).await? {
            zones.entry(zone.name()).or_insert_with(|| (zone, Vec::new())).1.push(tenant.uuid());
        }
        for (zone, tenants) in zones.into_values() {
            let today = job.now().with_timezone(&zone).date_naive();
            for day in [today - TimeDelta::days(1), today] {
                let (from, before) = day_bounds(zone, day);
                let (listed, value) = in_list(job.db().backend(), "tenant_id", 1, &tenants);
                let sql = format!(
                    "select tenant_id, store_id, count(*) from webhook_events where {listed} and received_at >= $2 and received_at < $3 group by tenant_id, store_id"
                );
                let tx = job.db().write(Access::Worker).await?;
                let mut found = BTreeMap::<TenantId, BTreeMap<Option<StoreId>, i64>>::new();
                for row in tx.query_all_raw(job.db().statement(sql, [value, from.into(), before.into()])).await? {
                    found.entry(row.try_get_by_index(0)?).or_default().insert(row.try_get_by_index(1)?, row.try_get_by_index(2)?);
                }
                for (tenant, amounts) in found {
                    set_day(&tx, &Measured { tenant, day, metric: UsageMetric::WebhookEvents, amounts }, job.now()).await?;
                }
                tx.commit().await?;
            }
        }
        Ok(())
    }
}

struct StoredData;

#[async_trait]
impl Worker for StoredData {
    fn kind(&self) -> &'static JobKind {
        &STORED_DATA
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let tx = job.db().write(Access::Worker).await?;
        for tenant in time_zones(&tx).await?.into_keys() {
            let measure = NewJob::new(&STORED_DATA_OF_TENANT, Some(tenant), job.payload.clone()).unique(tenant);
            enqueue(&tx, &job.trace(), measure).await?;
        }
        job.done(&tx).await?;
        Ok(tx.commit().await?)
    }
}

struct StoredDataOfTenant;

#[async_trait]
impl Worker for StoredDataOfTenant {
    fn kind(&self) -> &'static JobKind {
        &STORED_DATA_OF_TENANT
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        // Whoever writes usage reads no commerce, and the other way round.
        let ctx = job.ctx()?;
        let permit = ctx.authorize::<ReadUsage>().map_err(|denied| JobError::Fail(denied.to_string()))?;
        let tenant = permit.one_tenant().map_err(|denied| JobError::Fail(denied.to_string()))?;
        let reader = ctx.reader().await?;
        let Some(zone) = time_zones(&reader).await?.remove(&tenant) else { return Ok(()) };
        let (mut rows, mut bytes) = (BTreeMap::new(), BTreeMap::new());
        for table in TABLES {
            for (store, number, size) in stored(&reader, tenant, table).await? {
                *rows.entry(Some(store)).or_default() += number;
                *bytes.entry(Some(store)).or_default() += size;
            }
        }
        drop(reader);
        ctx.release().await;
        let day = job.now().with_timezone(&zone).date_naive();
        let tx = job.db().write(Access::Worker).await?;
        for (metric, amounts) in [(UsageMetric::StoredRows, rows), (UsageMetric::StoredBytes, bytes)] {
            set_day(&tx, &Measured { tenant, day, metric, amounts }, job.now()).await?;
        }
        job.done(&tx).await?;
        Ok(tx.commit().await?)
    }
}

/// A tenant's rows of a table by store, and about how many bytes they take.
async fn stored(tx: &Tx, tenant: TenantId, table: &str) -> Result<Vec<(StoreId, i64, i64)>, DbErr> {
    let backend = tx.get_database_backend();
    // Where the database does not know the average row yet, the table is new, and its rows are quickly measured one by one.
    let (size, values): (_, Vec<Value>) = match row_size(tx, table).await? {
        Some(average) => ("cast(count(*) * cast($2 as double precision) as bigint)", vec![tenant.into(), average.into()]),
        None => ("cast(coalesce(sum(pg_column_size(counted.*)), 0) as bigint)", vec![tenant.into()]),
    };
    let sql = format!("select store_id, count(*), {size} from {table} counted where tenant_id = $1 group by store_id");
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?))).collect()
}

/// The bytes that a row of a table takes on average, with its part of the indexes.
async fn row_size(tx: &Tx, table: &str) -> Result<Option<f64>, DbErr> {
    let backend = tx.get_database_backend();
    let sql = if is_sqlite(backend) {
        format!(
            "select cast((select sum(pgsize) from dbstat where aggregate = true and name in (select name from sqlite_schema where tbl_name = $1)) as real)
               / max((select count(*) from {table}), 1)"
        )
    } else {
        "select case when reltuples > 0 then pg_total_relation_size(oid)::float8 / reltuples::float8 end
         from pg_class where oid = to_regclass('public.' || $1)"
            .to_owned()
    };
    let found = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, [table.into()])).await?;
    found.map_or(Ok(None), |row| row.try_get_by_index(0))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_measurement_has_its_time() {
        assert_eq!(super::schedules().len(), 2);
    }
}
