//! The same answers from the faces that the product's resolvers call.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use commerce::catalog::Products;
use commerce::customers::Customers;
use commerce::orders::{OrderFilter, OrderItemRow, OrderItemSort, OrderItems, OrderRow, OrderSort, Orders};
use commerce::stores::StoreReading;
use entities::{ApiTokenId, TenantId, TenantStatus, TokenRole};
use integrations::registry::{ShopSystemSettings, ShopSystems};
use people::identity::{AccessTokens, Callers, Merchants, OutsideProviders};
use people::tenants::TenantKeys;
use platform::callers::{Origin, TokenCaller};
use platform::crypto::MasterKey;
use platform::db::{DatabaseSettings, ExternalRef, Page, PageRequest, Parent};
use platform::filter::TimeRange;
use platform::{Caller, Database, OpCtx, SystemClock};
use uuid::Uuid;

use super::Outcome;
use super::answers::{Buyer, ById, ItemProduct, MoneyText, Nodes, OneStore, OrdersPage, PageItem, PageOrder, StoreItem, StoreOfOrders, StoreOrder, WholeOrder};

/// The rooms of commerce, and a caller.
pub struct Rooms {
    db: Database,
    caller: Caller,
    /// Who recognises callers, if anybody does.
    callers: Option<Callers>,
}

impl Rooms {
    /// The rooms, with an administrator of `tenant` who is taken for granted unless callers are recognised.
    pub async fn new(url: &str, tenant: TenantId, recognised: bool) -> Outcome<Self> {
        let db = Database::connect(&DatabaseSettings::new(url)).await?;
        let clock = Arc::new(SystemClock);
        let callers = if recognised {
            let (master, outside) = (MasterKey::random(), OutsideProviders::new(&[], clock.clone())?);
            let merchants = Merchants::new(ShopSystems::new(ShopSystemSettings::default())?, TenantKeys::new(master.clone()));
            Some(Callers::new(db.clone(), clock, AccessTokens::new(&master), outside, merchants))
        } else {
            None
        };
        let token =
            TokenCaller { id: ApiTokenId::from(Uuid::nil()), role: TokenRole::TenantAdmin, tenant: Some((tenant, TenantStatus::Active)), scopes: Arc::new([]) };
        Ok(Self { db, caller: Caller::Token(token), callers })
    }

    async fn ctx(&self, headers: &HeaderMap) -> OpCtx {
        let caller = match &self.callers {
            None => self.caller.clone(),
            Some(callers) => {
                let bearer = headers[header::AUTHORIZATION].to_str().expect("a bearer").trim_start_matches("Bearer ");
                callers.authenticate(bearer).await.expect("a caller")
            }
        };
        OpCtx::new(self.db.clone(), Arc::new(SystemClock), caller, None, Origin::default()).expect("a standing")
    }

    /// One order.
    pub async fn order(&self, headers: &HeaderMap, id: Uuid) -> ById {
        let ctx = self.ctx(headers).await;
        let order = Orders::default().load_many(&ctx, &[id]).await.expect("orders").pop();
        ById {
            order: order.map(|order| WholeOrder {
                id: order.id,
                number: order.number,
                email: order.email,
                status: order.status.to_string(),
                financial_status: order.financial_status.map(|status| status.to_string()),
                fulfillment_status: order.fulfillment_status.map(|status| status.to_string()),
                processed_at: order.processed_at,
                total_price: MoneyText::new(order.total_price_minor, order.currency_code),
            }),
        }
    }

