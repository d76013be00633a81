//! The root fields that read privacy requests.

use async_graphql::{Context, ID, Object, Result};

use super::requests::{PrivacyRequest, PrivacyRequestFilter, PrivacyRequestOrder};
use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::input;
use crate::graphql::node::find;
use crate::graphql::objects::list;
use crate::graphql::render::Rendered;

/// Reading privacy requests.
#[derive(Default)]
pub struct PrivacyQuery;

#[Object]
impl PrivacyQuery {
    /// One privacy request; null if it is missing or another tenant's. Administrators only.
    async fn privacy_request(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<PrivacyRequest>>> {
        Ok(find(ctx, input::id::<entities::PrivacyRequestId>(&id)?.uuid()).await?.map(Rendered))
    }

    /// What customers and shops of the tenant ask about their data, and what was done. Administrators only.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn privacy_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<PrivacyRequestFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<PrivacyRequestOrder>,
    ) -> Result<Rendered<Connection<PrivacyRequest>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }
}
