//! The schema: its root fields, and how it is built and printed.

use async_graphql::{Context, EmptyMutation, EmptySubscription, ID, Object, Result, Schema};

use super::commerce::{Customer, CustomerFilter, CustomerOrder, Order, OrderFilter, OrderOrder, Product, ProductFilter, ProductOrder, Store, StoreFilter, StoreOrder};
use super::connection::{Connection, PageArgs, page_cost};
use super::document::Limits;
use super::errors::bad_input;
use super::input::{self, MAX_IDS};
use super::node::{Node, find, find_node};
use super::objects::list;

/// The schema.
pub type NorenSchema = Schema<Query, EmptyMutation, EmptySubscription>;

/// Builds the schema.
pub fn build(limits: &Limits) -> NorenSchema {
    Schema::build(Query, EmptyMutation, EmptySubscription)
        .limit_depth(limits.depth)
        .limit_complexity(limits.complexity)
        .limit_recursive_depth(limits.depth + 10)
        .limit_directives(limits.directives)
        .finish()
}

/// The public contract as text.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    build(&Limits::default()).sdl_with_options(options)
}

/// What can be read.
pub struct Query;

/// What can be read.
#[Object]
impl Query {
    /// One store; null if it is missing or another tenant's.
    async fn store(&self, ctx: &Context<'_>, #[graphql(desc = "The store's id.")] id: ID) -> Result<Option<Store>> {
        find(ctx, input::id::<entities::StoreId>(&id)?.uuid()).await
    }

    /// The stores of the tenant (of all tenants, for a platform administrator) that the caller may see.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn stores(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<StoreFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<StoreOrder>,
    ) -> Result<Connection<Store>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// One customer; null if it is missing or another tenant's.
    async fn customer(&self, ctx: &Context<'_>, #[graphql(desc = "The customer's id.")] id: ID) -> Result<Option<Customer>> {
        find(ctx, input::id::<entities::CustomerId>(&id)?.uuid()).await
    }

    /// The customers of the tenant that the caller may see.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<CustomerFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<CustomerOrder>,
    ) -> Result<Connection<Customer>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// One product; null if it is missing or another tenant's.
    async fn product(&self, ctx: &Context<'_>, #[graphql(desc = "The product's id.")] id: ID) -> Result<Option<Product>> {
        find(ctx, input::id::<entities::ProductId>(&id)?.uuid()).await
    }

    /// The products of the tenant that the caller may see.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<ProductFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<ProductOrder>,
    ) -> Result<Connection<Product>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// One order; null if it is missing or another tenant's.
    async fn order(&self, ctx: &Context<'_>, #[graphql(desc = "The order's id.")] id: ID) -> Result<Option<Order>> {
        find(ctx, input::id::<entities::OrderId>(&id)?.uuid()).await
    }

    /// The orders of the tenant that the caller may see.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<OrderFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<OrderOrder>,
    ) -> Result<Connection<Order>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// Anything with an id; null if it is missing or another tenant's.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<Node>> {
        find_node(ctx, &id).await
    }

    /// Several things by their ids, in the order of the ids; null for what is missing or another tenant's.
    #[graphql(complexity = "ids.len() * child_complexity")]
    async fn nodes(&self, ctx: &Context<'_>, #[graphql(desc = "The ids, at most 250.")] ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_IDS {
            return Err(bad_input(format!("{} ids at once; at most {MAX_IDS} are taken", ids.len())));
        }
        futures::future::try_join_all(ids.iter().map(|id| find_node(ctx, id))).await
    }
}
