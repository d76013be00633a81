//! One subscriber: from its cursor on by replay, then with its group.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use platform::db::Access;
use platform::outbox::{Event, FeedPosition};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;

use super::group::Group;
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

enum Phase {
    /// It reads the feed itself, up to where it joined its group.
    Replay {
        until: i64,
        group: broadcast::Receiver<Arc<Shown>>,
        page: VecDeque<Arc<Event>>,
    },
    /// It hears its group; `fresh` until it has heard something.
    Live {
        group: broadcast::Receiver<Arc<Shown>>,
        fresh: bool,
    },
    Over,
}

/// A subscriber.
pub struct Following {
    live: Arc<Live>,
    group: Arc<Group>,
    guest: Arc<Guest>,
    /// By what it pays for what is replayed.
    cost: Arc<OperationCost>,
    /// The place of the last event that was handed on, or left out.
    last: i64,
    phase: Phase,
}

impl Following {
    pub(super) fn new(live: Arc<Live>, group: Arc<Group>, guest: Arc<Guest>, cost: Arc<OperationCost>, after: i64) -> Self {
        let phase = joined(&group);
        Self { live, group, guest, cost, last: after, phase }
    }

    /// Its feed.
    pub fn feed(&self) -> platform::outbox::FeedId {
        self.group.feed()
    }

    /// What comes next; nothing after the last step. To be cancelled only together with the subscriber.
    pub async fn next(&mut self) -> Option<Step> {
        loop {
            let step = match &mut self.phase {
                Phase::Over => return None,
                // Replaying takes much more room than listening, and is soon over.
                Phase::Replay { .. } => Box::pin(self.replay()).await,
                Phase::Live { group, .. } => {
                    let heard = group.recv().await;
                    self.heard(heard)
                }
            };
            if step.is_some() {
                return step;
            }
        }
    }

    /// Replays one event, reads more of them, or has come to where it joined its group.
    async fn replay(&mut self) -> Option<Step> {
        let Phase::Replay { until, page, .. } = &mut self.phase else { return None };
        if let Some(event) = page.pop_front() {
            if !self.group.wants(&event) {
                self.last = event.position;
                return None;
            }
            let points = self.cost.requested();
            if let Some(end) = self.pay(points).await {
                return Some(end);
            }
            let shown = self.group.replay(&self.live, &event).await;
            self.cost.give_back(points.saturating_sub(shown.cost)).await;
            self.last = event.position;
            return Some(self.step(shown));
        }
        let until = *until;
        if self.last < until {
            return self.read_page(until).await;
        }
        if let Phase::Replay { group, .. } = std::mem::replace(&mut self.phase, Phase::Over) {
            self.phase = Phase::Live { group, fresh: true };
        }
        None
    }

    /// What comes next, if it is there already.
    pub fn ready(&mut self) -> Option<Step> {
        loop {
            let Phase::Live { group, .. } = &mut self.phase else { return None };
            let heard = match group.try_recv() {
                Ok(shown) => Ok(shown),
                Err(TryRecvError::Lagged(missed)) => Err(RecvError::Lagged(missed)),
                // The end is told by what comes next.
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            };
            if let Some(step) = self.heard(heard) {
                return Some(step);
            }
        }
    }

    /// Something came from the group.
    fn heard(&mut self, heard: Result<Arc<Shown>, RecvError>) -> Option<Step> {
        let was_fresh = match &mut self.phase {
            Phase::Live { fresh, .. } => *fresh,
            Phase::Replay { .. } | Phase::Over => return None,
        };
        match heard {
            Ok(shown) => {
                if let Phase::Live { fresh, .. } = &mut self.phase {
                    *fresh = false;
                }
                if shown.position <= self.last {
                    return None;
                }
                self.last = shown.position;
                Some(self.step(shown))
            }
            // More came while it replayed than is kept: it replays that too.
            Err(RecvError::Lagged(_)) if was_fresh => {
                self.phase = joined(&self.group);
                None
            }
            Err(RecvError::Lagged(_)) => {
                self.phase = Phase::Over;
                metrics::counter!("noren_live_cut_off_total").increment(1);
                Some(Step::TooSlow(FeedPosition { feed: self.group.feed(), position: self.last }))
            }
            Err(RecvError::Closed) => {
                self.phase = Phase::Over;
                None
            }
        }
    }

    /// What was given up when nobody listened is asked for again: the subscriber comes back with the cursor before it.
    fn step(&mut self, shown: Arc<Shown>) -> Step {
        if shown.payload.is_empty() {
            self.phase = Phase::Over;
            return Step::TooSlow(FeedPosition { feed: self.group.feed(), position: shown.position - 1 });
        }
        Step::Event(shown)
    }

    /// Takes points for what is replayed next, when they are there: whoever was away catches up at that pace. Gives the last step when
    /// they do not come.
    async fn pay(&mut self, points: u64) -> Option<Step> {
        let begun = Instant::now();
        let mut waited = false;
        while let Err(wait) = self.cost.pay_on(points).await {
            if begun.elapsed() >= self.live.limits.patience {
                metrics::counter!("noren_throttled_total", "by" => "cost").increment(1);
                self.phase = Phase::Over;
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

    /// Reads the next events up to `until`; gives the last step when the next one is not there any more.
    async fn read_page(&mut self, until: i64) -> Option<Step> {
        loop {
            let found = async {
                let events = read(&self.live.db, self.group.feed(), self.last).await?;
                self.live.guests().check(&self.guest).await?;
                Ok::<_, platform::DbErr>(events)
            };
            match found.await {
                Ok(events) => {
                    // Whatever lies behind a hole is not handed on as if nothing were missing.
                    let places = self.last + 1..=until;
                    let found: VecDeque<_> = places.zip(events).take_while(|(place, event)| event.position == *place).map(|(_, event)| event).collect();
                    if found.is_empty() {
                        let oldest = self.oldest().await;
                        self.phase = Phase::Over;
                        return Some(Step::Expired(oldest));
                    }
                    // Looking at an event costs a point, whether or not it is shown.
                    let end = self.pay(found.len() as u64).await;
                    if let Phase::Replay { page, .. } = &mut self.phase {
                        *page = found;
                    }
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

fn joined(group: &Group) -> Phase {
    let (receiver, until) = group.join();
    Phase::Replay { until, group: receiver, page: VecDeque::new() }
}
