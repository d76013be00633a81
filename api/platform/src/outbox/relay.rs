//! The relay: gives committed events their places, and hands them on. Among replicas whoever holds the lock leads, for the
//! time of one batch: another takes over as soon as the lock is free, be it that the holder is done or that it died.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, Statement};

use super::feeds::CHANNEL;
use super::{COLUMNS, Event, FeedId, FeedPosition, Feeds};
use crate::clock::Clock;
use crate::db::{Access, Database, Tx, Wake, in_list, is_sqlite};

/// The key of the relay's lock.
const LOCK: i64 = 0x6e6f_7265_6e01;
/// Events of one batch; on SQLite, where others wait for the one writer meanwhile, fewer.
const BATCH: i64 = 500;
const BATCH_ON_SQLITE: i64 = 50;
/// How often it is looked whether another process left something.
const LOOK: Duration = Duration::from_millis(500);
/// A payload of NOTIFY has at most 8,000 bytes: so many positions fit.
const TOLD_AT_ONCE: usize = 120;

/// Somebody to whom events are handed in the relay's own transaction: what comes of them is written together with their places,
/// once, or not at all.
#[async_trait]
pub trait Listener: Send + Sync {
    /// Takes the events of a batch, in order.
    async fn take(&self, tx: &Tx, events: &[Event]) -> Result<(), DbErr>;
}

/// The relay of this process.
pub struct Relay {
    db: Database,
    feeds: Feeds,
    listeners: Vec<Arc<dyn Listener>>,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Batch {
    /// Another replica is at it.
    Busy,
    /// So many events were given their places.
    Done(usize),
}

impl Relay {
    /// A relay that hands events to `listeners`, and tells `feeds` how far they have come.
    pub fn new(db: Database, feeds: Feeds, listeners: Vec<Arc<dyn Listener>>) -> Self {
        Self { db, feeds, listeners }
    }

    /// Relays for as long as the program runs.
    pub async fn run(&self) {
        let mut committed = self.db.signals().of(Wake::Events);
        loop {
            committed.mark_unchanged();
            match self.relay().await {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%error, "events wait: the relay failed, and tries again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            // The sender lives as long as the database.
            let _ = tokio::time::timeout(LOOK, committed.changed()).await;
        }
    }

    /// Relays until nothing waits.
    pub async fn relay(&self) -> Result<(), DbErr> {
        while self.waits().await? {
            if self.batch().await? == Batch::Busy {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(())
    }

    async fn waits(&self) -> Result<bool, DbErr> {
        let tx = self.db.read(Access::Worker).await?;
        Ok(tx.query_one_raw(self.db.statement("select 1 from events where position is null limit 1", [])).await?.is_some())
    }

    async fn batch(&self) -> Result<Batch, DbErr> {
        let tx = self.db.write(Access::Worker).await?;
        if !tx.try_lock(LOCK).await? {
            return Ok(Batch::Busy);
        }
        let sql = format!("select {COLUMNS} from events where position is null order by seq limit $1");
        let batch = if is_sqlite(self.db.backend()) { BATCH_ON_SQLITE } else { BATCH };
        let rows = tx.query_all_raw(self.db.statement(sql, [batch.into()])).await?;
        let mut events = rows.iter().map(Event::read).collect::<Result<Vec<_>, _>>()?;
        let reached = give_places(&tx, &mut events).await?;
        let events: Vec<Event> = events.into_iter().map(|(_, event)| event).collect();
        for listener in &self.listeners {
            listener.take(&tx, &events).await?;
        }
        self.tell_replicas(&tx, &reached).await?;
        tx.commit().await?;
        metrics::counter!("noren_events_relayed_total").increment(events.len() as u64);
        reached.into_iter().for_each(|position| self.feeds.publish(position));
        Ok(Batch::Done(events.len()))
    }

    async fn tell_replicas(&self, tx: &Tx, reached: &[FeedPosition]) -> Result<(), DbErr> {
        if is_sqlite(self.db.backend()) {
            return Ok(());
        }
        for some in reached.chunks(TOLD_AT_ONCE) {
            let payload = some.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            tx.query_one_raw(self.db.statement("select pg_notify($1, $2)", [CHANNEL.into(), payload.into()])).await?;
        }
        Ok(())
    }
}

/// Gives each event the next place of its feed, and says how far the feeds have come.
async fn give_places(tx: &Tx, events: &mut [(i64, Event)]) -> Result<Vec<FeedPosition>, DbErr> {
    let mut reached: BTreeMap<FeedId, i64> = events.iter().map(|(_, event)| (event.feed(), 0)).collect();
    let backend = tx.get_database_backend();
    let feeds: Vec<_> = reached.keys().map(|feed| feed.uuid()).collect();
    let (listed, value) = in_list(backend, "feed_id", 1, &feeds);
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, format!("select feed_id, position from feeds where {listed}"), [value])).await? {
        reached.insert(FeedId(row.try_get_by_index(0)?), row.try_get_by_index(1)?);
    }
    let mut places = Vec::with_capacity(events.len());
    for (seq, event) in events {
        let last = reached.entry(event.feed()).or_default();
        *last += 1;
        event.position = *last;
        places.push([*seq, *last]);
    }
    let pairs = if is_sqlite(backend) {
        "select json_extract(value, '$[0]') as seq, json_extract(value, '$[1]') as position from json_each($1)"
    } else {
        "select (value->>0)::bigint as seq, (value->>1)::bigint as position from json_array_elements($1::json)"
    };
    let sql = format!("update events set position = p.position from ({pairs}) p where events.seq = p.seq");
    let places = serde_json::to_string(&places).map_err(|error| DbErr::Custom(error.to_string()))?;
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, [places.into()])).await?;
    for (feed, position) in &reached {
        let sql = "insert into feeds (feed_id, tenant_id, position) values ($1, $2, $3) on conflict (feed_id) do update set position = excluded.position";
        let values = [feed.uuid().into(), feed.tenant().into(), (*position).into()];
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
    Ok(reached.into_iter().map(|(feed, position)| FeedPosition { feed, position }).collect())
}

/// What the relay has not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayLag {
    /// Events that wait.
    pub waiting: i64,
    /// When the oldest of them happened.
    pub oldest: Option<DateTime<Utc>>,
}

impl RelayLag {
    /// How long the oldest one has waited, in seconds.
    pub fn seconds(&self, clock: &dyn Clock) -> f64 {
        self.oldest.map_or(0.0, |oldest| (clock.now() - oldest).as_seconds_f64().max(0.0))
    }
}

/// What the relay has not done yet.
pub async fn lag(db: &Database) -> Result<RelayLag, DbErr> {
    let tx = db.read(Access::Worker).await?;
    let row = tx.query_one_raw(db.statement("select count(*), min(occurred_at) from events where position is null", [])).await?;
    match row {
        Some(row) => Ok(RelayLag { waiting: row.try_get_by_index(0)?, oldest: row.try_get_by_index(1)? }),
        None => Ok(RelayLag { waiting: 0, oldest: None }),
    }
}
