//! Counting calls to shops: in memory as they end, and added to their hour's rows a few times a minute.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entities::{StoreId, TenantId};
use integrations::ports::shop::{CallLog, CallRecord, Problem};
use platform::db::{Access, is_sqlite};
use platform::tally::{Tallied, Tally};
use platform::{Clock, Database, DbErr};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{KEPT, hour_of};

/// What came of a call that came to something.
pub(super) const OK: &str = "OK";
/// The longest version that is kept, in characters.
const VERSION: usize = 20;

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Slot {
    tenant: TenantId,
    store: StoreId,
    hour: DateTime<Utc>,
    asked: Arc<str>,
    /// Empty when the answer did not say, or there was none.
    answered: String,
    outcome: &'static str,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    calls: i64,
    answers: i64,
    milliseconds: i64,
    points: i64,
}

/// Counts the calls to stores' shops. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Calls(Tally<Called>);

struct Called {
    db: Database,
    clock: Arc<dyn Clock>,
}

impl Calls {
    /// Nothing has been counted yet.
    pub fn new(db: Database, clock: Arc<dyn Clock>) -> Self {
        Self(Tally::new(Called { db, clock }))
    }

    /// Counts the calls to a store's shop in which this version of the API is asked for.
    pub fn of(&self, tenant: TenantId, store: StoreId, asked: &str) -> Arc<dyn CallLog> {
        Arc::new(OfStore { calls: self.clone(), tenant, store, asked: asked.into() })
    }

    /// Writes what was counted since the last time. What cannot be written is kept for the next time.
    pub async fn flush(&self) -> Result<(), DbErr> {
        self.0.flush().await
    }

    /// Writes every few seconds, for as long as the program runs.
    pub async fn keep_flushing(&self) {
        self.0.keep_flushing().await;
    }
}

/// The calls to one store's shop.
struct OfStore {
    calls: Calls,
    tenant: TenantId,
    store: StoreId,
    asked: Arc<str>,
}

impl CallLog for OfStore {
    fn called(&self, call: &CallRecord<'_>) {
        let number = |number: u128| i64::try_from(number).unwrap_or(i64::MAX);
        let answered = call.status.is_some();
        let slot = Slot {
            tenant: self.tenant,
            store: self.store,
            hour: hour_of(self.calls.0.of().clock.now()),
            asked: self.asked.clone(),
            answered: call.api_version.unwrap_or_default().chars().filter(|c| *c != '\0').take(VERSION).collect(),
            outcome: call.problem.map_or(OK, Problem::as_str),
        };
        let count = Count {
            calls: 1,
            answers: i64::from(answered),
            milliseconds: if answered { number(call.duration.as_millis()) } else { 0 },
            points: number(call.cost.and_then(|cost| cost.actual).unwrap_or(0).into()),
        };
        self.calls.0.count(slot, &count);
    }
}

#[async_trait]
impl Tallied for Called {
    type Key = Slot;
    type Amount = Count;
    const WHAT: &'static str = "calls to shops";

    fn add(count: &mut Count, more: &Count) {
        count.calls = count.calls.saturating_add(more.calls);
        count.answers = count.answers.saturating_add(more.answers);
        count.milliseconds = count.milliseconds.saturating_add(more.milliseconds);
        count.points = count.points.saturating_add(more.points);
    }

    /// In one statement. The rows come in one order, so that two who add never wait for each other in a circle.
    async fn write(&self, counted: &BTreeMap<Slot, Count>) -> Result<(), DbErr> {
        let given = if is_sqlite(self.db.backend()) {
            "select unhex(json_extract(value, '$[0]')) as tenant_id, unhex(json_extract(value, '$[1]')) as store_id, json_extract(value, '$[2]') as hour,
               json_extract(value, '$[3]') as asked_version, json_extract(value, '$[4]') as answered_version, json_extract(value, '$[5]') as outcome,
               json_extract(value, '$[6]') as calls, json_extract(value, '$[7]') as answers, json_extract(value, '$[8]') as response_ms,
               json_extract(value, '$[9]') as points from json_each($1)"
        } else {
            "select (value->>0)::uuid as tenant_id, (value->>1)::uuid as store_id, (value->>2)::timestamptz as hour, value->>3 as asked_version,
               value->>4 as answered_version, value->>5 as outcome, (value->>6)::bigint as calls, (value->>7)::bigint as answers,
               (value->>8)::bigint as response_ms, (value->>9)::bigint as points from json_array_elements($1::json)"
        };
        let sql = format!(
            "insert into store_calls (tenant_id, store_id, hour, asked_version, answered_version, outcome, calls, answers, response_ms, points)
             select g.tenant_id, g.store_id, g.hour, g.asked_version, g.answered_version, g.outcome, g.calls, g.answers, g.response_ms, g.points
             from ({given}) g join stores s on s.tenant_id = g.tenant_id and s.id = g.store_id where {KEPT}
             order by g.tenant_id, g.store_id, g.hour, g.asked_version, g.answered_version, g.outcome
             on conflict (tenant_id, store_id, hour, asked_version, answered_version, outcome) do update set
               calls = store_calls.calls + excluded.calls, answers = store_calls.answers + excluded.answers,
               response_ms = store_calls.response_ms + excluded.response_ms, points = store_calls.points + excluded.points"
        );
        let rows = Value::Array(counted.iter().map(|(slot, count)| written(slot, *count)).collect()).to_string();
        let tx = self.db.write(Access::Worker).await?;
        tx.execute_raw(self.db.statement(sql, [rows.into()])).await?;
        tx.commit().await
    }
}

fn written(slot: &Slot, count: Count) -> Value {
    let Slot { tenant, store, hour, asked, answered, outcome } = slot;
    let Count { calls, answers, milliseconds, points } = count;
    let hex = |id: uuid::Uuid| id.simple().to_string();
    json!([hex(tenant.uuid()), hex(store.uuid()), hour.to_rfc3339(), &**asked, answered, outcome, calls, answers, milliseconds, points])
}
