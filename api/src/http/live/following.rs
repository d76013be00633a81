//! One subscriber, from its cursor on to where it joined its group: what came meanwhile is read again from the feed.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use platform::db::Access;
use platform::outbox::{Event, FeedPosition};
use tokio::time::Instant;

use super::group::Group;
use super::row::Hearer;
use super::tail::{AGAIN, read};
use super::{Guest, Live, Shown};
use crate::graphql::OperationCost;

/// How long is waited at least for points that are not there.
const SHORTEST: Duration = Duration::from_millis(10);

/// What comes next for a subscriber.
#[derive(Clone, Debug)]
pub enum Step {
    /// An event.
    Event(Arc<Shown>),
    /// It read too slowly, and gets nothing more; it can come back with this cursor.
    TooSlow(FeedPosition),
    /// The points for what it replays did not come back in time, and it gets nothing more; it can come back with this cursor, best after
    /// this time.
    TooDear(FeedPosition, Duration),
    /// What comes after its cursor is not kept any more; this is the place of the oldest event that is.
    Expired(i64),
}

/// A subscriber, as far as it replays.
pub struct Following {
    live: Arc<Live>,
    group: Arc<Group>,
    guest: Arc<Guest>,
    /// By what it pays for what is replayed.
    cost: Arc<OperationCost>,
    /// The place of the last event that was handed on, or left out.
    last: i64,
    /// Up to where it replays.
    until: i64,
    page: VecDeque<Arc<Event>>,
    over: bool,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.group.leave();
    }
}

impl Following {
    pub(super) fn new(live: Arc<Live>, group: Arc<Group>, guest: Arc<Guest>, cost: Arc<OperationCost>, after: i64) -> Self {
        group.enter();
        Self { live, group, guest, cost, last: after, until: after, page: VecDeque::new(), over: false }
    }

    /// Its feed.
    pub fn feed(&self) -> platform::outbox::FeedId {
        self.group.feed()
    }

    /// The place up to which everything was handed on, or left out.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// How many events may wait for its reader.
    pub fn behind(&self) -> usize {
        self.live.limits.behind
    }

    /// Has somebody hear of what comes from now on; what came before is to be replayed.
    pub fn join(&mut self, hearer: Weak<dyn Hearer>) {
        self.until = self.group.seat(hearer);
    }

    /// The last step of one who was told of everything up to a place, and did not read as fast as more came.
    pub fn too_slow(&self, last: i64) -> Step {
        metrics::counter!("noren_live_cut_off_total").increment(1);
        Step::TooSlow(FeedPosition { feed: self.group.feed(), position: last })
    }

    /// What is replayed next; nothing once it is where it joined, or after the last step. To be cancelled only together with the subscriber.
    pub async fn next(&mut self) -> Option<Step> {
        while !self.over {
            let Some(event) = self.page.pop_front() else {
                if self.last >= self.until {
                    return None;
                }
                match self.read_page().await {
                    Some(end) => return Some(end),
                    None => continue,
                }
            };
            if !self.group.wants(&event) {
                self.last = event.position;
                continue;
            }
            let points = self.cost.requested();
            if let Some(end) = self.pay(points).await {
                return Some(end);
            }
            let shown = self.group.replay(&self.live, &event).await;
            self.cost.give_back(points.saturating_sub(shown.cost)).await;
            self.last = event.position;
            return Some(Step::Event(shown));
        }
        None
    }

    /// Takes points for what is replayed next, when they are there: whoever was away catches up at that pace. Gives the last step when
    /// they do not come.
    async fn pay(&mut self, points: u64) -> Option<Step> {
        let begun = Instant::now();
        let mut waited = false;
        while let Err(wait) = self.cost.pay_on(points).await {
            if begun.elapsed() >= self.live.limits.patience {
                metrics::counter!("noren_throttled_total", "by" => "cost").increment(1);
                self.over = true;
                return Some(Step::TooDear(FeedPosition { feed: self.group.feed(), position: self.last }, wait));
            }
            waited = true;
            tokio::time::sleep(wait.clamp(SHORTEST, AGAIN)).await;
        }
        if waited {
            self.still_may().await;
        }
        None
    }

    /// Looks again whether the guest may hear what was read before.
    async fn still_may(&self) {
        while let Err(error) = self.live.guests().check(&self.guest).await {
            tracing::warn!(%error, "a replay waits: whether its listener still may listen could not be looked up; trying again");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Reads the next events that are to be replayed; gives the last step when the next one is not there any more.
    async fn read_page(&mut self) -> Option<Step> {
        loop {
            let found = async {
                let events = read(&self.live.db, self.group.feed(), self.last).await?;
                self.live.guests().check(&self.guest).await?;
                Ok::<_, platform::DbErr>(events)
            };
            match found.await {
                Ok(events) => {
                    // Whatever lies behind a hole is not handed on as if nothing were missing.
                    let places = self.last + 1..=self.until;
                    let found: VecDeque<_> = places.zip(events).take_while(|(place, event)| event.position == *place).map(|(_, event)| event).collect();
                    if found.is_empty() {
                        let oldest = self.oldest().await;
                        self.over = true;
                        return Some(Step::Expired(oldest));
                    }
                    // Looking at an event costs a point, whether or not it is shown.
                    let end = self.pay(found.len() as u64).await;
                    self.page = found;
                    return end;
                }
                Err(error) => {
                    tracing::warn!(%error, "a replay waits: its feed could not be read, and is read again");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn oldest(&self) -> i64 {
        loop {
            let found = async {
                let tx = self.live.db.read(Access::Worker).await?;
                self.group.feed().oldest(&tx).await
            };
            match found.await {
                Ok(oldest) => return oldest,
                Err(error) => {
                    tracing::warn!(%error, "a replay waits: what is kept of its feed could not be read, and is read again");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}
