//! Writing counters under the days of the tenants' time zones.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use entities::{StoreId, TenantId, UsageMetric};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use serde_json::json;
use uuid::Uuid;

use super::count::Counter;
use crate::db::{Tx, in_list, is_sqlite};

/// Where days begin for a tenant whose time zone is not readable.
const DEFAULT_ZONE: Tz = Tz::Asia__Tokyo;

/// A day of a tenant's, what is counted of it, and what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The tenant.
    pub tenant: TenantId,
    /// The day in its time zone.
    pub day: NaiveDate,
    /// What was measured.
    pub metric: UsageMetric,
    /// How much, by store; none for what belongs to no store.
    pub amounts: BTreeMap<Option<StoreId>, i64>,
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(DEFAULT_ZONE)
}

/// The time zones of tenants that are not deleted.
pub async fn time_zones(tx: &Tx) -> Result<BTreeMap<TenantId, Tz>, DbErr> {
    let sql = "select id, time_zone from tenants where deleted_at is null";
    let rows = tx.query_all_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, zone(&row.try_get_by_index::<String>(1)?)))).collect()
}

/// When a day begins and ends in a time zone (UTC). A midnight that summer time skips is the first instant after it.
pub fn day_bounds(zone: Tz, day: NaiveDate) -> (DateTime<Utc>, DateTime<Utc>) {
    let begins = |day: NaiveDate| {
        let midnight = day.and_time(NaiveTime::MIN);
        let local = (0..=12).find_map(|quarters| zone.from_local_datetime(&(midnight + TimeDelta::minutes(15 * quarters))).earliest());
        local.map_or_else(|| midnight.and_utc(), |local| local.with_timezone(&Utc))
    };
    (begins(day), begins(day.succ_opt().unwrap_or(day)))
}

/// Adds what was counted to the days' rows, in one statement. The rows come in one order, so that two who add never wait for
/// each other in a circle.
pub(super) async fn add(tx: &Tx, counted: &BTreeMap<Counter, i64>, now: DateTime<Utc>) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    let mut tenants: Vec<Uuid> = counted.keys().map(|counter| counter.tenant.uuid()).collect();
    tenants.dedup();
    let (listed, value) = in_list(backend, "id", 1, &tenants);
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, format!("select id, time_zone from tenants where {listed}"), [value])).await?;
    let mut zones = HashMap::new();
    for row in &rows {
        zones.insert(row.try_get_by_index::<TenantId>(0)?, zone(&row.try_get_by_index::<String>(1)?));
    }
    let mut days = BTreeMap::<_, i64>::new();
    for (counter, amount) in counted {
        let Some(zone) = zones.get(&counter.tenant) else { continue };
        let day = counter.slot.with_timezone(zone).date_naive();
        *days.entry((counter.tenant, day, counter.store, counter.metric)).or_default() += amount;
    }
    let rows = days.into_iter().map(|((tenant, day, store, metric), amount)| written(tenant, store, day, metric, amount)).collect();
    upsert(tx, rows, "usage_days.amount + excluded.amount", now).await
}

/// Sets what was measured of a day; what was there before of the same day and metric counts no more.
pub async fn set_day(tx: &Tx, measured: &Measured, now: DateTime<Utc>) -> Result<(), DbErr> {
    let Measured { tenant, day, metric, amounts } = measured;
    let gone = "update usage_days set amount = 0, updated_at = $1 where tenant_id = $2 and day = $3 and metric = $4 and amount <> 0";
    let values: [Value; 4] = [now.into(), (*tenant).into(), day.to_string().into(), metric.as_str().into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), gone, values)).await?;
    let rows = amounts.iter().map(|(store, amount)| written(*tenant, *store, *day, *metric, *amount)).collect();
    upsert(tx, rows, "excluded.amount", now).await
}

fn written(tenant: TenantId, store: Option<StoreId>, day: NaiveDate, metric: UsageMetric, amount: i64) -> serde_json::Value {
    let store = store.map_or(Uuid::nil(), StoreId::uuid);
    json!([tenant.uuid().simple().to_string(), store.simple().to_string(), day.to_string(), metric.as_str(), amount])
}

async fn upsert(tx: &Tx, rows: Vec<serde_json::Value>, amount: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let given = if is_sqlite(tx.get_database_backend()) {
        "select unhex(json_extract(value, '$[0]')) as tenant_id, unhex(json_extract(value, '$[1]')) as store_id, json_extract(value, '$[2]') as day,
           json_extract(value, '$[3]') as metric, json_extract(value, '$[4]') as amount from json_each($1)"
    } else {
        "select (value->>0)::uuid as tenant_id, (value->>1)::uuid as store_id, value->>2 as day, value->>3 as metric, (value->>4)::bigint as amount
         from json_array_elements($1::json)"
    };
    let at = if is_sqlite(tx.get_database_backend()) { "$2" } else { "$2::timestamptz" };
    let sql = format!(
        "insert into usage_days (tenant_id, store_id, day, metric, amount, updated_at)
         select tenant_id, store_id, day, metric, amount, {at} from ({given}) given where true order by tenant_id, day, store_id, metric
         on conflict (tenant_id, day, store_id, metric) do update set amount = {amount}, updated_at = excluded.updated_at"
    );
    let rows = serde_json::Value::Array(rows).to_string();
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [rows.into(), now.into()])).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_of_its_place_and_has_23_to_25_hours() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let hours = |zone: Tz, text: &str| {
            let (from, to) = day_bounds(zone, day(text));
            (from.to_rfc3339(), (to - from).num_hours())
        };
        assert_eq!(hours(Tz::Asia__Tokyo, "2026-11-22"), ("2026-11-21T15:00:00+00:00".to_owned(), 24));
        assert_eq!(hours(Tz::Asia__Kolkata, "2026-11-22"), ("2026-11-21T18:30:00+00:00".to_owned(), 24));
        assert_eq!(hours(Tz::America__New_York, "2026-03-08"), ("2026-03-08T05:00:00+00:00".to_owned(), 23));
        // In Beirut the clocks go from 0:00 to 1:00.
        assert_eq!(hours(Tz::Asia__Beirut, "2025-03-30"), ("2025-03-29T22:00:00+00:00".to_owned(), 23));
    }
}
