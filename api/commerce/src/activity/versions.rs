//! The watch of versions: which version of its API a provider answers and delivers in, where that is not the one that is asked for. What
//! was seen within the last 24 hours counts: both versions side by side are one state, not a change back and forth.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use entities::{ConnectionId, EventType, StoreId, TenantId};
use platform::db::Access;
use platform::jobs::{JobError, Running};
use platform::outbox::emit_all;
use platform::record::Happened;
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use serde_json::json;
use uuid::Uuid;

use super::{HOURS, hour_of};
use crate::installs::Shops;

/// Calls' answers.
const CALLS: &str = "CALLS";
/// Deliveries.
const DELIVERIES: &str = "DELIVERIES";
/// Stores that are named.
const NAMED: usize = 10;

/// What an app hears by one way. Stores without an app have the nil connection.
type Place = (TenantId, Uuid, &'static str);

/// What differs there.
#[derive(Debug, Default)]
struct Differs {
    asked: String,
    seen: BTreeSet<String>,
    stores: BTreeSet<StoreId>,
}

impl Differs {
    fn seen(&self) -> String {
        self.seen.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// Compares what is asked for with what was seen, and tells of what has changed about that.
pub(super) async fn watch(job: &Running, shops: &Shops) -> Result<(), JobError> {
    let since = hour_of(job.now()) - TimeDelta::hours(HOURS - 1);
    let tx = job.db().write(Access::Worker).await?;
    let found = differing(&tx, shops, since).await?;
    let known = known(&tx).await?;
    let mut events = Vec::new();
    for (place, differs) in &found {
        if known.get(place).is_none_or(|before| *before != (differs.asked.clone(), differs.seen())) {
            keep(&tx, *place, differs, job.now()).await?;
            events.push(changed(*place, differs));
        }
    }
    for (place, (asked, _)) in known.iter().filter(|(place, _)| !found.contains_key(*place)) {
        let sql = "delete from api_version_watch where tenant_id = $1 and connection_id = $2 and channel = $3";
        if tx.execute_raw(statement(&tx, sql, [place.0.into(), place.1.into(), place.2.into()])).await?.rows_affected() == 1 {
            let data = json!({ "connectionId": connection(*place), "channel": place.2, "asked": asked });
            events.push(happened(*place, EventType::ApiVersionRestored, data));
        }
    }
    emit_all(&tx, &job.trace(), events).await?;
    Ok(tx.commit().await?)
}

fn statement(tx: &Tx, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(tx.get_database_backend(), sql, values)
}

fn connection((_, connection, _): Place) -> Option<ConnectionId> {
    (!connection.is_nil()).then(|| connection.into())
}

fn happened(place: Place, kind: EventType, data: serde_json::Value) -> Happened {
    Happened { kind, tenant: Some(place.0), store: None, subject: connection(place).map(|id| id.to_string()), data }
}

fn changed(place: Place, differs: &Differs) -> Happened {
    let Differs { asked, seen, stores } = differs;
    let named: Vec<&StoreId> = stores.iter().take(NAMED).collect();
    let data = json!({ "connectionId": connection(place), "channel": place.2, "asked": asked, "seen": seen, "stores": stores.len(), "storeIds": named });
    happened(place, EventType::ApiVersionChanged, data)
}

/// Where what was seen since then differs from what is asked for now.
async fn differing(tx: &Tx, shops: &Shops, since: DateTime<Utc>) -> Result<BTreeMap<Place, Differs>, DbErr> {
    // Answers to what was asked for before somebody set another version say nothing of that one.
    let answered = "select distinct c.tenant_id, c.store_id, i.connection_id, s.provider, k.api_version, c.answered_version, c.asked_version
         from store_calls c join stores s on s.tenant_id = c.tenant_id and s.id = c.store_id
           left join installations i on i.tenant_id = c.tenant_id and i.id = c.store_id
           left join connections k on k.tenant_id = i.tenant_id and k.id = i.connection_id
         where c.hour >= $1 and c.answered_version <> c.asked_version and c.answered_version <> ''";
    let delivered = "select distinct d.tenant_id, d.store_id, d.connection_id, k.provider, k.api_version, d.api_version, null
         from store_deliveries d join connections k on k.tenant_id = d.tenant_id and k.id = d.connection_id where d.hour >= $1 and d.api_version <> ''";
    let mut found = BTreeMap::<Place, Differs>::new();
    for (channel, sql) in [(CALLS, answered), (DELIVERIES, delivered)] {
        for row in tx.query_all_raw(statement(tx, sql, [since.into()])).await? {
            let Seen { tenant, store, connection, asked, seen, asked_then } = Seen::read(&row, shops)?;
            let Some(asked) = asked.filter(|asked| *asked != seen && asked_then.is_none_or(|then| then == *asked)) else { continue };
            let differs = found.entry((tenant, connection, channel)).or_default();
            differs.asked = asked;
            differs.seen.insert(seen);
            differs.stores.insert(store);
        }
    }
    Ok(found)
}

struct Seen {
    tenant: TenantId,
    store: StoreId,
    connection: Uuid,
    /// None where nobody speaks to such shops.
    asked: Option<String>,
    seen: String,
    asked_then: Option<String>,
}

impl Seen {
    fn read(row: &QueryResult, shops: &Shops) -> Result<Self, DbErr> {
        let provider: String = row.try_get_by_index(3)?;
        let of_app: Option<String> = row.try_get_by_index(4)?;
        Ok(Self {
            tenant: row.try_get_by_index(0)?,
            store: row.try_get_by_index(1)?,
            connection: row.try_get_by_index::<Option<Uuid>>(2)?.unwrap_or_default(),
            asked: of_app.or_else(|| shops.system(&provider).map(|system| system.api_version().to_owned())),
            seen: row.try_get_by_index(5)?,
            asked_then: row.try_get_by_index(6)?,
        })
    }
}

/// What was told of already: what was asked for and seen there.
async fn known(tx: &Tx) -> Result<BTreeMap<Place, (String, String)>, DbErr> {
    let rows = tx.query_all_raw(statement(tx, "select tenant_id, connection_id, channel, asked, seen from api_version_watch", [])).await?;
    let read = |row: &QueryResult| -> Result<_, DbErr> {
        let channel = if row.try_get_by_index::<String>(2)? == CALLS { CALLS } else { DELIVERIES };
        let place: Place = (row.try_get_by_index(0)?, row.try_get_by_index(1)?, channel);
        Ok((place, (row.try_get_by_index(3)?, row.try_get_by_index(4)?)))
    };
    rows.iter().map(read).collect()
}

async fn keep(tx: &Tx, (tenant, connection, channel): Place, differs: &Differs, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "insert into api_version_watch (tenant_id, connection_id, channel, asked, seen, since_at, updated_at) values ($1, $2, $3, $4, $5, $6, $6)
               on conflict (tenant_id, connection_id, channel) do update set asked = excluded.asked, seen = excluded.seen, updated_at = excluded.updated_at";
    let values = [tenant.into(), connection.into(), channel.into(), differs.asked.clone().into(), differs.seen().into(), now.into()];
    tx.execute_raw(statement(tx, sql, values)).await.map(drop)
}
