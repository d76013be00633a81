//! Alerts live: every change of one, in the order of the feed.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, Subscription};
use chrono::{DateTime, Utc};
use entities::{EventType, StoreId};
use futures::Stream;
use ops::alerts::AlertEvent as Told;
use platform::callers::Scope;
use platform::callers::actions::ReadAlerts;
use platform::outbox::{Event, FeedId};

use super::alerts::Alert;
use crate::graphql::enums::{AlertSeverity, AlertStatus};
use crate::graphql::errors::IntoGraphql;
use crate::graphql::input::{ids, texts};
use crate::graphql::live::{Topic, cursor, follow, plans, read_cursor};
use crate::graphql::node::find;
use crate::graphql::render::Rendered;
use crate::graphql::services::op;

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AlertEventKind {
    /// Something goes wrong that did not before.
    Raised,
    /// It was seen again, has become worse, or was escalated.
    Updated,
    /// Somebody looks after it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl AlertEventKind {
    fn of(kind: EventType) -> Self {
        match kind {
            EventType::AlertRaised => Self::Raised,
            EventType::AlertAcknowledged => Self::Acknowledged,
            EventType::AlertResolved => Self::Resolved,
            _ => Self::Updated,
        }
    }
}

/// A change of an alert, as it happened.
pub struct AlertEvent {
    event: Arc<Event>,
    told: Told,
}

/// A change of an alert, as it happened.
#[Object]
impl AlertEvent {
    /// Where the subscription stands after this event: pass it as `after` to go on from here, with no gap and no double. Events are
    /// kept for 30 days.
    async fn cursor(&self) -> String {
        cursor(&self.event)
    }

    /// What happened.
    async fn kind(&self) -> AlertEventKind {
        AlertEventKind::of(self.told.kind)
    }

    /// When it happened (UTC).
    async fn occurred_at(&self) -> DateTime<Utc> {
        self.event.occurred_at
    }

    /// The alert's id.
    async fn alert_id(&self) -> ID {
        self.told.alert_id.to_string().into()
    }

    /// How bad the alert was after this.
    async fn severity(&self) -> AlertSeverity {
        self.told.severity.into()
    }

    /// How far the alert was after this.
    async fn status(&self) -> AlertStatus {
        self.told.status.into()
    }

    /// Times that the alert had been seen by then.
    async fn count(&self) -> i64 {
        self.told.count
    }

    /// How far the alert was escalated by then; 0 when not at all.
    async fn escalation_level(&self) -> i64 {
        self.told.escalation_level.into()
    }

    /// Whether it is silenced: people are not told.
    async fn silenced(&self) -> bool {
        self.told.silenced
    }

    /// The alert as it is now, which may be further than this event; null when it is not kept any more.
    async fn alert(&self, ctx: &Context<'_>) -> Result<Option<Rendered<Alert>>> {
        Ok(find(ctx, self.told.alert_id.uuid()).await?.map(Rendered))
    }
}

/// Which changes: everything that is given must hold, for the alert as it was after the change.
#[derive(InputObject)]
pub struct AlertEventFilter {
    /// Of one of these kinds.
    kinds: Option<Vec<AlertEventKind>>,
    /// Of alerts as bad as one of these.
    severities: Option<Vec<AlertSeverity>>,
    /// Of alerts of one of these types, at most 250.
    types: Option<Vec<String>>,
    /// Of alerts from one of these sources, at most 250.
    sources: Option<Vec<String>>,
    /// Of alerts about one of these stores, at most 250.
    store_ids: Option<Vec<ID>>,
}

/// What is wanted of a feed.
struct Wanted {
    stores: Option<Arc<[StoreId]>>,
    kinds: Option<Vec<AlertEventKind>>,
    severities: Option<Vec<entities::AlertSeverity>>,
    types: Option<Vec<String>>,
    sources: Option<Vec<String>>,
    store_ids: Option<Vec<StoreId>>,
}

impl Wanted {
    fn new(filter: Option<AlertEventFilter>, stores: Option<Arc<[StoreId]>>) -> Result<Self> {
        let Some(filter) = filter else { return Ok(Self { stores, kinds: None, severities: None, types: None, sources: None, store_ids: None }) };
        Ok(Self {
            stores,
            kinds: filter.kinds,
            severities: filter.severities.map(|all| all.into_iter().map(Into::into).collect()),
            types: texts(filter.types)?,
            sources: texts(filter.sources)?,
            store_ids: ids(filter.store_ids)?,
        })
    }

    fn has(&self, event: &Event) -> bool {
        let Some(told) = Told::read(event) else { return false };
        let seen = self.stores.as_ref().is_none_or(|mine| told.store_id.is_some_and(|store| mine.contains(&store)));
        seen && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&AlertEventKind::of(told.kind)))
            && self.severities.as_ref().is_none_or(|severities| severities.contains(&told.severity))
            && self.types.as_ref().is_none_or(|types| types.contains(&told.r#type))
            && self.sources.as_ref().is_none_or(|sources| sources.contains(&told.source))
            && self.store_ids.as_ref().is_none_or(|stores| told.store_id.is_some_and(|store| stores.contains(&store)))
    }
}

/// Following alerts.
#[derive(Default)]
pub struct AlertSubscription;

#[Subscription]
impl AlertSubscription {
    /// Every change of the tenant's alerts, as it happens; of all tenants' and the platform's own for a platform administrator who has
    /// chosen none. Members of some stores hear of alerts about their stores alone. With `after` it first tells what happened since,
    /// then goes on live, with no gap and no double; without it begins now. A cursor whose successors are not kept any more is
    /// CURSOR_EXPIRED, with `extensions.oldestCursor`. What happened since costs points event by event, and is told as fast as they come
    /// back. Whoever reads too slowly, or has no points for long, is told THROTTLED with `extensions.cursor`, to come back with. Needs
    /// `alerts:read`.
    async fn alert_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor of the last event that was seen.")] after: Option<String>,
        #[graphql(desc = "Only changes for which all of this holds.")] filter: Option<AlertEventFilter>,
    ) -> Result<impl Stream<Item = AlertEvent> + use<>> {
        let op = op(ctx)?;
        let permit = op.authorize::<ReadAlerts>().map_err(IntoGraphql::into_graphql)?;
        let stores = match permit.scope() {
            Scope::Stores(_, stores) => Some(stores.clone()),
            Scope::Platform | Scope::Tenant(_) => None,
        };
        let feed = FeedId::of(permit.tenant());
        let after = match after {
            Some(text) if plans(ctx)? => Some(read_cursor(op, feed, &text).await?),
            Some(_) | None => None,
        };
        let wanted = Wanted::new(filter, stores)?;
        let topic = Topic { feed, after, wants: Arc::new(move |event| wanted.has(event)) };
        let shown = follow(ctx, topic)?;
        Ok(futures::stream::iter(shown.and_then(|event| Some(AlertEvent { told: Told::read(&event)?, event }))))
    }
}
