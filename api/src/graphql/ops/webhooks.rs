//! Webhook endpoints and what is sent to them.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entities::{WebhookDeliveryId, WebhookEndpointId};
use futures::FutureExt;
use futures::future::BoxFuture;
use ops::webhooks::{WebhookDeliveryRow, WebhookDeliverySort, WebhookEndpointRow, WebhookEndpointSort};
use platform::OpCtx;
use platform::db::Parent;

use super::event_type::EventType;
use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::enums::{WebhookDeliveryStatus, WebhookEndpointStatus};
use crate::graphql::input;
use crate::graphql::input::{DateTimeRange, ids, order_input};
use crate::graphql::node::find;
use crate::graphql::objects::{IntoFilter, Planned, list, object, pages, referred};
use crate::graphql::render::Rendered;
use crate::graphql::selection::Selected;

object! {
    /// An address that an integration is told of events at, by the Standard Webhooks specification: a POST of
    /// `{"type", "version", "timestamp", "data"}` with the headers `webhook-id` (the event's id, the same however often it is sent),
    /// `webhook-timestamp` (seconds since 1970) and `webhook-signature` (`v1,` and the base64 of HMAC-SHA256 over
    /// `id.timestamp.body` under the secret's bytes; one for each secret that is valid). An answer from 200 to 299 within 15 s takes
    /// the event; anything else is tried again, up to ten times over about a day, and not before `Retry-After`. Events may come
    /// twice and out of order. 410 disables the endpoint at once; so does a day in which it takes nothing.
    WebhookEndpoint(WebhookEndpointRow) {
        /// Opaque id, `webhookendpoint_…`.
        id: ID = |row| row.id.to_string().into();
        /// The address.
        url: String = |row| row.url.clone();
        /// What it is for.
        description: Option<String> = |row| row.description.clone();
        /// The kinds of events that it is told of; all of them, those of the future too, when empty. An endpoint that an integration
        /// made is told only of what the scopes of its API token let it read, and of nothing once the token is over.
        event_types: Vec<EventType> = |row| row.kinds().into_iter().map(EventType).collect();
        /// Whether it is told.
        status: WebhookEndpointStatus = |row| row.status.into();
        /// Why it was disabled; null when somebody did it, or it is enabled.
        disabled_reason: Option<String> = |row| row.disabled_reason.clone();
        /// Until when deliveries are signed with the previous secret as well (UTC); null when there is none.
        previous_secret_until: Option<DateTime<Utc>> = |row| row.previous_secret_until;
        /// Since when every attempt has failed (UTC); null while it takes what it is sent.
        failing_since_at: Option<DateTime<Utc>> = |row| row.failing_since_at;
        /// When it last took something, to the minute (UTC).
        last_success_at: Option<DateTime<Utc>> = |row| row.last_success_at;
        /// Who made it: the id of a user or an API token, or `system`; null for one of before this was written down.
        created_by: Option<String> = |row| row.created_by.clone();
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    lists {
        /// What was sent to it, or will be. Kept for 30 days.
        deliveries: WebhookDelivery;
    }
}

object! {
    /// An event on its way to an endpoint. Kept for 30 days.
    WebhookDelivery(WebhookDeliveryRow) {
        /// Opaque id, `webhookdelivery_…`.
        id: ID = |row| row.id.to_string().into();
        /// The event's id, `event_…`: the header `webhook-id`.
        event_id: ID = |row| row.event_id.to_string().into();
        /// What kind of event it is; null for one that this version of Noren does not know.
        event_type: Option<EventType> = |row| row.event_type.parse().ok().map(EventType);
        /// The body, as it is sent and signed.
        body: String = |row| row.body.clone();
        /// How far it is.
        status: WebhookDeliveryStatus = |row| row.status.into();
        /// Times that it was sent.
        attempts: i64 = |row| row.attempts.into();
        /// The HTTP status of the last answer; null when there was none.
        response_status: Option<i64> = |row| row.response_status.map(Into::into);
        /// How the last answer began: at most 500 characters, on one line.
        response_body: Option<String> = |row| row.response_body.clone();
        /// Why the last attempt failed, or why there is none.
        error_message: Option<String> = |row| row.error_message.clone();
        /// How long the last attempt took, in milliseconds.
        duration_ms: Option<i64> = |row| row.duration_ms;
        /// When it was last sent (UTC).
        last_attempt_at: Option<DateTime<Utc>> = |row| row.last_attempt_at;
        /// When it is sent next (UTC); null when it is not.
        next_attempt_at: Option<DateTime<Utc>> = |row| row.next_attempt_at;
        /// When the endpoint took it (UTC).
        delivered_at: Option<DateTime<Utc>> = |row| row.delivered_at;
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The endpoint.
        endpoint: WebhookEndpoint;
    }
}

/// Which endpoints: everything that is given must hold.
#[derive(InputObject)]
pub struct WebhookEndpointFilter {
    /// In one of these states.
    statuses: Option<Vec<WebhookEndpointStatus>>,
}

impl IntoFilter<ops::webhooks::WebhookEndpointFilter> for WebhookEndpointFilter {
    fn into_filter(self) -> Result<ops::webhooks::WebhookEndpointFilter> {
        Ok(ops::webhooks::WebhookEndpointFilter { statuses: self.statuses.map(|all| all.into_iter().map(Into::into).collect()) })
    }
}

/// Which deliveries: everything that is given must hold.
#[derive(InputObject)]
pub struct WebhookDeliveryFilter {
    /// To one of these endpoints.
    endpoint_ids: Option<Vec<ID>>,
    /// Of events of one of these kinds.
    event_types: Option<Vec<EventType>>,
    /// In one of these states.
    statuses: Option<Vec<WebhookDeliveryStatus>>,
    /// That came to be in this span.
    created_at: Option<DateTimeRange>,
}

impl IntoFilter<ops::webhooks::WebhookDeliveryFilter> for WebhookDeliveryFilter {
    fn into_filter(self) -> Result<ops::webhooks::WebhookDeliveryFilter> {
        Ok(ops::webhooks::WebhookDeliveryFilter {
            endpoint_ids: ids(self.endpoint_ids)?,
            event_types: self.event_types.map(|all| all.into_iter().map(|EventType(kind)| kind).collect()),
            statuses: self.statuses.map(|all| all.into_iter().map(Into::into).collect()),
            created_at: self.created_at.map(DateTimeRange::read).transpose()?,
        })
    }
}

order_input! {
    /// The order of a list of endpoints. Without it: the oldest first.
    WebhookEndpointOrder by
    /// What endpoints are sorted by.
    WebhookEndpointSortKey for WebhookEndpointSort {
        /// When they came to be.
        CreatedAt,
    }
    default CreatedAt Asc
}

order_input! {
    /// The order of a list of deliveries. Without it: the newest first.
    WebhookDeliveryOrder by
    /// What deliveries are sorted by.
    WebhookDeliverySortKey for WebhookDeliverySort {
        /// When they came to be.
        CreatedAt,
    }
    default CreatedAt Desc
}

impl Planned for WebhookEndpoint {
    type Row = WebhookEndpointRow;
    type FilterInput = WebhookEndpointFilter;
    type OrderInput = WebhookEndpointOrder;
    const NAME: &'static str = "WebhookEndpoint";

