//! Live events: every feed is read once in a process, every distinct subscription is executed once an event, and who listens is
//! checked again before each event is handed on.
//!
//! A [`Tail`] reads a feed for all who follow it. A [`Group`] shows its events for all who sent the same subscription from the same
//! standing. A [`Following`] is one subscriber who replays from a cursor up to where a row of the group took it in as a [`Hearer`], which
//! is told of events as they come; nothing is lost or doubled, since the places of a feed have no gaps. What is live is paid for with the subscription; what is replayed, event by event, as fast
//! as its caller's points come back.

mod following;
mod group;
mod guests;
mod row;
mod tail;

pub use following::{Following, Step};
pub use group::Subscription;
pub use guests::{Guest, Guests};
pub use row::Hearer;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use platform::callers::Standing;
use platform::outbox::{FeedId, Feeds};
use platform::{Clock, Database, DbErr};
use tokio::sync::{Mutex, Semaphore};

use self::group::Group;
use self::tail::Tail;
use crate::graphql::{NorenSchema, OperationCost, Topic};

/// Subscriptions that are executed at once.
const AT_ONCE: usize = 8;
/// Replays that execute at once: what is live goes before.
const REPLAYS: usize = 3;
/// Of both, those of one feed: whatever happens there, others are not kept waiting.
const AT_ONCE_OF_A_FEED: usize = 2;
const REPLAYS_OF_A_FEED: usize = 1;
/// Bytes of shown events that are kept for those who come back.
const SHOWN: u64 = 32 * 1024 * 1024;

/// How much a subscriber may be behind.
#[derive(Clone, Copy, Debug)]
pub struct LiveLimits {
    /// Events that wait for a slow reader.
    pub behind: usize,
    /// How long a replay waits for the points that its next event costs.
    pub patience: Duration,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self { behind: 1_024, patience: Duration::from_secs(60) }
    }
}

/// One event as a subscription shows it.
#[derive(Debug)]
pub struct Shown {
    /// Its place in the feed.
    pub position: i64,
    /// The result, as GraphQL writes it.
    pub payload: Bytes,
    /// What it cost: the fields that it has.
    pub cost: u64,
}

/// What makes two subscriptions the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    feed: FeedId,
    standing: Standing,
    query: String,
    operation: Option<String>,
    variables: String,
}

/// The live events of this process.
pub struct Live {
    schema: NorenSchema,
    db: Database,
    clock: Arc<dyn Clock>,
    feeds: Feeds,
    guests: Guests,
    limits: LiveLimits,
    tails: Mutex<HashMap<FeedId, Weak<Tail>>>,
    groups: Mutex<HashMap<Key, Weak<Group>>>,
    shown: moka::future::Cache<(u64, i64), Arc<Shown>>,
    room: Semaphore,
    replays: Semaphore,
}

impl Live {
    /// The live events of `feeds`, for guests whose rights `guests` looks after.
    pub fn new(schema: NorenSchema, db: Database, clock: Arc<dyn Clock>, feeds: Feeds, guests: Guests, limits: LiveLimits) -> Arc<Self> {
        let weigh = |_: &(u64, i64), shown: &Arc<Shown>| u32::try_from(shown.payload.len() + 128).unwrap_or(u32::MAX);
        let shown = moka::future::Cache::builder().max_capacity(SHOWN).weigher(weigh).time_to_live(Duration::from_secs(60)).build();
        let room = Semaphore::new(AT_ONCE);
        Arc::new(Self {
            schema,
            db,
            clock,
            feeds,
            guests,
            limits,
            tails: Mutex::default(),
            groups: Mutex::default(),
            shown,
            room,
            replays: Semaphore::new(REPLAYS),
        })
    }

    /// Those who listen.
    pub fn guests(&self) -> &Guests {
        &self.guests
    }

    /// Follows a topic for a guest. What is replayed is paid for as the operation was.
    pub async fn follow(self: &Arc<Self>, subscription: Subscription, topic: Topic, guest: Arc<Guest>, cost: Arc<OperationCost>) -> Result<Following, DbErr> {
        let after = match topic.after {
            Some(after) => after,
            None => {
                let tx = self.db.read(platform::db::Access::Worker).await?;
                topic.feed.position(&tx).await?
            }
        };
        let group = self.group(subscription, topic, guest.standing().clone()).await?;
        Ok(Following::new(self.clone(), group, guest, cost, after))
    }

    async fn group(self: &Arc<Self>, subscription: Subscription, topic: Topic, standing: Standing) -> Result<Arc<Group>, DbErr> {
        let key = Key {
            feed: topic.feed,
            standing: standing.clone(),
            query: subscription.query.clone(),
            operation: subscription.operation.clone(),
            variables: subscription.variables_key(),
        };
        let mut groups = self.groups.lock().await;
        if let Some(group) = groups.get(&key).and_then(Weak::upgrade) {
            return Ok(group);
        }
        groups.retain(|_, group| group.strong_count() > 0);
        let tail = self.tail(topic.feed).await?;
        let group = Group::start(self, tail, subscription, topic, standing);
        groups.insert(key, Arc::downgrade(&group));
        Ok(group)
    }

    async fn tail(self: &Arc<Self>, feed: FeedId) -> Result<Arc<Tail>, DbErr> {
        let mut tails = self.tails.lock().await;
        if let Some(tail) = tails.get(&feed).and_then(Weak::upgrade) {
            return Ok(tail);
        }
        tails.retain(|_, tail| tail.strong_count() > 0);
        let tail = Tail::start(self, feed).await?;
        tails.insert(feed, Arc::downgrade(&tail));
        Ok(tail)
    }
}
