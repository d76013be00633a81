//! The same subscription from the same standing: executed once an event for all who sent it.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_graphql::Variables;
use async_graphql::parser::types::ExecutableDocument;
use futures::{FutureExt, StreamExt};
use platform::OpCtx;
use platform::callers::Standing;
use platform::outbox::{Event, FeedId};
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

use super::row::{Hearer, Row};
use super::tail::{AGAIN, Tail, read};
use super::{Live, Shown};
use crate::graphql::{Code, Live as Run, OperationCost, Topic, Wants, Written, cursor};
use crate::http::operation::{complete, is_internal, request};

/// How long an execution may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Rows in which subscribers sit, at most: what is told to all of them is told by so many at once.
const ROWS: usize = 4;
/// Events that are told together.
const TOGETHER: usize = 64;

static SERIAL: AtomicU64 = AtomicU64::new(0);

/// A subscription as it was sent.
#[derive(Clone)]
pub struct Subscription {
    /// The document, with one root field.
    pub document: Arc<ExecutableDocument>,
    /// Its text.
    pub query: String,
    /// Which of its operations.
    pub operation: Option<String>,
    /// The variables.
    pub variables: Variables,
    /// The variable that tells where to begin, if that is all it does.
    pub cursor: Option<String>,
}

impl Subscription {
    /// What of the variables makes a difference to what is shown.
    pub(super) fn variables_key(&self) -> String {
        let known = self.variables.iter().filter(|(name, _)| self.cursor.as_deref() != Some(name.as_str()));
        let known: Map<String, Value> = known.map(|(name, value)| (name.to_string(), value.clone().into_json().unwrap_or_default())).collect();
        Value::Object(known).to_string()
    }
}

/// A group of subscribers. Ends with the last of them.
pub(super) struct Group {
    serial: u64,
    subscription: Subscription,
    standing: Standing,
    wants: Wants,
    reach: Mutex<Reach>,
    /// How many follow, replays and all.
    followers: AtomicUsize,
    together: usize,
    /// The feed is read for as long as the group is there.
    tail: Arc<Tail>,
    task: Mutex<Option<AbortHandle>>,
}

