//! Everything with an id, looked up by the id alone.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result};
use platform::OpCtx;
use uuid::Uuid;

use super::commerce::{Customer, Order, OrderItem, Product, ProductVariant, Store};
use super::errors::bad_input;
use super::input::MAX_IDS;
use super::loaders::{Loaders, Loads};
use super::objects::{Planned, plan};
use super::people::{ApiToken, Tenant, User};
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
    /// A tenant.
    Tenant(Tenant),
    /// A user.
    User(User),
    /// An API token.
    ApiToken(ApiToken),
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
        entities::TenantId::PREFIX => Tenant::find(ctx, uuid.into()).await?.map(Node::Tenant),
        entities::UserId::PREFIX => User::find(ctx, uuid.into()).await?.map(Node::User),
        entities::ApiTokenId::PREFIX => ApiToken::find(ctx, uuid.into()).await?.map(Node::ApiToken),
        _ => return Err(bad_input(format!("`{prefix}_…` is not the id of a node"))),
    })
}

/// Looking anything up by its id.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
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
