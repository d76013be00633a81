//! Everything with an id, looked up by the id alone.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Result};
use platform::OpCtx;
use uuid::Uuid;

use super::commerce::{Customer, Order, OrderItem, Product, ProductVariant, Store};
use super::errors::bad_input;
use super::loaders::{Loaders, Loads};
use super::objects::{Planned, plan};
use super::selection::Selected;

/// Something with an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque id; its beginning tells the kind."))]
pub enum Node {
    /// A store.
    Store(Store),
    /// A customer.
    Customer(Customer),
    /// A product.
    Product(Product),
    /// A variant.
    ProductVariant(ProductVariant),
    /// An order.
    Order(Order),
    /// A line of an order.
    OrderItem(OrderItem),
}

/// The object with this id, its relations loaded as they are selected; null if it is missing or another tenant's.
pub async fn find<T: Planned>(ctx: &Context<'_>, id: Uuid) -> Result<Option<T>>
where
    Loaders: Loads<T::Row>,
{
    let Some(row) = Loads::<T::Row>::load(ctx.data::<Loaders>()?, id).await? else { return Ok(None) };
    let selected = Selected::of(ctx);
    Ok(plan::<T>(ctx.data::<Arc<OpCtx>>()?, vec![row], Some(&selected)).await?.pop())
}

/// The node with this id.
pub async fn find_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let Some((prefix, uuid)) = entities::split_id(id) else {
        return Err(bad_input(format!("`{}` is not an id of this API", id.chars().take(64).collect::<String>())));
    };
    Ok(match prefix.as_str() {
        entities::StoreId::PREFIX => find::<Store>(ctx, uuid).await?.map(Node::Store),
        entities::CustomerId::PREFIX => find::<Customer>(ctx, uuid).await?.map(Node::Customer),
        entities::ProductId::PREFIX => find::<Product>(ctx, uuid).await?.map(Node::Product),
        entities::ProductVariantId::PREFIX => find::<ProductVariant>(ctx, uuid).await?.map(Node::ProductVariant),
        entities::OrderId::PREFIX => find::<Order>(ctx, uuid).await?.map(Node::Order),
        entities::OrderItemId::PREFIX => find::<OrderItem>(ctx, uuid).await?.map(Node::OrderItem),
        _ => return Err(bad_input(format!("`{prefix}_…` is not the id of a node"))),
    })
}