    fn bare(row: WebhookEndpointRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &WebhookEndpointRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, endpoints: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            let parents: Vec<_> = endpoints.iter().map(|e| Parent { tenant: e.row.tenant_id, id: e.row.id.uuid() }).collect();
            for (arguments, field) in selected.each(Self::NAME, "deliveries") {
                let mut deliveries = pages::<WebhookDelivery>(ctx, &parents, "endpoint_id", &field).await?;
                for endpoint in endpoints.iter_mut() {
                    endpoint.deliveries.push(arguments.clone(), deliveries.remove(&endpoint.row.id.uuid()).unwrap_or_default());
                }
            }
            Ok(())
        }
        .boxed()
    }
}

impl Planned for WebhookDelivery {
    type Row = WebhookDeliveryRow;
    type FilterInput = WebhookDeliveryFilter;
    type OrderInput = WebhookDeliveryOrder;
    const NAME: &'static str = "WebhookDelivery";

    fn bare(row: WebhookDeliveryRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &WebhookDeliveryRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, deliveries: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "endpoint") {
                let refs = deliveries.iter().map(|d| Parent { tenant: d.row.tenant_id, id: d.row.endpoint_id.uuid() });
                let endpoints = referred::<WebhookEndpoint>(ctx, refs, &selected).await?;
                for delivery in deliveries.iter_mut() {
                    delivery.endpoint = endpoints.map(|found| found.get(&delivery.row.endpoint_id.uuid()).cloned());
                }
            }
            Ok(())
        }
        .boxed()
    }
}

/// Reading webhook endpoints and deliveries.
#[derive(Default)]
pub struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// One webhook endpoint; null if it is missing or another tenant's. Administrators, and integrations with `webhooks:read` for what
    /// they made themselves.
    async fn webhook_endpoint(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<WebhookEndpoint>>> {
        Ok(find(ctx, input::id::<WebhookEndpointId>(&id)?.uuid()).await?.map(Rendered))
    }

    /// The tenant's webhook endpoints, at most 20. Administrators, and integrations with `webhooks:read` for what they made themselves.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn webhook_endpoints(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<WebhookEndpointFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<WebhookEndpointOrder>,
    ) -> Result<Rendered<Connection<WebhookEndpoint>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// One delivery; null if it is missing or another tenant's. Administrators, and integrations with `webhooks:read` for what goes to
    /// their own endpoints.
    async fn webhook_delivery(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<WebhookDelivery>>> {
        Ok(find(ctx, input::id::<WebhookDeliveryId>(&id)?.uuid()).await?.map(Rendered))
    }

    /// What was sent to the tenant's webhook endpoints, or will be. Administrators, and integrations with `webhooks:read` for what goes
    /// to their own endpoints.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<WebhookDeliveryFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<WebhookDeliveryOrder>,
    ) -> Result<Rendered<Connection<WebhookDelivery>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }
}
