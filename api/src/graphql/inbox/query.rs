//! The root fields that read connections and deliveries.

use async_graphql::{Context, ID, Object, Result};

use super::connections::{ProviderRegistration, ProviderRegistrationFilter, ProviderRegistrationOrder};
use super::webhook_events::{WebhookEvent, WebhookEventFilter, WebhookEventOrder};
use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::input;
use crate::graphql::node::find;
use crate::graphql::objects::list;
use crate::graphql::render::Rendered;

/// Reading connections to providers and what they delivered.
#[derive(Default)]
pub struct InboxQuery;

#[Object]
impl InboxQuery {
    /// One connection to a provider; null if it is missing or another tenant's. Administrators only.
    async fn connection(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<ProviderRegistration>> {
        find(ctx, input::id::<entities::ConnectionId>(&id)?.uuid()).await
    }

    /// The tenant's connections to providers. Administrators only.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn connections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<ProviderRegistrationFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<ProviderRegistrationOrder>,
    ) -> Result<Rendered<Connection<ProviderRegistration>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// One delivery of a provider; null if it is missing or another tenant's. Administrators only.
    async fn webhook_event(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<WebhookEvent>>> {
        Ok(find(ctx, input::id::<entities::WebhookEventId>(&id)?.uuid()).await?.map(Rendered))
    }

    /// What providers delivered to the tenant. Administrators only.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn webhook_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<WebhookEventFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<WebhookEventOrder>,
    ) -> Result<Rendered<Connection<WebhookEvent>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }
}
