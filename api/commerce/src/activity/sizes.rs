//! What is stored of each store: counted every night, and when a store's data has come in as a whole.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entities::{EventType, StoreId, TenantId};
use platform::db::{Access, Database};
use platform::jobs::{NewJob, enqueue};
use platform::outbox::{Event, Listener};
use platform::{Clock, DbErr, Trace, Tx};
use sea_orm::{ConnectionTrait, Value};
use serde_json::json;

use super::KEPT;
use super::jobs::SIZES_OF_TENANT;

/// What is stored of a store, in rows and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSizes {
    /// Orders.
    pub orders: i64,
    /// Lines of orders.
    pub items: i64,
    /// Customers.
    pub customers: i64,
    /// Products.
    pub products: i64,
    /// Variants of products.
    pub variants: i64,
    /// Bodies of deliveries, in bytes.
    pub payload_bytes: i64,
    /// When it was counted (UTC).
    pub counted_at: DateTime<Utc>,
}

/// The tables that are counted, in the order of the columns of `store_sizes`.
const TABLES: [&str; 5] = ["orders", "order_items", "customers", "products", "product_variants"];

/// Counts what is stored of a tenant's stores, or of one of them. Nobody who writes waits while it is counted.
pub(super) async fn count(db: &Database, tenant: TenantId, store: Option<StoreId>, now: DateTime<Utc>) -> Result<(), DbErr> {
    let counts = TABLES.map(|table| format!("(select count(*) from {table} c where c.tenant_id = s.tenant_id and c.store_id = s.id)")).join(", ");
    let one = if store.is_some() { "and s.id = $2" } else { "" };
    let sql = format!(
        "select s.id, {counts}, (select cast(coalesce(sum(e.payload_bytes), 0) as bigint) from webhook_events e
           where e.tenant_id = s.tenant_id and e.store_id = s.id and e.payload is not null)
         from stores s where s.tenant_id = $1 {one} and {KEPT} order by s.id"
    );
    let mut values: Vec<Value> = vec![tenant.into()];
    values.extend(store.map(Value::from));
    let reader = db.read(Access::Tenant(tenant)).await?;
    let found = reader.query_all_raw(db.statement(sql, values)).await?;
    drop(reader);
    let tx = db.write(Access::Tenant(tenant)).await?;
    let sql = format!(
        "insert into store_sizes (tenant_id, store_id, orders, items, customers, products, variants, payload_bytes, counted_at)
         select s.tenant_id, s.id, {} from stores s where s.tenant_id = $1 and s.id = $2 and {KEPT}
         on conflict (tenant_id, store_id) do update set orders = excluded.orders, items = excluded.items, customers = excluded.customers,
           products = excluded.products, variants = excluded.variants, payload_bytes = excluded.payload_bytes, counted_at = excluded.counted_at",
        if platform::db::is_sqlite(db.backend()) {
            "$3, $4, $5, $6, $7, $8, $9"
        } else {
            "$3::bigint, $4::bigint, $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::timestamptz"
        }
    );
    for row in &found {
        let mut values: Vec<Value> = vec![tenant.into(), row.try_get_by_index::<StoreId>(0)?.into()];
        for index in 1..=TABLES.len() + 1 {
            values.push(row.try_get_by_index::<i64>(index)?.into());
        }
        values.push(now.into());
        tx.execute_raw(db.statement(&sql, values)).await?;
    }
    tx.commit().await
}

/// Has a store counted whose data has just come in as a whole.
pub struct Resizing {
    clock: Arc<dyn Clock>,
}

impl Resizing {
    /// A listener for the relay.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Listener for Resizing {
    async fn take(&self, tx: &Tx, events: &[Event]) -> Result<(), DbErr> {
        let trace = Trace::system("activity", self.clock.clone());
        for event in events {
            let (Some(tenant), Some(store)) = (event.tenant, event.store) else { continue };
            let came_in = event.name == EventType::StoreImported.as_str() || event.name == EventType::SyncCompleted.as_str() && event.data["kind"] == "FULL";
            if came_in {
                enqueue(tx, &trace, NewJob::new(SIZES_OF_TENANT, Some(tenant), json!({ "storeId": store })).unique(store)).await?;
            }
        }
        Ok(())
    }
}
