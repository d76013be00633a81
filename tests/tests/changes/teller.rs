//! Tells a store's orders one by one, from the lines that imports read, and lists every column that came of it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use commerce::changes::{Applied, ChangeError, StorePlace, Telling, Written, apply};
use integrations::ports::commerce::{BulkRecord, OrderChange};
use platform::db::{Access, is_sqlite};
use platform::{Clock, Ids, SystemClock};
use serde_json::{Value, json};

use crate::shop::{SHOPIFY, Shop};

/// An order's line with its items' lines.
pub type Lines = Vec<Value>;

pub fn set(mut line: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

pub fn records(lines: &[Value]) -> OrderChange {
    let (mut order, mut items) = (None, Vec::new());
    for line in lines {
        match SHOPIFY.read_line(line.to_string().as_bytes()).unwrap() {
            BulkRecord::Order(record) => order = Some(*record),
            BulkRecord::OrderItem(record) => items.push(*record),
            other => panic!("not of an order: {other:?}"),
        }
    }
    OrderChange { order: order.unwrap(), items, complete: false }
}

impl Shop {
    pub fn place(&self) -> StorePlace {
        StorePlace { tenant: self.tenant, store: self.store, currency: "USD".parse().unwrap() }
    }

    /// Tells an order once.
    pub async fn try_tell(&self, lines: &[Value]) -> Result<Written, ChangeError> {
        self.try_tell_at(lines, None).await
    }

    /// Tells an order once, as the provider told it at an instant.
    pub async fn try_tell_at(&self, lines: &[Value], at: Option<DateTime<Utc>>) -> Result<Written, ChangeError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let change = records(lines);
        let tx = self.db.write(Access::Tenant(self.tenant)).await?;
        let applied = apply(&tx, &self.place(), Telling::Order(&change), at, clock.now(), &Ids::new(clock)).await?;
        tx.commit().await?;
        Ok(applied)
    }

    pub async fn tell(&self, lines: &[Value]) -> Applied {
        self.try_tell(lines).await.unwrap().outcome
    }

    /// Every column of every visible row, but for what Noren gives it: ids, and when it was written.
    pub async fn told(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (name, from, columns) in [
            ("customer", "{customers} t", CUSTOMER),
            ("order", "{orders} t left join {customers} c on c.id = t.customer_id", ORDER),
            ("item", "{order_items} t join {orders} o on o.id = t.order_id", ITEM),
        ] {
            let parts: Vec<String> = columns
                .split_whitespace()
                .map(|column| {
                    let qualified = if column.contains('.') { column.to_owned() } else { format!("t.{column}") };
                    format!("coalesce(cast({qualified} as text), '-')")
                })
                .collect();
            for row in self.see(&format!("select '{name}: ' || {} from {from} order by 1", parts.join(" || '|' || "))).await {
                all.push(row.try_get_by_index::<String>(0).unwrap());
            }
        }
        all
    }

    pub async fn one(&self, column: &str, from: &str) -> String {
        self.text(&format!("select cast({column} as text) from {from}")).await.unwrap()
    }

    pub async fn execute(&self, sql: &str, at: Option<DateTime<Utc>>) {
        use sea_orm::ConnectionTrait;
        let tx = self.db.write(Access::Tenant(self.tenant)).await.unwrap();
        tx.execute_raw(self.db.statement(sql, at.map(sea_orm::Value::from))).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub fn on_sqlite(&self) -> bool {
        is_sqlite(self.db.backend())
    }
}

const CUSTOMER: &str = "external_id first_name last_name email email_key phone company city province_code country_code address_phone accepts_email_marketing
    email_marketing_updated_at accepts_sms_marketing sms_marketing_updated_at total_spent_minor currency_code total_orders tax_exempt tags is_active
    search_text created_at updated_at pending_import_id";
const ORDER: &str = "external_id c.external_id external_customer_id number email email_key total_price_minor subtotal_price_minor tax_price_minor currency_code
    status financial_status fulfillment_status test search_text processed_at cancelled_at created_at updated_at pending_import_id";
const ITEM: &str = "external_id o.external_id external_product_id external_variant_id position product_title product_handle product_vendor product_type sku
    variant_title price_minor compare_at_price_minor quantity total_price_minor currency_code options requires_shipping taxable created_at pending_import_id";

/// An order's line whose customer has dates, as events tell it.
pub fn dated(mut order: Value, customer: u64, updated_at: &str) -> Value {
    order["customer"]["id"] = json!(format!("gid://shopify/Customer/{customer}"));
    order["customer"]["createdAt"] = json!("2025-06-01T00:00:00Z");
    order["customer"]["updatedAt"] = json!(updated_at);
    order
}
