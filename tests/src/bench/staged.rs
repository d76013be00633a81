//! What bringing rows in costs without the product: COPY and one merge by hand, or a statement a row.

use std::time::{Duration, Instant};

use entities::{StoreId, TenantId};
use futures::TryStreamExt;
use platform::Database;
use platform::db::Access;
use sea_orm::ConnectionTrait;
use serde_json::Value;
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use uuid::Uuid;

use crate::harness::{Backend, TestDatabase};

/// COPY into the staging tables, and one merge.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// COPY of all rows.
    pub copy: Duration,
    /// The merge.
    pub merge: Duration,
}

impl Floor {
    /// Both together.
    pub fn took(self) -> Duration {
        self.copy + self.merge
    }
}

/// A database with one store.
pub struct BenchShop {
    test: TestDatabase,
    /// The database, as the product opens it.
    pub db: Database,
    /// The store.
    pub store: StoreId,
}

impl BenchShop {
    /// Makes it.
    pub async fn open() -> Self {
        let test = TestDatabase::migrated(Backend::Postgres).await;
        let db = Database::connect(test.settings()).await.expect("a connection");
        let (tenant, store) = (TenantId::from(Uuid::from_u128(1)), StoreId::from(Uuid::from_u128(2)));
        let tx = db.write(Access::Tenant(tenant)).await.expect("a transaction");
        for statement in [
            "insert into tenants (id, company_name, company_name_key, search_text, contact_email, status, time_zone, locale, created_at, updated_at)
             values ($1, 'A', 'a', 'a', 'a@example.com', 'ACTIVE', 'Asia/Tokyo', 'ja', now(), now())",
            "insert into stores (id, tenant_id, provider, name, name_key, domain, data_kind, status, settings, scopes, time_zone, currency_code, search_text, initial_setup_completed, created_at, updated_at)
             values ('00000000-0000-0000-0000-000000000002', $1, 'shopify', 'S', 's', 's.myshopify.com', 'PRODUCTION', 'ACTIVE', '{}', '[]', 'Asia/Tokyo', 'USD', 's', false, now(), now())",
        ] {
            tx.execute_raw(db.statement(statement, [tenant.uuid().into()])).await.expect("a row");
        }
        tx.commit().await.expect("a commit");
        Self { test, db, store }
    }

    /// Its address, for a role that no policy holds.
    pub fn url(&self) -> &str {
        &self.test.settings().url
    }
}

/// The staged columns of each kind, and where they are found in the rows that the product made.
const KINDS: [(&str, &str, &str); 3] = [
    (
        "staged_customers",
        "run_id, tenant_id, line, id, external_id, first_name, last_name, email, email_key, phone, company, city, province_code, country_code, address_phone, accepts_email_marketing,
         email_marketing_updated_at, accepts_sms_marketing, sms_marketing_updated_at, total_spent_minor, currency_code, total_orders, tax_exempt, tags, search_text, created_at, updated_at, carried",
        "select '00000000-0000-0000-0000-000000000003'::uuid, '00000000-0000-0000-0000-000000000001'::uuid, row_number() over (order by id), id, external_id, first_name, last_name, email, email_key, phone, company, city, province_code,
         country_code, address_phone, accepts_email_marketing, email_marketing_updated_at, accepts_sms_marketing, sms_marketing_updated_at, total_spent_minor, currency_code, total_orders, tax_exempt,
         tags, search_text, created_at, updated_at, 0 from customers",
    ),
    (
        "staged_orders",
        "run_id, tenant_id, line, id, external_id, external_customer_id, number, email, email_key, total_price_minor, subtotal_price_minor, tax_price_minor, currency_code, status, financial_status,
         fulfillment_status, test, search_text, processed_at, cancelled_at, created_at, updated_at, carried",
        "select '00000000-0000-0000-0000-000000000003'::uuid, '00000000-0000-0000-0000-000000000001'::uuid, row_number() over (order by id), id, external_id, external_customer_id, number, email, email_key, total_price_minor,
         subtotal_price_minor, tax_price_minor, currency_code, status, financial_status, fulfillment_status, test, search_text, processed_at, cancelled_at, created_at, updated_at, 0 from orders",
    ),
    (
        "staged_order_items",
        "run_id, tenant_id, line, id, external_id, parent_external_id, external_product_id, external_variant_id, position, product_title, product_handle, product_vendor, product_type, sku,
         variant_title, price_minor, compare_at_price_minor, quantity, total_price_minor, currency_code, options, requires_shipping, taxable, carried",
        "select '00000000-0000-0000-0000-000000000003'::uuid, '00000000-0000-0000-0000-000000000001'::uuid, row_number() over (order by i.id), i.id, i.external_id, o.external_id, external_product_id, external_variant_id, position,
         product_title, product_handle, product_vendor, product_type, sku, variant_title, price_minor, compare_at_price_minor, quantity, i.total_price_minor, i.currency_code, options,
         requires_shipping, taxable, 0 from order_items i join orders o on o.tenant_id = i.tenant_id and o.id = i.order_id",
    ),
];

