//! The outbox: a change writes its events in its own transaction, and the relay gives them their places in the feeds once
//! they are committed. Nothing is announced that was not committed, and nothing that was is forgotten.

mod feeds;
mod kept;
mod relay;

pub use feeds::{FeedId, FeedPosition, Feeds};
pub use kept::forget;
pub use relay::{Listener, Relay, RelayLag, lag};

use chrono::{DateTime, Utc};
use entities::{EventId, StoreId, TenantId};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};
use serde_json::Value;
use uuid::Uuid;

use crate::db::{Tx, Wake};
use crate::record::{Happened, Trace};

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// The tenant; none for what is above all of them.
    pub tenant: Option<TenantId>,
    /// The store that it is about.
    pub store: Option<StoreId>,
    /// Its name in the catalogue.
    pub name: String,
    /// The version of its data.
    pub version: i32,
    /// The id of what it happened to.
    pub subject: Option<String>,
    /// Its data.
    pub data: Value,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// Its place in the feed, from 1 and without gaps.
    pub position: i64,
}

const COLUMNS: &str = "seq, id, tenant_id, store_id, name, version, subject, data, occurred_at, position";

impl Event {
    fn read(row: &QueryResult) -> Result<(i64, Self), DbErr> {
        let data: String = row.try_get_by_index(7)?;
        let event = Self {
            id: row.try_get_by_index(1)?,
            tenant: row.try_get_by_index(2)?,
            store: row.try_get_by_index(3)?,
            name: row.try_get_by_index(4)?,
            version: row.try_get_by_index(5)?,
            subject: row.try_get_by_index(6)?,
            data: serde_json::from_str(&data).unwrap_or(Value::Null),
            occurred_at: row.try_get_by_index(8)?,
            position: row.try_get_by_index::<Option<i64>>(9)?.unwrap_or_default(),
        };
        Ok((row.try_get_by_index(0)?, event))
    }

    /// The feed that it is in.
    pub fn feed(&self) -> FeedId {
        FeedId::of(self.tenant)
    }
}

/// Events of one statement.
const AT_ONCE: usize = 500;

/// Writes an event into its change's transaction.
pub async fn emit(tx: &Tx, trace: &Trace, event: Happened) -> Result<(), DbErr> {
    emit_all(tx, trace, vec![event]).await
}

/// Writes many events into their change's transaction in few statements, in this order.
pub async fn emit_all(tx: &Tx, trace: &Trace, events: Vec<Happened>) -> Result<(), DbErr> {
    let mut events = events.into_iter().peekable();
    while events.peek().is_some() {
        insert(tx, trace, events.by_ref().take(AT_ONCE)).await?;
    }
    Ok(())
}

async fn insert(tx: &Tx, trace: &Trace, events: impl Iterator<Item = Happened>) -> Result<(), DbErr> {
    let (mut rows, mut values) = (Vec::new(), Vec::<sea_orm::Value>::new());
    for event in events {
        let (id, feed): (Uuid, FeedId) = (trace.new_id(), FeedId::of(event.tenant));
        let [a, b, c, d, e, f, g, h, i, j, k] = std::array::from_fn(|offset| values.len() + offset + 1);
        rows.push(format!("(${a}, ${b}, ${c}, ${d}, ${e}, ${f}, ${g}, ${h}, ${i}, ${j}, ${k})"));
        values.extend::<[sea_orm::Value; 11]>([
            id.into(),
            event.tenant.into(),
            feed.uuid().into(),
            event.store.into(),
            event.kind.as_str().into(),
            event.kind.version().into(),
            event.subject.into(),
            event.data.to_string().into(),
            trace.actor.clone().into(),
            trace.request_id.clone().into(),
            trace.now().into(),
        ]);
    }
    let sql = format!(
        "insert into events (id, tenant_id, feed_id, store_id, name, version, subject, data, actor, request_id, occurred_at) values {}",
        rows.join(", ")
    );
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    tx.will_wake(Wake::Events);
    Ok(())
}
