//! A shop in whose database somebody is everywhere.

use std::io::Cursor;
use std::time::Duration;

use chrono::TimeDelta;
use commerce::imports::{ImportError, ImportOptions, Imports, Receipt, Source, Unwatched};
use entities::{ConnectionId, StoreId, TenantId, TokenRole};
use integrations::registry;
use platform::audit::{Sealer, verify};
use platform::db::Access;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::inbox::{self, ShopifyDelivery};
use tests::harness::shopify::ShopifyStandIn;
use tests::harness::{Backend, Credentials, People, Server};

const CREATE: &str = include_str!("../../../integrations/src/shopify/fixtures/orders_create.json");
pub const DOMAIN: &str = "noren-tea.myshopify.com";

/// The provider's ids of the one who is to be forgotten, and of their orders.
pub const CUSTOMER: u64 = 7_712_345_000_001;
pub const ORDERS: [u64; 2] = [6_105_550_000_001, 6_105_550_000_002];
/// An order of theirs as a guest.
pub const GUEST_ORDER: u64 = 6_105_550_000_003;

/// What is theirs alone, and must be nowhere.
pub const MARKERS: [&str; 9] =
    ["zzbuyer@example.jp", "zzfirst", "zzlast", "+819076543210", "+81 90-7654-3210", "zznote", "zzstreet", "zzcompany", "203.0.113.77"];

pub struct World {
    /// Where the shop is.
    pub shopify: ShopifyStandIn,
    pub server: Server,
    pub people: People,
    pub tenant: TenantId,
    pub connection: ConnectionId,
    pub store: StoreId,
    pub admin: Credentials,
}

impl World {
    /// A shop that is connected; what comes in is worked on.
    pub async fn open(backend: Backend) -> Self {
        let shopify = ShopifyStandIn::start().await;
        shopify.open_shop(DOMAIN);
        let server = Server::with(backend, [("shopify_shop_url", shopify.shop_url())].into()).await;
        let people = People::of(&server);
        let tenant = people.tenant("Noren Tea").await;
        let connection = inbox::connection(&server, tenant, "tea").await;
        let (_, admin) = people.token(TokenRole::TenantAdmin, Some(tenant), &[]).await;
        let token = shopify.installed(DOMAIN, &["read_orders"]);
        let input = format!("domain: \"{DOMAIN}\", accessToken: \"{token}\", apiKey: \"zzkey\", apiSecret: \"zzsecret\", currencyCode: \"USD\"");
        let connect = format!("mutation {{ storeConnect(input: {{ {input} }}) {{ store {{ id }} userErrors {{ message }} }} }}");
        let connected = server.ask(&admin, &connect).await.data()["storeConnect"]["store"]["id"].as_str().unwrap().to_owned();
        let mut world = Self { shopify, server, people, tenant, connection, store: StoreId::parse(&connected).unwrap(), admin };
        world.server.work().await;
        world.schedules_have_begun().await;
        world
    }

