//! The import beside its floor: COPY of the very same rows into the staging tables, and one merge by hand.

use std::fmt;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use commerce::imports::{ImportOptions, Imports, Phase, Progress, Receipt, Source};
use entities::{StoreId, TenantId};
use futures::TryStreamExt;
use integrations::ports::commerce::CommerceProvider;
use integrations::shopify::Shopify;
use platform::callers::{Caller, OpCtx, Origin};
use platform::db::Access;
use platform::{Clock, Database, SystemClock};
use sea_orm::ConnectionTrait;
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use uuid::Uuid;

use crate::bulk::write_shop;
use crate::harness::{Backend, TestDatabase};

/// What was measured.
#[derive(Debug)]
pub struct ImportBench {
    /// Orders of the file.
    pub orders: u64,
    /// Lines of the file.
    pub lines: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// COPY of the rows into the staging tables.
    pub floor_copy: Duration,
    /// One merge by hand.
    pub floor_merge: Duration,
    /// The product: from the file to its receipt.
    pub product: Duration,
    /// How long each phase of the product took.
    pub phases: Vec<(Phase, Duration)>,
    /// The same file once more: nothing changes.
    pub again: Duration,
}

impl ImportBench {
    /// The product against its floor.
    pub fn ratio(&self) -> f64 {
        self.product.as_secs_f64() / (self.floor_copy + self.floor_merge).as_secs_f64()
    }
}

impl fmt::Display for ImportBench {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "import on PostgreSQL: {} orders, {} lines, {:.1} MB", self.orders, self.lines, self.bytes as f64 / 1e6)?;
        writeln!(
            out,
            "  floor    {:>6.2} s (COPY {:.2} s, merge {:.2} s)",
            (self.floor_copy + self.floor_merge).as_secs_f64(),
            self.floor_copy.as_secs_f64(),
            self.floor_merge.as_secs_f64()
        )?;
        let phases: Vec<String> = self.phases.iter().map(|(phase, took)| format!("{} {:.2} s", phase.describe(), took.as_secs_f64())).collect();
        let rate = self.lines as f64 / self.product.as_secs_f64();
        writeln!(out, "  product  {:>6.2} s ({}), {rate:.0} lines a second", self.product.as_secs_f64(), phases.join(", "))?;
        writeln!(out, "  ratio    {:>6.2}", self.ratio())?;
        write!(out, "  again    {:>6.2} s, nothing changed", self.again.as_secs_f64())
    }
}

/// Notes when phases begin.
#[derive(Default)]
struct Watch(std::sync::Mutex<Vec<(Phase, Instant)>>);

impl Progress for Watch {
    fn phase(&self, phase: Phase) {
        self.0.lock().expect("no panic").push((phase, Instant::now()));
    }
    fn read(&self, _: u64, _: u64) {}
    fn notice(&self, message: &str) {
        eprintln!("{message}");
    }
}

/// Generates a shop's file of about `rows` lines, a quarter of them orders, and measures.
pub async fn import_bench(rows: u64) -> ImportBench {
    let orders = rows / 4;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("orders.jsonl");
    let mut out = BufWriter::new(std::fs::File::create(&path).expect("a file"));
    let lines = write_shop(&mut out, orders).expect("the file is written");
    out.flush().expect("the file is written");
    let bytes = std::fs::metadata(&path).expect("the file").len();

    let shop = BenchShop::open().await;
    let watch = Watch::default();
    let started = Instant::now();
    let receipt = shop.import(&path, &watch).await;
    let ended = Instant::now();
    assert_eq!((receipt.lines, receipt.orders.created), (lines, orders), "{receipt}");
    let moments = watch.0.into_inner().expect("no panic");
    let ends = moments.iter().skip(1).map(|(_, at)| *at).chain([ended]);
    let phases = moments.iter().zip(ends).map(|((phase, from), to)| (*phase, to - *from)).collect();
    let again_started = Instant::now();
    assert!(!shop.import(&path, &Watch::default()).await.changed_something());
    let again = again_started.elapsed();

    let (floor_copy, floor_merge) = floor(&shop).await;
    ImportBench { orders, lines, bytes, floor_copy, floor_merge, product: ended - started, phases, again }
}