/// How far a group has come, and who hears of what comes then.
struct Reach {
    position: i64,
    rows: Vec<Row>,
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl Group {
    pub(super) fn start(live: &Arc<Live>, tail: Arc<Tail>, subscription: Subscription, topic: Topic, standing: Standing) -> Arc<Self> {
        let (mut batches, position) = tail.join();
        let group = Arc::new(Self {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            subscription,
            standing,
            wants: topic.wants,
            reach: Mutex::new(Reach { position, rows: Vec::new() }),
            followers: AtomicUsize::new(0),
            together: TOGETHER.min(live.limits.behind / 2).max(1),
            tail,
            task: Mutex::default(),
        });
        let (live, weak) = (Arc::downgrade(live), Arc::downgrade(&group));
        let task = tokio::spawn(async move {
            loop {
                let batch = batches.recv().await;
                let Some((live, group)) = both(&live, &weak) else { return };
                match batch {
                    Ok(batch) => {
                        for event in batch.iter() {
                            group.hand_on(&live, event).await;
                        }
                    }
                    Err(RecvError::Lagged(_)) => group.catch_up(&live).await,
                    Err(RecvError::Closed) => return,
                }
            }
        });
        *group.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        group
    }

    pub(super) fn feed(&self) -> FeedId {
        self.tail.feed()
    }

    pub(super) fn wants(&self, event: &Event) -> bool {
        (self.wants)(event)
    }

    fn reach(&self) -> MutexGuard<'_, Reach> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more follows.
    pub(super) fn enter(&self) {
        self.followers.fetch_add(1, Ordering::Relaxed);
    }

    /// One less does.
    pub(super) fn leave(&self) {
        self.followers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Has somebody hear of all that is shown after the place that is given back.
    pub(super) fn seat(&self, hearer: Weak<dyn Hearer>) -> i64 {
        let Reach { position, rows } = &mut *self.reach();
        if rows.len() < ROWS && !rows.iter().any(Row::has_room) {
            rows.push(Row::open(*position, self.together));
        }
        rows.iter().min_by_key(|row| (!row.has_room()).then(|| row.len())).map_or(*position, |row| row.sit(hearer))
    }

    async fn hand_on(&self, live: &Live, event: &Arc<Event>) {
        if event.position <= self.reach().position {
            return;
        }
        let shown = if self.wants(event) { Some(self.show(live, event).await) } else { None };
        let rows: Vec<_> = {
            let mut reach = self.reach();
            reach.position = event.position;
            reach.rows.iter().map(Row::told).collect()
        };
        if let Some(shown) = shown {
            for row in rows {
                // It waits for no subscriber, and is never far behind.
                let _ = row.send(shown.clone()).await;
            }
        }
    }

    /// The tail was faster: the group reads what it missed.
    async fn catch_up(&self, live: &Live) {
        loop {
            let position = self.reach().position;
            let found = async {
                let events = read(&live.db, self.feed(), position).await?;
                live.guests.check_feed(self.feed()).await?;
                Ok::<_, platform::DbErr>(events)
            };
            match found.await {
                Ok(events) if events.is_empty() => return,
                Ok(events) => {
                    for event in &events {
                        self.hand_on(live, event).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "live events wait: their feed could not be read, and is read again");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// An event as this subscription shows it, whoever asks first.
    pub(super) async fn show(&self, live: &Live, event: &Arc<Event>) -> Arc<Shown> {
        live.shown.get_with((self.serial, event.position), self.execute(live, event)).await
    }

    /// The same for a replay, when it is its turn.
    pub(super) async fn replay(&self, live: &Live, event: &Arc<Event>) -> Arc<Shown> {
        // Those of its feed queue by themselves first, so that they take up one place in the queue of all.
        let _turns = (self.tail.replays.acquire().await, live.replays.acquire().await);
        self.show(live, event).await
    }

    /// What fails on our side is tried again for as long as anybody listens: an event is never left out.
    async fn execute(&self, live: &Live, event: &Arc<Event>) -> Arc<Shown> {
        loop {
            let shown = AssertUnwindSafe(self.attempt(live, event)).catch_unwind().await;
            let shown = shown.unwrap_or_else(|_| {
                tracing::error!(position = event.position, "an event could not be shown: that panicked");
                Some(broken(event))
            });
            if let Some(shown) = shown {
                metrics::counter!("noren_live_executions_total").increment(1);
                return Arc::new(shown);
            }
            if self.followers.load(Ordering::Relaxed) == 0 {
                // Nobody listens any more: whoever comes back asks again.
                return Arc::new(Shown { position: event.position, payload: bytes::Bytes::new(), cost: 0 });
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn attempt(&self, live: &Live, event: &Arc<Event>) -> Option<Shown> {
        // Its feed's share first: what waits for that keeps nobody else from the room of all.
        let (Ok(_share), Ok(_room)) = (self.tail.room.acquire().await, live.room.acquire().await) else { return None };
        let cost = Arc::new(OperationCost::default());
        let ctx = Arc::new(OpCtx::of_standing(live.db.clone(), live.clock.clone(), self.standing.clone()));
        let Subscription { document, operation, variables, .. } = &self.subscription;
        let request = request(document, operation.clone(), variables.clone(), &ctx).data(Run::show(event.clone())).data(cost.clone());
        let response = tokio::time::timeout(ATTEMPT, live.schema.execute_stream(request).next()).await.ok().flatten();
        ctx.release().await;
        let mut response = response?;
        if response.errors.iter().any(is_internal) {
            return None;
        }
        for error in &mut response.errors {
            complete(error, "");
        }
        let written = Written::data(&response).ok()?;
        let cost = cost.settle(written.fields()).await;
        Some(Shown { position: event.position, payload: written.finish(&response, None).ok()?.into(), cost })
    }
}

/// An event that cannot be shown, and never could: the subscription goes on with the next.
fn broken(event: &Event) -> Shown {
    let message = "something broke on our side when this event was to be shown; what comes after it follows";
    let extensions = json!({ "code": Code::Internal.as_str(), "cursor": cursor(event) });
    let payload = json!({ "data": null, "errors": [{ "message": message, "extensions": extensions }] });
    Shown { position: event.position, payload: payload.to_string().into(), cost: 0 }
}

fn both(live: &Weak<Live>, group: &Weak<Group>) -> Option<(Arc<Live>, Arc<Group>)> {
    Some((live.upgrade()?, group.upgrade()?))
}