    /// Time that passes before would pass unseen.
    async fn schedules_have_begun(&self) {
        let db = self.server.db();
        for _ in 0..400 {
            let tx = db.read(Access::Worker).await.unwrap();
            if tx.query_one_raw(db.statement("select 1 from job_schedules where name = 'privacy.watch'", [])).await.unwrap().is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the schedules do not begin");
    }

    pub async fn ask(&self, query: &str) -> Value {
        self.server.ask(&self.admin, query).await.data().clone()
    }

    pub fn delivery(&self, shop: &str, topic: &str, body: &Value) -> ShopifyDelivery {
        let mut delivery = ShopifyDelivery::new(self.connection, shop, topic, body.to_string());
        let now = self.server.clock().now().to_rfc3339();
        delivery.headers.iter_mut().filter(|(name, _)| name == "x-shopify-triggered-at").for_each(|(_, value)| value.clone_from(&now));
        delivery
    }

    /// Has a delivery of the shop taken and worked on.
    pub async fn deliver(&self, topic: &str, body: &Value) {
        assert_eq!(self.delivery(DOMAIN, topic, body).send(&self.server).await, (200, String::new()));
        self.worked().await;
    }

    /// Waits until every delivery was worked on, and every request that nothing is in the way of.
    pub async fn worked(&self) {
        self.until("every delivery is worked on", "select count(*) from webhook_events where status = 'PENDING'", 0).await;
    }

    pub async fn completed(&self) {
        self.worked().await;
        self.until("every request is done", "select count(*) from privacy_requests where status <> 'COMPLETED'", 0).await;
    }

    pub async fn until(&self, what: &str, sql: &str, number: i64) {
        for _ in 0..400 {
            if self.number(sql).await == number {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let jobs = self.ask("{ jobs { nodes { kind status attempts lastError } } }").await;
        panic!("not within ten seconds: {what}; {jobs}; {:#?}", self.requests().await);
    }

    /// Lets time pass while nothing is at work.
    pub async fn pass(&self, time: TimeDelta) {
        self.until("no job is at work", "select count(*) from jobs where status = 'RUNNING'", 0).await;
        self.server.clock.advance(time);
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let db = self.server.db();
        let tx = db.read(Access::Platform).await.unwrap();
        tx.query_one_raw(db.statement(sql, [])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    pub async fn execute(&self, sql: &str, values: impl IntoIterator<Item = sea_orm::Value>) {
        let db = self.server.db();
        let tx = db.write(Access::Platform).await.unwrap();
        assert!(tx.execute_raw(db.statement(sql, values)).await.unwrap().rows_affected() > 0, "{sql}");
        tx.commit().await.unwrap();
    }

    /// The requests, the oldest first.
    pub async fn requests(&self) -> Vec<Value> {
        let fields = "id kind status outcome shopDomain externalCustomerId providerRequestId evidence errorMessage bundleBytes bundleFetchedAt bundleDeletionAt
                      receivedAt dueAt completedAt store { id status dataDeletionCompletedAt }";
        let list = format!("{{ privacyRequests(orderBy: {{ field: RECEIVED_AT }}) {{ totalCount nodes {{ {fields} }} }} }}");
        self.ask(&list).await["privacyRequests"]["nodes"].as_array().unwrap().clone()
    }

    /// The newest request.
    pub async fn request(&self) -> Value {
        self.requests().await.pop().unwrap()
    }

    pub async fn import(&self, lines: &[Value]) -> Receipt {
        self.try_import(lines).await.unwrap()
    }

    pub async fn try_import(&self, lines: &[Value]) -> Result<Receipt, ImportError> {
        let source = Source::new("customers.jsonl", None, Cursor::new(tests::bulk::file(lines).into_bytes()));
        let provider = registry::commerce("shopify").unwrap();
        Imports::new(self.server.clock()).run(&self.people.system(), self.store, provider, source, ImportOptions::default(), &Unwatched).await
    }

    /// Counts and sums of what the stores sold.
    pub async fn books(&self) -> Vec<i64> {
        let mut books = Vec::new();
        for sql in [
            "select count(*) from customers",
            "select cast(coalesce(sum(total_spent_minor), 0) as bigint) from customers",
            "select cast(coalesce(sum(total_orders), 0) as bigint) from customers",
            "select count(*) from orders",
            "select count(*) from orders where customer_id is not null",
            "select cast(coalesce(sum(total_price_minor), 0) as bigint) from orders",
            "select cast(coalesce(sum(tax_price_minor), 0) as bigint) from orders",
            "select count(*) from order_items",
            "select cast(coalesce(sum(quantity), 0) as bigint) from order_items",
            "select cast(coalesce(sum(total_price_minor), 0) as bigint) from order_items",
        ] {
            books.push(self.number(sql).await);
        }
        books
    }

    /// The audit chains are whole; how many details were erased.
    pub async fn chains_hold(&self) -> i64 {
        Sealer::new(self.server.db().clone(), &self.server.master).seal_all().await.unwrap();
        let reports = verify(self.server.db(), &self.server.master).await.unwrap();
        assert!(reports.iter().all(|report| report.broken.is_none() && report.unsealed == 0), "{reports:?}");
        reports.iter().map(|report| report.erased).sum()
    }

    /// Two orders of the one who will be forgotten, one of theirs as a guest, one of somebody else; the customer as a file has them; and a
    /// word about them in the log.
    pub async fn fill(&self) {
        for (index, id) in ORDERS.into_iter().enumerate() {
            self.deliver("orders/create", &order(id, &format!("#20{index}"), "2026-11-02T09:15:31+09:00")).await;
        }
        self.deliver("orders/create", &guest_order()).await;
        self.deliver("orders/create", &serde_json::from_str(CREATE).unwrap()).await;
        self.import(&[customer("2026-11-03T00:00:00Z")]).await;
        for description in ["ask zzbuyer@example.jp, who is Zzfirst".to_owned(), "nothing".to_owned(), format!("see customer {CUSTOMER}")] {
            let update =
                format!("mutation {{ storeUpdate(input: {{ id: \"{}\", description: \"{description}\" }}) {{ userErrors {{ message }} }} }}", self.store);
            assert_eq!(self.ask(&update).await["storeUpdate"]["userErrors"], json!([]));
        }
    }
}

/// An order of the one who is to be forgotten, with them in every place that Shopify has for a person.
pub fn order(id: u64, name: &str, updated_at: &str) -> Value {
    let mut order: Value = serde_json::from_str(CREATE).unwrap();
    let address = json!({
        "first_name": "Zzfirst", "last_name": "Zzlast", "name": "Zzfirst Zzlast", "address1": "1-1 Zzstreet", "city": "Kyoto", "company": "Zzcompany",
        "phone": "+81 90-7654-3210", "country_code": "JP", "customer_id": CUSTOMER,
    });
    for (field, value) in [
        ("id", json!(id)),
        ("admin_graphql_api_id", json!(format!("gid://shopify/Order/{id}"))),
        ("name", json!(name)),
        ("email", json!("Zzbuyer@example.jp")),
        ("contact_email", json!("Zzbuyer@example.jp")),
        ("phone", json!("+819076543210")),
        ("note", json!("Zznote")),
        ("browser_ip", json!("203.0.113.77")),
        ("updated_at", json!(updated_at)),
        ("billing_address", address.clone()),
        ("shipping_address", address.clone()),
    ] {
        order[field] = value;
    }
    for (field, value) in [
        ("id", json!(CUSTOMER)),
        ("admin_graphql_api_id", json!(format!("gid://shopify/Customer/{CUSTOMER}"))),
        ("email", json!("Zzbuyer@example.jp")),
        ("first_name", json!("Zzfirst")),
        ("last_name", json!("Zzlast")),
        ("phone", json!("+819076543210")),
        ("note", json!("Zznote")),
        ("tags", json!("zznote")),
        ("default_address", address),
    ] {
        order["customer"][field] = value;
    }
    for (index, item) in order["line_items"].as_array_mut().unwrap().iter_mut().enumerate() {
        item["id"] = json!(id * 10 + index as u64);
        item["admin_graphql_api_id"] = json!(format!("gid://shopify/LineItem/{}", id * 10 + index as u64));
    }
    order
}

/// An order of theirs that knows no customer.
pub fn guest_order() -> Value {
    let mut order = order(GUEST_ORDER, "#300", "2026-11-02T09:15:31+09:00");
    order["customer"] = Value::Null;
    order
}

/// Their line in a file.
pub fn customer(updated_at: &str) -> Value {
    json!({
        "id": format!("gid://shopify/Customer/{CUSTOMER}"),
        "firstName": "Zzfirst",
        "lastName": "Zzlast",
        "defaultEmailAddress": {"emailAddress": "Zzbuyer@Example.jp", "marketingState": "SUBSCRIBED", "marketingUpdatedAt": "2026-01-05T00:00:00Z"},
        "defaultPhoneNumber": {"phoneNumber": "+819076543210", "smsMarketingConsent": {"state": "UNSUBSCRIBED", "updatedAt": null}},
        "defaultAddress": {"company": "Zzcompany", "city": "京都市", "provinceCode": "JP-26", "countryCodeV2": "JP", "phone": "+81 90-7654-3210"},
        "numberOfOrders": "3",
        "amountSpent": {"amount": "165.00", "currencyCode": "USD"},
        "taxExempt": false,
        "tags": ["zznote"],
        "state": "ENABLED",
        "createdAt": "2025-06-01T00:00:00Z",
        "updatedAt": updated_at,
    })
}

fn subject() -> Value {
    json!({ "id": CUSTOMER, "email": "zzbuyer@example.jp", "phone": "+819076543210" })
}

/// They want to be forgotten.
pub fn redact() -> Value {
    json!({ "shop_id": 954_889, "shop_domain": DOMAIN, "customer": subject(), "orders_to_redact": [ORDERS[0]] })
}

/// They want to know what is kept of them.
pub fn data_request(id: u64) -> Value {
    json!({ "shop_id": 954_889, "shop_domain": DOMAIN, "orders_requested": [ORDERS[0]], "customer": subject(), "data_request": { "id": id } })
}
