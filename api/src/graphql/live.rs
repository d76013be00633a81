//! Subscriptions: what one follows is found out by running it once with nothing to show; each event is shown by running it again
//! with that event. So a selection is executed once for all who share it, and never sees what is cached of an earlier event.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_graphql::{Context, Error, ErrorExtensions, Result};
use platform::OpCtx;
use platform::outbox::{Event, FeedId, FeedPosition};

use super::errors::{Code, IntoGraphql, bad_input, refusal};

/// Whether a subscription wants an event.
pub type Wants = Arc<dyn Fn(&Event) -> bool + Send + Sync>;

/// What a subscription follows.
#[derive(Clone)]
pub struct Topic {
    /// The feed.
    pub feed: FeedId,
    /// The place after which it begins; now when left out.
    pub after: Option<i64>,
    /// Which events of the feed.
    pub wants: Wants,
}

/// Why a subscription is being run.
pub enum Live {
    /// To find out what it follows.
    Plan(OnceLock<Topic>),
    /// To show this event.
    Show(Mutex<Option<Arc<Event>>>),
}

impl Live {
    /// A run that finds out what is followed.
    pub fn plan() -> Arc<Self> {
        Arc::new(Self::Plan(OnceLock::new()))
    }

    /// A run that shows an event.
    pub fn show(event: Arc<Event>) -> Arc<Self> {
        Arc::new(Self::Show(Mutex::new(Some(event))))
    }

    /// What was found out.
    pub fn topic(&self) -> Option<Topic> {
        match self {
            Self::Plan(topic) => topic.get().cloned(),
            Self::Show(_) => None,
        }
    }
}

/// What a subscription's field is to show: nothing while its topic is found out, otherwise one event.
pub fn follow(ctx: &Context<'_>, topic: Topic) -> Result<Option<Arc<Event>>> {
    Ok(match &**ctx.data::<Arc<Live>>()? {
        Live::Plan(found) => {
            let _ = found.set(topic);
            None
        }
        Live::Show(event) => event.lock().unwrap_or_else(PoisonError::into_inner).take(),
    })
}

/// Whether the topic is being found out: what has been looked at then need not be looked at again for every event.
pub fn plans(ctx: &Context<'_>) -> Result<bool> {
    Ok(matches!(&**ctx.data::<Arc<Live>>()?, Live::Plan(_)))
}

/// The cursor of an event.
pub fn cursor(event: &Event) -> String {
    FeedPosition { feed: event.feed(), position: event.position }.to_string()
}

/// Reads a cursor of this feed, and refuses one whose successors are not kept any more.
pub async fn read_cursor(ctx: &OpCtx, feed: FeedId, text: &str) -> Result<i64> {
    let cursor: FeedPosition = text.parse().map_err(|()| bad_input("`after` is not a cursor of this subscription; leave it out to begin now"))?;
    if cursor.feed != feed || cursor.position < 0 {
        return Err(bad_input("`after` is a cursor of another feed: of another tenant, or of none; leave it out to begin now"));
    }
    let tx = ctx.reader().await.map_err(IntoGraphql::into_graphql)?;
    // The newest place is read first: what comes meanwhile is kept.
    let newest = feed.position(&tx).await.map_err(IntoGraphql::into_graphql)?;
    let next = cursor.position.saturating_add(1);
    if next == newest.saturating_add(1) || (next <= newest && feed.keeps(&tx, next).await.map_err(IntoGraphql::into_graphql)?) {
        return Ok(cursor.position);
    }
    Err(expired(feed, feed.oldest(&tx).await.map_err(IntoGraphql::into_graphql)?))
}

/// The cursor's successors are gone.
pub fn expired(feed: FeedId, oldest: i64) -> Error {
    let oldest = FeedPosition { feed, position: oldest - 1 }.to_string();
    let message = "events after this cursor are not kept any more: load what is there now, then subscribe after `extensions.oldestCursor` or without a cursor";
    refusal(Code::CursorExpired, message).extend_with(|_, extensions| extensions.set("oldestCursor", oldest))
}