    /// 50 orders with items and customer.
    pub async fn page(&self, headers: &HeaderMap, before: DateTime<Utc>) -> OrdersPage {
        let ctx = self.ctx(headers).await;
        let filter = OrderFilter { processed_at: Some(TimeRange { from: None, before: Some(before) }), ..OrderFilter::default() };
        let orders = Orders::default().page(&ctx, &filter, OrderSort::ProcessedAt, &newest(50)).await.expect("orders").rows;
        let buyers: Vec<Parent> = orders.iter().filter_map(|order| Some(Parent { tenant: order.tenant_id, id: order.customer_id?.uuid() })).collect();
        let customers = Customers::default().referred(&ctx, &buyers).await.expect("customers");
        let mut items = items_of(&ctx, &orders).await;
        let nodes = orders.into_iter().map(|order| PageOrder {
            id: order.id,
            number: order.number,
            processed_at: order.processed_at,
            financial_status: order.financial_status.map(|status| status.to_string()),
            total_price: MoneyText::new(order.total_price_minor, order.currency_code),
            customer: order.customer_id.and_then(|id| customers.get(&id.uuid())).cloned().map(|customer| Buyer {
                id: customer.id,
                first_name: customer.first_name,
                last_name: customer.last_name,
                email: customer.email,
            }),
            items: Nodes {
                nodes: rows_of(&mut items, order.id.uuid())
                    .map(|item| PageItem {
                        id: item.id,
                        product_title: item.product_title,
                        quantity: item.quantity,
                        total_price: MoneyText::new(item.total_price_minor, item.currency_code),
                    })
                    .collect(),
            },
        });
        OrdersPage { orders: Nodes { nodes: nodes.collect() } }
    }

    /// A store, 20 orders, items, products.
    pub async fn store(&self, headers: &HeaderMap, id: Uuid) -> OneStore {
        let ctx = self.ctx(headers).await;
        let Some(store) = StoreReading::default().load_many(&ctx, &[id]).await.expect("stores").pop() else { return OneStore { store: None } };
        let of = [Parent { tenant: store.tenant_id, id }];
        let mut pages = Orders::default().pages_of(&ctx, &of, "store_id", &OrderFilter::default(), OrderSort::ProcessedAt, &newest(20)).await.expect("orders");
        let orders = pages.remove(&id).map(|page| page.rows).unwrap_or_default();
        let mut items = items_of(&ctx, &orders).await;
        let mut refs: Vec<ExternalRef> = items
            .values()
            .flat_map(|page| &page.rows)
            .filter_map(|item| Some(ExternalRef { tenant: item.tenant_id, store: item.store_id, external_id: item.external_product_id.clone()? }))
            .collect();
        refs.sort_unstable_by(|a, b| a.external_id.cmp(&b.external_id));
        refs.dedup();
        let products = Products::default().by_external(&ctx, &refs).await.expect("products");
        let nodes = orders.into_iter().map(|order| StoreOrder {
            id: order.id,
            number: order.number,
            processed_at: order.processed_at,
            total_price: MoneyText::new(order.total_price_minor, order.currency_code),
            items: Nodes {
                nodes: rows_of(&mut items, order.id.uuid())
                    .map(|item| {
                        let key = item.external_product_id.map(|external_id| (item.store_id, external_id));
                        let product = key.and_then(|key| products.get(&key)).cloned();
                        let product = product.map(|product| ItemProduct { id: product.id, title: product.title, vendor: product.vendor });
                        StoreItem { product_title: item.product_title, quantity: item.quantity, product }
                    })
                    .collect(),
            },
        });
        OneStore { store: Some(StoreOfOrders { id: store.id, name: store.name, orders: Nodes { nodes: nodes.collect() } }) }
    }
}

fn newest(limit: u32) -> PageRequest {
    PageRequest { reverse: true, ..PageRequest::first(limit) }
}

type Items = std::collections::HashMap<Uuid, Page<OrderItemRow>>;

async fn items_of(ctx: &OpCtx, orders: &[OrderRow]) -> Items {
    let parents: Vec<Parent> = orders.iter().map(|order| Parent { tenant: order.tenant_id, id: order.id.uuid() }).collect();
    OrderItems::default().pages_of(ctx, &parents, "order_id", &(), OrderItemSort::Position, &PageRequest::first(10)).await.expect("items")
}

fn rows_of(items: &mut Items, order: Uuid) -> impl Iterator<Item = OrderItemRow> {
    items.remove(&order).map(|page| page.rows).unwrap_or_default().into_iter()
}