/// One merge, as one would write it by hand for this file alone.
const MERGE: [&str; 3] = [
    "insert into customers (id, tenant_id, store_id, external_id, first_name, last_name, email, email_key, phone, company, city, province_code, country_code, address_phone, accepts_email_marketing,
       email_marketing_updated_at, accepts_sms_marketing, sms_marketing_updated_at, total_spent_minor, currency_code, total_orders, tax_exempt, tags, is_active, search_text, created_at, updated_at,
       synced_at)
     select id, tenant_id, '00000000-0000-0000-0000-000000000002', external_id, first_name, last_name, email, email_key, phone, company, city, province_code, country_code, address_phone,
       accepts_email_marketing, email_marketing_updated_at, accepts_sms_marketing, sms_marketing_updated_at, total_spent_minor, currency_code, total_orders, tax_exempt, tags, true, search_text,
       created_at, updated_at, now()
     from staged_customers where run_id = '00000000-0000-0000-0000-000000000003'
     on conflict (tenant_id, store_id, external_id) do update set first_name = excluded.first_name, last_name = excluded.last_name, email = excluded.email, updated_at = excluded.updated_at
     where customers.updated_at <= excluded.updated_at",
    "insert into orders (id, tenant_id, store_id, customer_id, external_id, external_customer_id, number, email, email_key, total_price_minor, subtotal_price_minor, tax_price_minor, currency_code,
       status, financial_status, fulfillment_status, test, search_text, processed_at, cancelled_at, created_at, updated_at, synced_at)
     select s.id, s.tenant_id, '00000000-0000-0000-0000-000000000002', c.id, s.external_id, s.external_customer_id, s.number, s.email, s.email_key, s.total_price_minor, s.subtotal_price_minor,
       s.tax_price_minor, s.currency_code, s.status, s.financial_status, s.fulfillment_status, s.test, s.search_text, s.processed_at, s.cancelled_at, s.created_at, s.updated_at, now()
     from staged_orders s left join customers c on c.tenant_id = s.tenant_id and c.store_id = '00000000-0000-0000-0000-000000000002' and c.external_id = s.external_customer_id
     where s.run_id = '00000000-0000-0000-0000-000000000003'
     on conflict (tenant_id, store_id, external_id) do update set total_price_minor = excluded.total_price_minor, status = excluded.status, updated_at = excluded.updated_at
     where orders.updated_at <= excluded.updated_at",
    "insert into order_items (id, tenant_id, store_id, order_id, external_id, external_product_id, external_variant_id, position, product_title, product_handle, product_vendor, product_type, sku,
       variant_title, price_minor, compare_at_price_minor, quantity, total_price_minor, currency_code, options, requires_shipping, taxable, created_at, updated_at)
     select s.id, s.tenant_id, '00000000-0000-0000-0000-000000000002', o.id, s.external_id, s.external_product_id, s.external_variant_id, s.position, s.product_title, s.product_handle,
       s.product_vendor, s.product_type, s.sku, s.variant_title, s.price_minor, s.compare_at_price_minor, s.quantity, s.total_price_minor, s.currency_code, s.options, s.requires_shipping, s.taxable,
       o.created_at, o.updated_at
     from staged_order_items s join orders o on o.tenant_id = s.tenant_id and o.store_id = '00000000-0000-0000-0000-000000000002' and o.external_id = s.parent_external_id
     where s.run_id = '00000000-0000-0000-0000-000000000003'
     on conflict (tenant_id, store_id, external_id) do update set quantity = excluded.quantity, total_price_minor = excluded.total_price_minor, updated_at = excluded.updated_at
     where order_items.updated_at <= excluded.updated_at",
];

