//! Deliveries of providers, and what they carry.

use async_graphql::{ID, InputObject, Json, Result};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use ops::inbox::{WebhookEventContentRow, WebhookEventRow, WebhookEventSort};
use platform::OpCtx;
use platform::db::Parent;

use super::connections::ProviderRegistration;
use crate::graphql::commerce::{NoFilter, Store};
use crate::graphql::enums::WebhookEventStatus;
use crate::graphql::errors::bad_input;
use crate::graphql::input::{DateTimeRange, ids, order_input, texts};
use crate::graphql::objects::{IntoFilter, IntoOrder, Planned, Slot, object, referred};
use crate::graphql::selection::Selected;

/// The most bytes of content that one list answers with.
const CONTENT: i64 = 8 * 1024 * 1024;

object! {
    /// A delivery that a provider made: stored once, worked on by a job, and again when it is replayed.
    WebhookEvent(WebhookEventRow) {
        /// Opaque id, `webhookevent_…`.
        id: ID = |row| row.id.to_string().into();
        /// The provider, such as `shopify`.
        provider: String = |row| row.provider.clone();
        /// What it tells of, in the provider's words, such as `orders/create`.
        topic: String = |row| row.topic.clone();
        /// The account that it names, such as a shop's domain.
        account: Option<String> = |row| row.account.clone();
        /// The provider's id of the delivery: within a connection, it is stored once.
        event_id: String = |row| row.event_id.clone();
        /// The provider's id of what happened, which several deliveries may tell of.
        provider_event_id: Option<String> = |row| row.provider_event_id.clone();
        /// The version of the provider's API that it is written in.
        api_version: Option<String> = |row| row.api_version.clone();
        /// The size of its body, in bytes.
        payload_bytes: i64 = |row| row.payload_bytes;
        /// How far it is.
        status: WebhookEventStatus = |row| row.status.into();
        /// How often it was worked on, replays included.
        attempts: i64 = |row| row.attempts.into();
        /// Why it failed, waits or was ignored.
        error_message: Option<String> = |row| row.error_message.clone();
        /// When it happened, as the provider says (UTC).
        triggered_at: Option<DateTime<Utc>> = |row| row.triggered_at;
        /// When it came in (UTC).
        received_at: DateTime<Utc> = |row| row.received_at;
        /// When it was worked on (UTC); null while it waits or when it failed.
        processed_at: Option<DateTime<Utc>> = |row| row.processed_at;
        /// When its content is to be deleted (UTC); the record stays.
        payload_deletion_at: Option<DateTime<Utc>> = |row| row.payload_deletion_at;
        /// When its content was deleted (UTC).
        payload_deleted_at: Option<DateTime<Utc>> = |row| row.payload_deleted_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The connection that it came by.
        connection: ProviderRegistration;
        /// The store that it is about; null while there is none.
        store: Store;
        /// What it carries; null once that was deleted. A list answers with at most 8 MiB of it: ask for fewer rows, or one by one.
        content: WebhookEventContent;
    }
}

object! {
    /// What a delivery carries.
    WebhookEventContent(WebhookEventContentRow) {
        /// The provider's headers, without the signature: a list of pairs of name and value.
        headers: Json<serde_json::Value> = |row| Json(row.headers.clone());
        /// The body as text, as it came.
        payload: Option<String> = |row| row.payload.as_deref().map(|body| String::from_utf8_lossy(body).into_owned());
    }
}

/// Which deliveries: everything that is given must hold.
#[derive(InputObject)]
pub struct WebhookEventFilter {
    /// About one of these stores.
    store_ids: Option<Vec<ID>>,
    /// By one of these connections.
    connection_ids: Option<Vec<ID>>,
    /// Of one of these providers.
    providers: Option<Vec<String>>,
    /// With one of these topics, in the provider's words.
    topics: Option<Vec<String>>,
    /// In one of these states.
    statuses: Option<Vec<WebhookEventStatus>>,
    /// That came in within this span.
    received_at: Option<DateTimeRange>,
}

impl IntoFilter<ops::inbox::WebhookEventFilter> for WebhookEventFilter {
    fn into_filter(self) -> Result<ops::inbox::WebhookEventFilter> {
        Ok(ops::inbox::WebhookEventFilter {
            store_ids: ids(self.store_ids)?,
            connection_ids: ids(self.connection_ids)?,
            providers: texts(self.providers)?,
            topics: texts(self.topics)?,
            statuses: self.statuses.map(|all| all.into_iter().map(Into::into).collect()),
            received_at: self.received_at.map(DateTimeRange::read).transpose()?,
        })
    }
}

order_input! {
    /// The order of a list of deliveries. Without it: the newest first.
    WebhookEventOrder by
    /// What deliveries are sorted by.
    WebhookEventSortKey for WebhookEventSort {
        /// When they came in.
        ReceivedAt,
    }
    default ReceivedAt Desc
}

impl Planned for WebhookEvent {
    type Row = WebhookEventRow;
    type FilterInput = WebhookEventFilter;
    type OrderInput = WebhookEventOrder;
    const NAME: &'static str = "WebhookEvent";

    fn bare(row: WebhookEventRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &WebhookEventRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, events: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "connection") {
                let refs = events.iter().map(|event| Parent { tenant: event.row.tenant_id, id: event.row.connection_id.uuid() });
                let connections = referred::<ProviderRegistration>(ctx, refs, &selected).await?;
                for event in events.iter_mut() {
                    event.connection = connections.map(|found| found.get(&event.row.connection_id.uuid()).cloned());
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "store") {
                let refs = events.iter().filter_map(|event| Some(Parent { tenant: event.row.tenant_id, id: event.row.store_id?.uuid() }));
                let stores = referred::<Store>(ctx, refs, &selected).await?;
                for event in events.iter_mut() {
                    event.store = match event.row.store_id {
                        Some(store) => stores.map(|found| found.get(&store.uuid()).cloned()),
                        None => Slot::Loaded(None),
                    };
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "content") {
                let kept = || events.iter().filter(|event| event.row.payload_deleted_at.is_none());
                let bytes: i64 = kept().map(|event| event.row.payload_bytes).sum();
                if events.len() > 1 && bytes > CONTENT {
                    return Err(bad_input(format!("the content of these rows has {bytes} bytes, at most {CONTENT} are answered at once; ask for fewer rows")));
                }
                let refs: Vec<_> = kept().map(|event| Parent { tenant: event.row.tenant_id, id: event.row.id.uuid() }).collect();
                let contents = referred::<WebhookEventContent>(ctx, refs, &selected).await?;
                for event in events.iter_mut() {
                    event.content = contents.map(|found| found.get(&event.row.id.uuid()).cloned());
                }
            }
            Ok(())
        }
        .boxed()
    }
}

impl IntoOrder<()> for NoFilter {
    fn into_order(_: Option<Self>) -> ((), bool) {
        ((), false)
    }
}

impl Planned for WebhookEventContent {
    type Row = WebhookEventContentRow;
    type FilterInput = NoFilter;
    type OrderInput = NoFilter;
    const NAME: &'static str = "WebhookEventContent";

    fn bare(row: WebhookEventContentRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &WebhookEventContentRow {
        &self.row
    }

    fn relate<'a>(_: &'a OpCtx, _: &'a mut [Self], _: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async { Ok(()) }.boxed()
    }
}
