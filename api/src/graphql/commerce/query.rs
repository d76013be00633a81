//! The root fields that read commerce.

use async_graphql::{Context, ID, Object, Result};

use super::{Customer, Order, Product, Store};
use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::input;
use crate::graphql::node::find;
use crate::graphql::objects::{Planned, list};
use crate::graphql::render::Rendered;

/// Declares for each kind a field that finds one by id, and one that lists them.
macro_rules! root_fields {
    ($(
        $(#[doc = $one_doc:literal])* $one:ident by $id:ty;
        $(#[doc = $list_doc:literal])* $list:ident: $type:ty;
    )*) => {
        /// Reading stores, customers, products and orders.
        #[derive(Default)]
        pub struct CommerceQuery;

        #[Object]
        impl CommerceQuery {
            $($(#[doc = $one_doc])*
            async fn $one(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<$type>>> {
                Ok(find(ctx, input::id::<$id>(&id)?.uuid()).await?.map(Rendered))
            }

            $(#[doc = $list_doc])*
            #[graphql(complexity = "page_cost(first, last, child_complexity)")]
            #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
            async fn $list(
                &self,
                ctx: &Context<'_>,
                #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
                #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
                #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
                #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
                #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<<$type as Planned>::FilterInput>,
                #[graphql(desc = "What the list is sorted by.")] order_by: Option<<$type as Planned>::OrderInput>,
            ) -> Result<Rendered<Connection<$type>>> {
                list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
            })*
        }
    };
}

root_fields! {
    /// One store; null if it is missing or not the caller's. Needs `stores:read`.
    store by entities::StoreId;
    /// The stores that the caller may see, of all tenants for a platform administrator. Needs `stores:read`.
    stores: Store;

    /// One customer; null if it is missing or another tenant's. Needs `customers:read`.
    customer by entities::CustomerId;
    /// The tenant's customers, of the caller's stores. Needs `customers:read`.
    customers: Customer;

    /// One product; null if it is missing or another tenant's. Needs `products:read`.
    product by entities::ProductId;
    /// The tenant's products, of the caller's stores. Needs `products:read`.
    products: Product;

    /// One order; null if it is missing or another tenant's. Needs `orders:read`.
    order by entities::OrderId;
    /// The tenant's orders, of the caller's stores. Needs `orders:read`.
    orders: Order;
}
