//! Everything with an id, looked up by the id alone.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result};
use platform::OpCtx;
use platform::db::TenantRow;
use platform::reading::Reading;
use uuid::Uuid;

use super::commerce::{Customer, InstallationEvent, Order, OrderItem, Product, ProductVariant, Store, SyncRun};
use super::connection::rows_cost;
use super::errors::{IntoGraphql, bad_input};
use super::inbox::{ProviderRegistration, WebhookEvent};
use super::input::MAX_IDS;
use super::loaders::{Loaders, Loads};
use super::objects::{Planned, plan};
use super::ops::{Alert, AlertSilence, AuditEvent, Job, Notification, NotificationChannel};
use super::ops::{WebhookDelivery, WebhookEndpoint};
use super::people::{ApiToken, Tenant, User};
use super::privacy::PrivacyRequest;
use super::selection::Selected;

/// Something with an id.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque id; its beginning tells the kind."))]
pub enum Node {
    /// A store.
    Store(Arc<Store>),
    /// A customer.
    Customer(Arc<Customer>),
    /// A product.
    Product(Arc<Product>),
    /// A variant.
    ProductVariant(Arc<ProductVariant>),
    /// An order.
    Order(Arc<Order>),
    /// A line of an order.
    OrderItem(Arc<OrderItem>),
    /// A run of a sync.
    SyncRun(Arc<SyncRun>),
    /// A tenant.
    Tenant(Arc<Tenant>),
    /// A user.
    User(Arc<User>),
    /// An API token.
    ApiToken(Arc<ApiToken>),
    /// An entry of the audit log.
    AuditEvent(Arc<AuditEvent>),
    /// A job.
    Job(Arc<Job>),
    /// A webhook endpoint.
    WebhookEndpoint(Arc<WebhookEndpoint>),
    /// An event on its way to a webhook endpoint.
    WebhookDelivery(Arc<WebhookDelivery>),
    /// A connection to a provider.
    ProviderRegistration(Arc<ProviderRegistration>),
    /// A delivery of a provider.
    WebhookEvent(Arc<WebhookEvent>),
    /// Something that happened to the installation of an app.
    InstallationEvent(Arc<InstallationEvent>),
    /// Something that goes wrong.
    Alert(Arc<Alert>),
    /// Alerts that nobody wants to hear of for a while.
    AlertSilence(Arc<AlertSilence>),
    /// A way to reach people.
    NotificationChannel(Arc<NotificationChannel>),
    /// A message to people on its way.
    Notification(Arc<Notification>),
    /// What somebody asks about their data.
    PrivacyRequest(Arc<PrivacyRequest>),
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
    let (prefix, uuid) = kind_of(id)?;
    Ok(match prefix.as_str() {
        entities::StoreId::PREFIX => find::<Store>(ctx, uuid).await?.map(Arc::new).map(Node::Store),
        entities::CustomerId::PREFIX => find::<Customer>(ctx, uuid).await?.map(Arc::new).map(Node::Customer),
        entities::ProductId::PREFIX => find::<Product>(ctx, uuid).await?.map(Arc::new).map(Node::Product),
        entities::ProductVariantId::PREFIX => find::<ProductVariant>(ctx, uuid).await?.map(Arc::new).map(Node::ProductVariant),
        entities::OrderId::PREFIX => find::<Order>(ctx, uuid).await?.map(Arc::new).map(Node::Order),
        entities::OrderItemId::PREFIX => find::<OrderItem>(ctx, uuid).await?.map(Arc::new).map(Node::OrderItem),
        entities::SyncRunId::PREFIX => find::<SyncRun>(ctx, uuid).await?.map(Arc::new).map(Node::SyncRun),
        entities::AuditEventId::PREFIX => find::<AuditEvent>(ctx, uuid).await?.map(Arc::new).map(Node::AuditEvent),
        entities::JobId::PREFIX => find::<Job>(ctx, uuid).await?.map(Arc::new).map(Node::Job),
        entities::WebhookEndpointId::PREFIX => find::<WebhookEndpoint>(ctx, uuid).await?.map(Arc::new).map(Node::WebhookEndpoint),
        entities::WebhookDeliveryId::PREFIX => find::<WebhookDelivery>(ctx, uuid).await?.map(Arc::new).map(Node::WebhookDelivery),
        entities::TenantId::PREFIX => Tenant::find(ctx, uuid.into()).await?.map(Arc::new).map(Node::Tenant),
        entities::UserId::PREFIX => User::find(ctx, uuid.into()).await?.map(Arc::new).map(Node::User),
        entities::ApiTokenId::PREFIX => ApiToken::find(ctx, uuid.into()).await?.map(Arc::new).map(Node::ApiToken),
        entities::ConnectionId::PREFIX => find::<ProviderRegistration>(ctx, uuid).await?.map(Arc::new).map(Node::ProviderRegistration),
        entities::WebhookEventId::PREFIX => find::<WebhookEvent>(ctx, uuid).await?.map(Arc::new).map(Node::WebhookEvent),
        entities::AlertId::PREFIX => find::<Alert>(ctx, uuid).await?.map(Arc::new).map(Node::Alert),
        entities::InstallationEventId::PREFIX => find::<InstallationEvent>(ctx, uuid).await?.map(Arc::new).map(Node::InstallationEvent),
        entities::AlertSilenceId::PREFIX => find::<AlertSilence>(ctx, uuid).await?.map(Arc::new).map(Node::AlertSilence),
        entities::NotificationChannelId::PREFIX => find::<NotificationChannel>(ctx, uuid).await?.map(Arc::new).map(Node::NotificationChannel),
        entities::NotificationId::PREFIX => find::<Notification>(ctx, uuid).await?.map(Arc::new).map(Node::Notification),
        entities::PrivacyRequestId::PREFIX => find::<PrivacyRequest>(ctx, uuid).await?.map(Arc::new).map(Node::PrivacyRequest),
        _ => return Err(not_a_node(&prefix)),
    })
}

