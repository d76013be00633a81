//! A tenant with a store to import into, files to import, and what is visible afterwards.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use commerce::imports::{ImportError, ImportOptions, Imports, Receipt, SHOWN, Source, Unwatched};
use entities::{StoreId, TenantId};
use flate2::Compression;
use flate2::write::GzEncoder;
use integrations::ports::commerce::CommerceProvider;
use integrations::shopify::Shopify;
use platform::callers::{Caller, OpCtx, Origin};
use platform::db::{Access, DatabaseSettings, is_sqlite};
use platform::{Clock, Database, SystemClock, Tx};
use sea_orm::{ConnectionTrait, QueryResult};
use tests::harness::{Backend, TestDatabase};
use uuid::Uuid;

pub static SHOPIFY: &dyn CommerceProvider = &Shopify;

/// The tables that imports write, and the columns that must be the same whatever way a row came.
pub const TABLES: [&str; 5] = ["customers", "products", "product_variants", "orders", "order_items"];

pub fn cdnow() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cdnow/orders.jsonl.gz")
}

/// A store in a database of its own.
pub struct Shop {
    pub db: Database,
    pub tenant: TenantId,
    pub store: StoreId,
    pub test: TestDatabase,
}

impl Shop {
    pub async fn open(backend: Backend, currency: &str) -> Self {
        let test = TestDatabase::migrated(backend).await;
        let db = Database::connect(test.settings()).await.unwrap();
        let (tenant, store) = (TenantId::from(id()), StoreId::from(id()));
        add_store(&db, tenant, store, currency).await;
        Self { db, tenant, store, test }
    }

    pub async fn import(&self, file: impl Into<Vec<u8>>) -> Result<Receipt, ImportError> {
        self.import_with(Source::new("orders.jsonl", None, Cursor::new(file.into())), false).await
    }

    pub async fn import_keeping_going(&self, file: impl Into<Vec<u8>>) -> Result<Receipt, ImportError> {
        self.import_with(Source::new("orders.jsonl", None, Cursor::new(file.into())), true).await
    }

    pub async fn import_with(&self, source: Source, keep_going: bool) -> Result<Receipt, ImportError> {
        import_into(&self.db, self.store, source, keep_going).await
    }

    /// What a reader of the store sees of a statement over `{orders}`, `{customers}` and so on.
    pub async fn see(&self, sql: &str) -> Vec<QueryResult> {
        let tx = self.db.read(Access::Tenant(self.tenant)).await.unwrap();
        see(&self.db, &tx, sql).await
    }

    pub async fn number(&self, sql: &str) -> i64 {
        self.see(sql).await[0].try_get_by_index(0).unwrap()
    }

    pub async fn text(&self, sql: &str) -> Option<String> {
        self.see(sql).await[0].try_get_by_index(0).unwrap()
    }

    /// All visible rows but for their ids, as text.
    pub async fn rows(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (table, columns) in [
            ("customers c", "c.external_id, c.first_name, c.email_key, c.total_spent_minor, c.search_text, c.created_at, c.updated_at"),
            ("products p", "p.external_id, p.title, p.search_text, p.updated_at"),
            ("product_variants v join {products} p on p.id = v.product_id", "v.external_id, v.sku, v.price_minor, p.external_id, v.updated_at"),
            (
                "orders o left join {customers} c on c.id = o.customer_id",
                "o.external_id, o.number, o.total_price_minor, o.status, c.external_id, o.search_text, o.updated_at",
            ),
            ("order_items i join {orders} o on o.id = i.order_id", "i.external_id, i.position, i.quantity, i.total_price_minor, o.external_id, i.created_at"),
        ] {
            let (name, rest) = table.split_once(' ').unwrap();
            let parts: Vec<String> = columns.split(", ").map(|column| format!("coalesce(cast({column} as text), '-')")).collect();
            let sql = format!("select '{name}: ' || {} from {{{name}}} {rest} order by 1", parts.join(" || ' ' || "));
            for row in self.see(&sql).await {
                all.push(row.try_get_by_index::<String>(0).unwrap());
            }
        }
        all
    }

    /// Rows of unfinished or finished runs that nobody needs any more.
    pub async fn leftovers(&self) -> i64 {
        let mut tables: Vec<&str> =
            vec!["staged_customers", "staged_products", "staged_product_variants", "staged_orders", "staged_order_items", "staged_rejections"];
        if is_sqlite(self.db.backend()) {
            tables.push("staged_changes");
        }
        let mut count = 0;
        let tx = self.db.read(Access::Import).await.unwrap();
        for table in tables {
            count += number(&self.db, &tx, &format!("select count(*) from {table}")).await;
        }
        drop(tx);
        let tx = self.db.read(Access::Tenant(self.tenant)).await.unwrap();
        for table in TABLES {
            count += number(&self.db, &tx, &format!("select count(*) from {table} where pending_import_id is not null")).await;
        }
        count
    }
}

pub async fn import_into(db: &Database, store: StoreId, source: Source, keep_going: bool) -> Result<Receipt, ImportError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ctx = OpCtx::new(db.clone(), clock.clone(), Caller::System, None, Origin::default()).unwrap();
    Imports::new(clock).run(&ctx, store, SHOPIFY, source, ImportOptions { keep_going, objects: None }, &Unwatched).await
}

pub async fn see(db: &Database, tx: &Tx, sql: &str) -> Vec<QueryResult> {
    let mut sql = sql.to_owned();
    for table in TABLES {
        let shown = if is_sqlite(db.backend()) { format!("(select * from {table} where {SHOWN})") } else { table.to_owned() };
        sql = sql.replace(&format!("{{{table}}}"), &shown);
    }
    tx.query_all_raw(db.statement(sql, [])).await.unwrap()
}

pub async fn number(db: &Database, tx: &Tx, sql: &str) -> i64 {
    see(db, tx, sql).await[0].try_get_by_index(0).unwrap()
}

fn id() -> Uuid {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    Uuid::from_u64_pair(COUNT.fetch_add(1, Ordering::Relaxed), rand::random())
}

async fn add_store(db: &Database, tenant: TenantId, store: StoreId, currency: &str) {
    let at: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let tx = db.write(Access::Tenant(tenant)).await.unwrap();
    let sql = "insert into tenants (id, company_name, company_name_key, search_text, contact_email, status, time_zone, locale, created_at, updated_at) values ($1, 'A', 'a', 'a', 'a@example.com', 'ACTIVE', 'Asia/Tokyo', 'ja', $2, $2)";
    tx.execute_raw(db.statement(sql, [tenant.uuid().into(), at.into()])).await.unwrap();
    let sql = "insert into stores (id, tenant_id, provider, name, name_key, domain, data_kind, status, settings, scopes, time_zone, currency_code, search_text, initial_setup_completed, created_at, updated_at)
               values ($1, $2, 'shopify', 'S', 's', 's.myshopify.com', 'PRODUCTION', 'ACTIVE', '{}', '[]', 'Asia/Tokyo', $3, 's', false, $4, $4)";
    tx.execute_raw(db.statement(sql, [store.uuid().into(), tenant.uuid().into(), currency.into(), at.into()])).await.unwrap();
    tx.commit().await.unwrap();
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Settings of a shop's database, for a process of its own.
pub fn settings_of(url: &str) -> DatabaseSettings {
    DatabaseSettings { max_connections: 3, ..DatabaseSettings::new(url) }
}
