//! Counting deliveries by the hour, from the inbox itself. What is found is set, never added: counted twice, it is still once.

use chrono::{DateTime, TimeDelta, Utc};
use entities::TenantId;
use platform::db::{Access, Database, in_list, is_sqlite};
use platform::{DbErr, Tx};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{HOURS, KEPT, WINDOWS, hour_of};

/// A delivery that came so long ago is in the database, or will never be.
const COMMITTED: TimeDelta = TimeDelta::minutes(2);
/// Hours that are counted again: a delivery may find its store later than it came.
const AGAIN: TimeDelta = TimeDelta::hours(HOURS);
/// How far back it is counted the first time.
const FIRST: TimeDelta = TimeDelta::hours(HOURS * (WINDOWS as i64 + 1));

/// Counts the deliveries of all tenants up to the last whole hour, and leaves each tenant's mark there.
pub(super) async fn count(db: &Database, now: DateTime<Utc>) -> Result<(), DbErr> {
    let until = hour_of(now - COMMITTED);
    let tx = db.write(Access::Worker).await?;
    let tenants = tenants(&tx).await?;
    let from = earliest_mark(&tx).await?.map_or(until - FIRST, |mark| mark.min(until) - AGAIN);
    let (listed, tenants) = in_list(db.backend(), "e.tenant_id", 1, &tenants);
    let hour = if is_sqlite(db.backend()) { "substr(e.received_at, 1, 13) || ':00:00+00:00'" } else { "date_trunc('hour', e.received_at, 'UTC')" };
    let sql = format!(
        "insert into store_deliveries (tenant_id, store_id, connection_id, hour, api_version, received)
         select e.tenant_id, e.store_id, e.connection_id, {hour}, coalesce(e.api_version, ''), count(*)
         from webhook_events e join stores s on s.tenant_id = e.tenant_id and s.id = e.store_id
         where {listed} and e.received_at >= $2 and e.received_at < $3 and {KEPT}
         group by e.tenant_id, e.store_id, e.connection_id, {hour}, coalesce(e.api_version, '')
         on conflict (tenant_id, store_id, hour, connection_id, api_version) do update set received = excluded.received"
    );
    tx.execute_raw(db.statement(sql, [tenants, from.into(), until.into()])).await?;
    let at = if is_sqlite(db.backend()) { "$1" } else { "$1::timestamptz" };
    let sql = format!(
        "insert into delivery_marks (tenant_id, counted_until) select id, {at} from tenants where deleted_at is null
         on conflict (tenant_id) do update set counted_until = excluded.counted_until"
    );
    tx.execute_raw(db.statement(sql, [until.into()])).await?;
    tx.commit().await
}

async fn tenants(tx: &Tx) -> Result<Vec<Uuid>, DbErr> {
    let sql = sea_orm::Statement::from_string(tx.get_database_backend(), "select id from tenants where deleted_at is null");
    tx.query_all_raw(sql).await?.iter().map(|row| Ok(row.try_get_by_index::<TenantId>(0)?.uuid())).collect()
}

/// Up to when the deliveries of every tenant that was counted before are counted.
async fn earliest_mark(tx: &Tx) -> Result<Option<DateTime<Utc>>, DbErr> {
    let sql = "select m.counted_until from delivery_marks m join tenants t on t.id = m.tenant_id where t.deleted_at is null order by m.counted_until limit 1";
    let found = tx.query_one_raw(sea_orm::Statement::from_string(tx.get_database_backend(), sql)).await?;
    found.map(|row| row.try_get_by_index(0)).transpose()
}