fn kind_of(id: &ID) -> Result<(String, Uuid)> {
    entities::split_id(id).ok_or_else(|| bad_input(format!("`{}` is not an id of this API", id.chars().take(64).collect::<String>())))
}

fn not_a_node(prefix: &str) -> async_graphql::Error {
    bad_input(format!("`{prefix}_…` is not the id of a node"))
}

/// Rows of one kind with what is selected of them, loaded together.
async fn together<T: Planned>(ctx: &Context<'_>, ids: &[Uuid], wrap: fn(Arc<T>) -> Node, found: &mut HashMap<Uuid, Node>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let op = ctx.data::<Arc<OpCtx>>()?;
    let rows = Reading::<T::Row>::default().load_many(op, ids).await.map_err(IntoGraphql::into_graphql)?;
    let objects = plan::<T>(op, rows, Some(&Selected::of(ctx))).await?;
    found.extend(objects.into_iter().map(|object| (TenantRow::id(object.row()), wrap(Arc::new(object)))));
    Ok(())
}

/// Nodes of all kinds by their ids: each kind is loaded once, however many ids there are.
async fn find_nodes(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Node>>> {
    let (mut kinds, mut keys) = (HashMap::<String, Vec<Uuid>>::new(), Vec::with_capacity(ids.len()));
    for id in ids {
        let (prefix, uuid) = kind_of(id)?;
        let same_kind = kinds.entry(prefix).or_default();
        if !same_kind.contains(&uuid) {
            same_kind.push(uuid);
        }
        keys.push(uuid);
    }
    let mut found = HashMap::with_capacity(ids.len());
    for (prefix, ids) in kinds {
        match prefix.as_str() {
            entities::StoreId::PREFIX => together::<Store>(ctx, &ids, Node::Store, &mut found).await?,
            entities::CustomerId::PREFIX => together::<Customer>(ctx, &ids, Node::Customer, &mut found).await?,
            entities::ProductId::PREFIX => together::<Product>(ctx, &ids, Node::Product, &mut found).await?,
            entities::ProductVariantId::PREFIX => together::<ProductVariant>(ctx, &ids, Node::ProductVariant, &mut found).await?,
            entities::OrderId::PREFIX => together::<Order>(ctx, &ids, Node::Order, &mut found).await?,
            entities::OrderItemId::PREFIX => together::<OrderItem>(ctx, &ids, Node::OrderItem, &mut found).await?,
            entities::AuditEventId::PREFIX => together::<AuditEvent>(ctx, &ids, Node::AuditEvent, &mut found).await?,
            entities::JobId::PREFIX => together::<Job>(ctx, &ids, Node::Job, &mut found).await?,
            entities::WebhookEndpointId::PREFIX => together::<WebhookEndpoint>(ctx, &ids, Node::WebhookEndpoint, &mut found).await?,
            entities::WebhookDeliveryId::PREFIX => together::<WebhookDelivery>(ctx, &ids, Node::WebhookDelivery, &mut found).await?,
            entities::ConnectionId::PREFIX => together::<ProviderRegistration>(ctx, &ids, Node::ProviderRegistration, &mut found).await?,
            entities::WebhookEventId::PREFIX => together::<WebhookEvent>(ctx, &ids, Node::WebhookEvent, &mut found).await?,
            entities::AlertId::PREFIX => together::<Alert>(ctx, &ids, Node::Alert, &mut found).await?,
            entities::InstallationEventId::PREFIX => together::<InstallationEvent>(ctx, &ids, Node::InstallationEvent, &mut found).await?,
            entities::AlertSilenceId::PREFIX => together::<AlertSilence>(ctx, &ids, Node::AlertSilence, &mut found).await?,
            entities::NotificationChannelId::PREFIX => together::<NotificationChannel>(ctx, &ids, Node::NotificationChannel, &mut found).await?,
            entities::NotificationId::PREFIX => together::<Notification>(ctx, &ids, Node::Notification, &mut found).await?,
            entities::PrivacyRequestId::PREFIX => together::<PrivacyRequest>(ctx, &ids, Node::PrivacyRequest, &mut found).await?,
            entities::TenantId::PREFIX => {
                let tenants = Tenant::find_many(ctx, &ids.into_iter().map(Into::into).collect::<Vec<_>>()).await?;
                found.extend(tenants.into_iter().map(|tenant| (tenant.key(), Node::Tenant(Arc::new(tenant)))));
            }
            entities::UserId::PREFIX => {
                let users = User::find_many(ctx, &ids.into_iter().map(Into::into).collect::<Vec<_>>()).await?;
                found.extend(users.into_iter().map(|user| (user.key(), Node::User(Arc::new(user)))));
            }
            entities::ApiTokenId::PREFIX => {
                for id in ids {
                    found.extend(ApiToken::find(ctx, id.into()).await?.map(|token| (id, Node::ApiToken(Arc::new(token)))));
                }
            }
            _ => return Err(not_a_node(&prefix)),
        }
    }
    Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
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
    #[graphql(complexity = "rows_cost(ids.len(), child_complexity)")]
    async fn nodes(&self, ctx: &Context<'_>, #[graphql(desc = "The ids, at most 250.")] ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_IDS {
            return Err(bad_input(format!("{} ids at once; at most {MAX_IDS} are taken", ids.len())));
        }
        find_nodes(ctx, &ids).await
    }
}
