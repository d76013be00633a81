//! The root fields that read commerce.

use async_graphql::{Context, ID, Object, Result};

use super::{Customer, CustomerFilter, CustomerOrder, Order, OrderFilter, OrderOrder, Product, ProductFilter, ProductOrder, Store, StoreFilter, StoreOrder};
use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::input;
use crate::graphql::node::find;
use crate::graphql::objects::list;
use crate::graphql::render::Rendered;

/// Reading stores, customers, products and orders.
#[derive(Default)]
pub struct CommerceQuery;

#[Object]
impl CommerceQuery {
    /// One store; null if it is missing or another tenant's.
    async fn store(&self, ctx: &Context<'_>, #[graphql(desc = "The store's id.")] id: ID) -> Result<Option<Rendered<Store>>> {
        Ok(find(ctx, input::id::<entities::StoreId>(&id)?.uuid()).await?.map(Rendered))
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
    ) -> Result<Rendered<Connection<Store>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// One customer; null if it is missing or another tenant's.
    async fn customer(&self, ctx: &Context<'_>, #[graphql(desc = "The customer's id.")] id: ID) -> Result<Option<Rendered<Customer>>> {
        Ok(find(ctx, input::id::<entities::CustomerId>(&id)?.uuid()).await?.map(Rendered))
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
    ) -> Result<Rendered<Connection<Customer>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// One product; null if it is missing or another tenant's.
    async fn product(&self, ctx: &Context<'_>, #[graphql(desc = "The product's id.")] id: ID) -> Result<Option<Rendered<Product>>> {
        Ok(find(ctx, input::id::<entities::ProductId>(&id)?.uuid()).await?.map(Rendered))
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
    ) -> Result<Rendered<Connection<Product>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// One order; null if it is missing or another tenant's.
    async fn order(&self, ctx: &Context<'_>, #[graphql(desc = "The order's id.")] id: ID) -> Result<Option<Rendered<Order>>> {
        Ok(find(ctx, input::id::<entities::OrderId>(&id)?.uuid()).await?.map(Rendered))
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
    ) -> Result<Rendered<Connection<Order>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }
}
