//! Feeds: the events of a tenant, or of the platform, in one order without gaps. What crosses replicas is "feed at N"; the rows
//! are read by whoever wants them.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use entities::TenantId;
use sea_orm::{ConnectionTrait, DbErr, Statement};
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use super::{COLUMNS, Event};
use crate::db::{Database, Tx};

/// The channel on which replicas tell each other.
pub(super) const CHANNEL: &str = "noren_feed";
/// Positions that a slow hearer may be behind; one that is further behind reads its feed again.
const KEPT: usize = 4_096;

/// A tenant's feed, or the platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedId(pub(super) Uuid);

impl FeedId {
    /// What is above all tenants.
    pub const PLATFORM: Self = Self(Uuid::nil());

    /// The feed of a tenant, or the platform's.
    pub fn of(tenant: Option<TenantId>) -> Self {
        tenant.map_or(Self::PLATFORM, |tenant| Self(tenant.uuid()))
    }

    /// The tenant whose feed it is.
    pub fn tenant(self) -> Option<TenantId> {
        (self != Self::PLATFORM).then(|| self.0.into())
    }

    /// The value that the database holds.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// How far a feed has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedPosition {
    /// The feed.
    pub feed: FeedId,
    /// The place of its newest event.
    pub position: i64,
}

impl fmt::Display for FeedPosition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.feed.0.simple(), self.position)
    }
}

impl FromStr for FeedPosition {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (feed, position) = text.split_once(':').ok_or(())?;
        Ok(Self { feed: FeedId(feed.parse().map_err(drop)?), position: position.parse().map_err(drop)? })
    }
}

/// The live bus of this process.
#[derive(Clone)]
pub struct Feeds {
    all: broadcast::Sender<FeedPosition>,
    followed: Arc<Mutex<HashMap<FeedId, watch::Sender<i64>>>>,
}

impl Default for Feeds {
    fn default() -> Self {
        Self { all: broadcast::channel(KEPT).0, followed: Arc::default() }
    }
}

impl Feeds {
    /// Hears of every feed that has come further, from now on. Positions may repeat, and those of other replicas may come out
    /// of order: what counts is the largest. Whoever lags reads the feeds that it follows.
    pub fn subscribe(&self) -> broadcast::Receiver<FeedPosition> {
        self.all.subscribe()
    }

    /// Hears of one feed alone. The value is the furthest place heard of since somebody follows it, 0 at first.
    pub fn follow(&self, feed: FeedId) -> watch::Receiver<i64> {
        self.followed().entry(feed).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// How many hear.
    pub fn subscribers(&self) -> usize {
        self.all.receiver_count() + self.followed().values().map(watch::Sender::receiver_count).sum::<usize>()
    }

    fn followed(&self) -> std::sync::MutexGuard<'_, HashMap<FeedId, watch::Sender<i64>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, reached: FeedPosition) {
        let mut followed = self.followed();
        if let Some(furthest) = followed.get(&reached.feed) {
            furthest.send_if_modified(|position| {
                let further = reached.position > *position;
                *position = (*position).max(reached.position);
                further
            });
            if furthest.receiver_count() == 0 {
                followed.remove(&reached.feed);
            }
        }
        drop(followed);
        // Nobody may be there to hear.
        let _ = self.all.send(reached);
    }

    /// Passes on what other replicas notify, for as long as the program runs.
    pub async fn hear_replicas(&self, db: &Database) {
        loop {
            if let Err(error) = self.hear(db).await {
                tracing::warn!(%error, "cannot hear the other replicas; trying again");
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }

    async fn hear(&self, db: &Database) -> Result<(), DbErr> {
        let Some(mut notifications) = db.listen(CHANNEL).await? else { return std::future::pending().await };
        // Something may have been missed since the last time that somebody listened.
        self.tell_all(db).await?;
        loop {
            match notifications.next().await? {
                Some(payload) => payload.split(',').filter_map(|text| text.parse().ok()).for_each(|position| self.publish(position)),
                // Something may have been missed: where all feeds stand is told again.
                None => self.tell_all(db).await?,
            }
        }
    }

    async fn tell_all(&self, db: &Database) -> Result<(), DbErr> {
        let tx = db.read(crate::db::Access::Worker).await?;
        for row in tx.query_all_raw(db.statement("select feed_id, position from feeds", [])).await? {
            self.publish(FeedPosition { feed: FeedId(row.try_get_by_index(0)?), position: row.try_get_by_index(1)? });
        }
        Ok(())
    }
}

impl FeedId {
    /// Events after a position, in order, at most `limit`.
    pub async fn read(self, tx: &Tx, after: i64, limit: u64) -> Result<Vec<Event>, DbErr> {
        let sql = format!("select {COLUMNS} from events where feed_id = $1 and position > $2 order by position limit $3");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = tx.query_all_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [self.0.into(), after.into(), limit.into()])).await?;
        rows.iter().map(|row| Event::read(row).map(|(_, event)| event)).collect()
    }

    /// Whether the event at a place is kept.
    pub async fn keeps(self, tx: &Tx, position: i64) -> Result<bool, DbErr> {
        let sql = "select 1 from events where feed_id = $1 and position = $2";
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [self.0.into(), position.into()]);
        Ok(tx.query_one_raw(statement).await?.is_some())
    }

    /// The place of the oldest event after which none is missing; that of the next one when there is none. Looks at all places of the
    /// feed: for those who miss something.
    pub async fn oldest(self, tx: &Tx) -> Result<i64, DbErr> {
        // Read first: what gets its place meanwhile is no hole at the end.
        let newest = self.position(tx).await?;
        let sql = "select max(case when previous is null or previous < position - 1 then position end), max(position)
                   from (select position, lag(position) over (order by position) as previous from events where feed_id = $1 and position is not null) places";
        let found = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [self.0.into()])).await?;
        let (oldest, last): (Option<i64>, Option<i64>) = match found {
            Some(row) => (row.try_get_by_index(0)?, row.try_get_by_index(1)?),
            None => (None, None),
        };
        Ok(oldest.filter(|_| last >= Some(newest)).unwrap_or(newest + 1))
    }

    /// The place of the newest event; 0 when there has been none.
    pub async fn position(self, tx: &Tx) -> Result<i64, DbErr> {
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), "select position from feeds where feed_id = $1", [self.0.into()]);
        tx.query_one_raw(statement).await?.map_or(Ok(0), |row| row.try_get_by_index(0))
    }
}
