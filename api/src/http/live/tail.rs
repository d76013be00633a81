//! Reading a feed, once for all who follow it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platform::DbErr;
use platform::db::{Access, Database};
use platform::outbox::{Event, FeedId, Feeds};
use tokio::sync::{Semaphore, broadcast};
use tokio::task::AbortHandle;

use super::{AT_ONCE_OF_A_FEED, Guests, Live, REPLAYS_OF_A_FEED};

/// Events that are read at once.
pub(super) const BATCH: u64 = 200;
/// Batches that a group may be behind before it reads the feed itself.
const KEPT: usize = 256;
/// How long is waited before something that failed is tried again.
pub(super) const AGAIN: Duration = Duration::from_millis(500);

/// Some events of a feed, in order.
pub(super) type Batch = Arc<[Arc<Event>]>;

/// A feed as it is read. Ends with the last who follows it.
pub(super) struct Tail {
    feed: FeedId,
    reach: Arc<Reach>,
    task: AbortHandle,
    /// Its share of what is executed at once.
    pub(super) room: Semaphore,
    /// Its share of the replays that execute at once.
    pub(super) replays: Semaphore,
}

/// How far it was read, and where more is told.
struct Reach {
    position: Mutex<i64>,
    out: broadcast::Sender<Batch>,
}

impl Reach {
    fn position(&self) -> MutexGuard<'_, i64> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    pub(super) async fn start(live: &Live, feed: FeedId) -> Result<Arc<Self>, DbErr> {
        // Followed first: what comes in between is heard of.
        let heard = live.feeds.follow(feed);
        let tx = live.db.read(Access::Worker).await?;
        let position = feed.position(&tx).await?;
        drop(tx);
        let reach = Arc::new(Reach { position: Mutex::new(position), out: broadcast::channel(KEPT).0 });
        let task = tokio::spawn(run(live.db.clone(), live.feeds.clone(), live.guests.clone(), feed, reach.clone(), heard)).abort_handle();
        Ok(Arc::new(Self { feed, reach, task, room: Semaphore::new(AT_ONCE_OF_A_FEED), replays: Semaphore::new(REPLAYS_OF_A_FEED) }))
    }

    pub(super) fn feed(&self) -> FeedId {
        self.feed
    }

    /// Hears of what comes after the place that is given along.
    pub(super) fn join(&self) -> (broadcast::Receiver<Batch>, i64) {
        let position = self.reach.position();
        (self.reach.out.subscribe(), *position)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Events after a place, without gaps.
pub(super) async fn read(db: &Database, feed: FeedId, after: i64) -> Result<Vec<Arc<Event>>, DbErr> {
    let tx = db.read(Access::Worker).await?;
    Ok(feed.read(&tx, after, BATCH).await?.into_iter().map(Arc::new).collect())
}

async fn run(db: Database, feeds: Feeds, guests: Guests, feed: FeedId, reach: Arc<Reach>, mut heard: tokio::sync::watch::Receiver<i64>) {
    loop {
        heard.borrow_and_update();
        loop {
            let position = *reach.position();
            // The rows are read first: whoever lost their rights before an event was written has lost them when this looks.
            let found = async {
                let events = read(&db, feed, position).await?;
                if !events.is_empty() {
                    guests.check_feed(feed).await?;
                }
                Ok::<_, DbErr>(events)
            };
            match found.await {
                Ok(events) => {
                    let Some(last) = events.last().map(|event| event.position) else { break };
                    let mut position = reach.position();
                    *position = last;
                    // Nobody may be there to hear.
                    let _ = reach.out.send(events.into());
                }
                Err(error) => {
                    tracing::warn!(%error, "live events wait: their feed could not be read, and is read again");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        if heard.changed().await.is_err() {
            // Nobody told of this feed any more: follow it anew.
            heard = feeds.follow(feed);
        }
    }
}
