//! Syncs live: how far one is, as it goes on.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, Subscription};
use chrono::{DateTime, Utc};
use commerce::sync::SyncEvent as Told;
use entities::{StoreId, SyncRunId};
use futures::Stream;
use platform::callers::Scope;
use platform::callers::actions::ReadStores;
use platform::outbox::{Event, FeedId};

use super::syncs::SyncRun;
use crate::graphql::enums::{SyncKind, SyncPhase, SyncStatus};
use crate::graphql::errors::IntoGraphql;
use crate::graphql::input::id;
use crate::graphql::live::{Topic, cursor, follow, plans, read_cursor};
use crate::graphql::node::find;
use crate::graphql::render::Rendered;
use crate::graphql::services::op;

/// How far a sync was.
pub struct SyncProgress {
    event: Arc<Event>,
    told: Told,
}

/// How far a sync was.
#[Object]
impl SyncProgress {
    /// Where the subscription stands after this: pass it as `after` to go on from here, with no gap and no double. Kept for 30 days.
    async fn cursor(&self) -> String {
        cursor(&self.event)
    }

    /// When it was so (UTC).
    async fn occurred_at(&self) -> DateTime<Utc> {
        self.event.occurred_at
    }

    /// The run's id.
    async fn sync_run_id(&self) -> ID {
        self.told.sync_run_id.to_string().into()
    }

    /// The store's id.
    async fn store_id(&self) -> ID {
        self.told.store_id.to_string().into()
    }

    /// What it brings.
    async fn kind(&self) -> SyncKind {
        self.told.kind.into()
    }

    /// How far it was.
    async fn status(&self) -> SyncStatus {
        self.told.status.into()
    }

    /// What it was doing.
    async fn phase(&self) -> SyncPhase {
        self.told.phase.into()
    }

    /// Objects that the shop said there are.
    async fn asked(&self) -> i64 {
        self.told.asked
    }

    /// Objects that had come.
    async fn received(&self) -> i64 {
        self.told.received
    }

    /// How much of what was asked for had come, 0 to 100; null while nobody knew how much there is.
    async fn percent(&self) -> Option<f64> {
        self.told.percent
    }

    /// Objects a second since it was begun.
    async fn rate(&self) -> Option<f64> {
        self.told.rate
    }

    /// About how many seconds were left, at that rate.
    async fn seconds_left(&self) -> Option<i64> {
        self.told.seconds_left
    }

    /// What had gone wrong last.
    async fn error_message(&self) -> Option<&str> {
        self.told.error.as_deref()
    }

    /// The run as it is now, which may be further.
    async fn sync_run(&self, ctx: &Context<'_>) -> Result<Option<Rendered<SyncRun>>> {
        Ok(find(ctx, self.told.sync_run_id.uuid()).await?.map(Rendered))
    }
}

/// Following syncs.
#[derive(Default)]
pub struct SyncSubscription;

#[Subscription]
impl SyncSubscription {
    /// How far a sync is, at most once a second and at every change of its state; without `runId`, all syncs of the tenant. Members of some
    /// stores, and merchants, hear of those alone. With `after` it first tells what happened since, then goes on live, with no gap and no double; without
    /// it begins now. A cursor whose successors are not kept any more is CURSOR_EXPIRED. Needs `stores:read`.
    async fn sync_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run; of one that is missing or another tenant's nothing is ever told.")] run_id: Option<ID>,
        #[graphql(desc = "The cursor of the last event that was seen.")] after: Option<String>,
    ) -> Result<impl Stream<Item = SyncProgress> + use<>> {
        let op = op(ctx)?;
        let permit = op.authorize::<ReadStores>().map_err(IntoGraphql::into_graphql)?;
        let tenant = permit.one_tenant().map_err(IntoGraphql::into_graphql)?;
        let stores: Option<Arc<[StoreId]>> = match permit.scope() {
            Scope::Stores(_, stores) => Some(stores.clone()),
            Scope::Platform | Scope::Tenant(_) => None,
        };
        let run = run_id.as_ref().map(id::<SyncRunId>).transpose()?;
        let feed = FeedId::of(Some(tenant));
        let after = match after {
            Some(text) if plans(ctx)? => Some(read_cursor(op, feed, &text).await?),
            Some(_) | None => None,
        };
        let wants = move |event: &Event| {
            Told::read(event)
                .is_some_and(|told| run.is_none_or(|run| told.sync_run_id == run) && stores.as_ref().is_none_or(|mine| mine.contains(&told.store_id)))
        };
        let shown = follow(ctx, Topic { feed, after, wants: Arc::new(wants) })?;
        Ok(futures::stream::iter(shown.and_then(|event| Some(SyncProgress { told: Told::read(&event)?, event }))))
    }
}