/// A database with one store.
struct BenchShop {
    test: TestDatabase,
    db: Database,
    tenant: TenantId,
    store: StoreId,
}

impl BenchShop {
    async fn open() -> Self {
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
        Self { test, db, tenant, store }
    }

    async fn import(&self, path: &std::path::Path, watch: &Watch) -> Receipt {
        static SHOPIFY: &dyn CommerceProvider = &Shopify;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ctx = OpCtx::new(self.db.clone(), clock.clone(), Caller::System, None, Origin::default()).expect("a context");
        let source = Source::file(path).expect("the file");
        Imports::new(clock).run(&ctx, self.store, SHOPIFY, source, ImportOptions::default(), watch).await.expect("an import")
    }
}

/// The staged columns of each kind, and where they are found in the rows that the product made.
const KINDS: [(&str, &str, &str); 3] = [
    (
        "staged_customers",
        "run_id, tenant_id, line, id, external_id, first_name, last_name, email, email_key, phone, company, city, province_code, country_code, address_phone, accepts_email_marketing,
         email_marketing_updated_at, accepts_sms_marketing, sms_marketing_updated_at, total_spent_minor, currency_code, total_orders, tax_exempt, tags, search_text, created_at, updated_at, carried",
        "select '00000000-0000-0000-0000-000000000003'::uuid, tenant_id, row_number() over (order by id), id, external_id, first_name, last_name, email, email_key, phone, company, city, province_code,
         country_code, address_phone, accepts_email_marketing, email_marketing_updated_at, accepts_sms_marketing, sms_marketing_updated_at, total_spent_minor, currency_code, total_orders, tax_exempt,
         tags, search_text, created_at, updated_at, 0 from customers",
    ),
    (
        "staged_orders",
        "run_id, tenant_id, line, id, external_id, external_customer_id, number, email, email_key, total_price_minor, subtotal_price_minor, tax_price_minor, currency_code, status, financial_status,
         fulfillment_status, test, search_text, processed_at, cancelled_at, created_at, updated_at, carried",
        "select '00000000-0000-0000-0000-000000000003'::uuid, tenant_id, row_number() over (order by id), id, external_id, external_customer_id, number, email, email_key, total_price_minor,
         subtotal_price_minor, tax_price_minor, currency_code, status, financial_status, fulfillment_status, test, search_text, processed_at, cancelled_at, created_at, updated_at, 0 from orders",
    ),
    (
        "staged_order_items",
        "run_id, tenant_id, line, id, external_id, parent_external_id, external_product_id, external_variant_id, position, product_title, product_handle, product_vendor, product_type, sku,
         variant_title, price_minor, compare_at_price_minor, quantity, total_price_minor, currency_code, options, requires_shipping, taxable, carried",
        "select '00000000-0000-0000-0000-000000000003'::uuid, i.tenant_id, row_number() over (order by i.id), i.id, i.external_id, o.external_id, external_product_id, external_variant_id, position,
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

/// The same rows in another new database, as the owner of everything: no policies, no checks, no receipt.
async fn floor(shop: &BenchShop) -> (Duration, Duration) {
    let source = PgPool::connect(&shop.test.settings().url).await.expect("a connection");
    let other = BenchShop::open().await;
    assert_eq!(other.tenant, shop.tenant);
    let mut connection = PgConnection::connect(&other.test.settings().url).await.expect("a connection");
    let mut copied = Duration::ZERO;
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
        let mut copy = connection.copy_in_raw(&format!("copy {table} ({columns}) from stdin")).await.expect("COPY begins");
        for part in rows.chunks(4 << 20) {
            copy.send(part).await.expect("COPY goes on");
        }
        copy.finish().await.expect("COPY ends");
        copied += started.elapsed();
    }
    let started = Instant::now();
    let mut tx = connection.begin().await.expect("a transaction");
    // What has just come has no statistics, and a loop over it would not be a floor.
    tx.execute("set local enable_nestloop = off; set local work_mem = '64MB'").await.expect("settings");
    for statement in MERGE {
        tx.execute(AssertSqlSafe(statement)).await.expect("the merge");
    }
    tx.commit().await.expect("a commit");
    (copied, started.elapsed())
}