/// The rows of a database in another new one, as the owner of everything: no policies, no checks, no receipt.
pub async fn copy_and_merge(url: &str) -> Floor {
    let source = PgPool::connect(url).await.expect("a connection");
    let other = BenchShop::open().await;
    let mut connection = PgConnection::connect(other.url()).await.expect("a connection");
    let mut copy = Duration::ZERO;
    for (table, columns, select) in KINDS {
        let stream = source.copy_out_raw(&format!("copy ({select}) to stdout")).await.expect("rows");
        let rows: Vec<u8> = stream
            .try_fold(Vec::new(), |mut all, part| async move {
                all.extend_from_slice(&part);
                Ok(all)
            })
            .await
            .expect("rows");
        let started = Instant::now();
        let mut into = connection.copy_in_raw(&format!("copy {table} ({columns}) from stdin")).await.expect("COPY begins");
        for part in rows.chunks(4 << 20) {
            into.send(part).await.expect("COPY goes on");
        }
        into.finish().await.expect("COPY ends");
        copy += started.elapsed();
    }
    let started = Instant::now();
    let mut tx = connection.begin().await.expect("a transaction");
    // What has just come has no statistics, and a loop over it would not be a floor.
    tx.execute("set local enable_nestloop = off; set local work_mem = '64MB'").await.expect("settings");
    for statement in MERGE {
        tx.execute(AssertSqlSafe(statement)).await.expect("the merge");
    }
    tx.commit().await.expect("a commit");
    Floor { copy, merge: started.elapsed() }
}

/// Some orders of a database, what hangs from them and who bought them, in another new one: a statement and a commit for each row, as
/// a script would do it. Gives the rows a second.
pub async fn row_by_row(url: &str, orders: i64) -> f64 {
    const HERE: &str = r#"|| '{"tenant_id": "00000000-0000-0000-0000-000000000001", "store_id": "00000000-0000-0000-0000-000000000002"}'"#;
    let source = PgPool::connect(url).await.expect("a connection");
    let other = BenchShop::open().await;
    let mut connection = PgConnection::connect(other.url()).await.expect("a connection");
    let (mut rows, mut took) = (0, Duration::ZERO);
    for (table, of) in [
        ("customers", "id in (select customer_id from orders where id in (select id from orders order by id limit $1))"),
        ("orders", "id in (select id from orders order by id limit $1)"),
        ("order_items", "order_id in (select id from orders order by id limit $1)"),
    ] {
        let select = format!("select to_jsonb(t) {HERE} from {table} t where {of}");
        let found: Vec<Value> = sqlx::query_scalar(AssertSqlSafe(select)).bind(orders).fetch_all(&source).await.expect("rows");
        let insert = format!(
            "insert into {table} select * from jsonb_populate_record(null::{table}, $1)
             on conflict (tenant_id, store_id, external_id) do update set updated_at = excluded.updated_at where {table}.updated_at <= excluded.updated_at"
        );
        let started = Instant::now();
        rows += found.len();
        for row in found {
            sqlx::query(AssertSqlSafe(insert.clone())).bind(row).execute(&mut connection).await.expect("a row");
        }
        took += started.elapsed();
    }
    rows as f64 / took.as_secs_f64()
}
