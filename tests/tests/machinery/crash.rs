//! Killed with -9 at random moments, again and again, under deliveries and mutations: what was acknowledged is there once, with
//! its job done once in effect, its outgoing webhook sent, and its audit entry in an unbroken chain.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entities::{TenantId, TokenRole};
use hmac::{Hmac, KeyInit, Mac};
use platform::Database;
use platform::crypto::MasterKey;
use platform::db::Access;
use platform::outbox::FeedId;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use sha2::Sha256;
use tests::harness::replicas::{MASTER_KEY, Replica, free_port, ready, token};
use tests::harness::{Backend, TestDatabase};

const SECRET: &str = "a secret that the shop system signs with";
const KILLS: usize = 20;

/// Somebody who is told of events.
async fn receiver() -> (String, Arc<Mutex<HashMap<String, usize>>>) {
    let told: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let hear = {
        let told = told.clone();
        move |headers: HeaderMap| async move {
            let id = headers["webhook-id"].to_str().unwrap().to_owned();
            *told.lock().unwrap().entry(id).or_default() += 1;
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(hear))).await.unwrap() });
    (url, told)
}

/// The clients: they try again where a real one would.
struct Clients {
    http: reqwest::Client,
    bearer: String,
    ports: Vec<u16>,
    stop: AtomicBool,
    next: AtomicU64,
    renamed: AtomicU64,
}

impl Clients {
    fn url(&self, number: u64, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[number as usize % self.ports.len()])
    }

    async fn gql(&self, number: u64, query: &str) -> Option<Value> {
        let request = self.http.post(self.url(number, "/graphql")).bearer_auth(&self.bearer).json(&json!({ "query": query }));
        let response = request.send().await.ok()?;
        if response.status() != 200 {
            return None;
        }
        let body: Value = response.json().await.ok()?;
        body.get("errors").is_none().then(|| body["data"].clone())
    }

    /// Delivers orders, each until it is acknowledged.
    async fn deliver(&self, path: &str) {
        while !self.stop.load(Ordering::SeqCst) {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            let body = order(number).to_string();
            let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&body).finalize();
            let signature = STANDARD.encode(mac.into_bytes());
            for attempt in 0_u64.. {
                let request = self
                    .http
                    .post(self.url(number + attempt, path))
                    .header("x-shopify-hmac-sha256", &signature)
                    .header("x-shopify-topic", "orders/create")
                    .header("x-shopify-shop-domain", "crash.myshopify.com")
                    .header("x-shopify-webhook-id", format!("delivery-{number}"))
                    .header("content-type", "application/json")
                    .body(body.clone());
                match request.send().await {
                    Ok(response) if response.status() == 200 => break,
                    Ok(response) => assert!(response.status().is_server_error(), "{}", response.status()),
                    Err(_) => {}
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Changes the store's name, and gives back the names that were acknowledged, and those that may or may not have been written.
    async fn rename(&self, store: &str, who: usize) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut acknowledged, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        for number in 0_u64.. {
            if self.stop.load(Ordering::SeqCst) {
                break;
            }
            let name = format!("name {who} {number}");
            let mutation = format!("mutation {{ storeUpdate(input: {{ id: \"{store}\", name: \"{name}\" }}) {{ store {{ name }} userErrors {{ code }} }} }}");
            match self.gql(number, &mutation).await {
                Some(data) => {
                    assert_eq!(data["storeUpdate"]["store"]["name"], name, "{data}");
                    acknowledged.insert(name);
                    self.renamed.fetch_add(1, Ordering::SeqCst);
                }
                None => {
                    unknown.insert(name);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        (acknowledged, unknown)
    }
}

fn order(number: u64) -> Value {
    let money = json!({ "shop_money": { "amount": "1200", "currency_code": "JPY" }, "presentment_money": { "amount": "1200", "currency_code": "JPY" } });
    json!({
        "id": 7_000_000_000_u64 + number, "admin_graphql_api_id": format!("gid://shopify/Order/{}", 7_000_000_000_u64 + number),
        "name": format!("#{number}"), "email": null, "test": false, "currency": "JPY",
        "created_at": "2026-11-01T10:00:00+09:00", "updated_at": "2026-11-01T10:00:05+09:00", "processed_at": "2026-11-01T10:00:00+09:00",
        "cancelled_at": null, "closed_at": null, "financial_status": "paid", "fulfillment_status": null,
        "total_price": "1200", "total_price_set": money, "subtotal_price_set": money, "total_tax_set": { "shop_money": { "amount": "0", "currency_code": "JPY" } },
        "customer": null,
        "line_items": [{ "id": 8_000_000_000_u64 + number, "title": "Green tea", "quantity": 1, "sku": "TEA", "vendor": "Noren", "variant_title": null,
            "requires_shipping": true, "taxable": true, "price": "1200", "price_set": money, "total_discount": "0", "product_id": null, "variant_id": null }]
    })
}

/// What the database says in the end.
struct Evidence {
    db: Database,
}

impl Evidence {
    async fn numbers(&self, sql: &str) -> i64 {
        let tx = self.db.read(Access::Platform).await.unwrap();
        tx.query_one_raw(self.db.statement(sql, [])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        let tx = self.db.read(Access::Platform).await.unwrap();
        tx.query_all_raw(self.db.statement(sql, [])).await.unwrap().iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// Waits until nothing is left to do: leases of the dead end within a minute.
    async fn settled(&self) {
        let began = Instant::now();
        let open = [
            "select count(*) from events where position is null",
            "select count(*) from audit_events where position is null",
            "select count(*) from jobs where status in ('QUEUED', 'RUNNING')",
        ];
        loop {
            let mut left = Vec::new();
            for sql in open {
                left.push(self.numbers(sql).await);
            }
            if left.iter().all(|count| *count == 0) {
                return;
            }
            let errors = self.texts("select coalesce(kind || ': ' || last_error, kind) from jobs where status in ('QUEUED', 'RUNNING') limit 5").await;
            assert!(began.elapsed() < Duration::from_secs(90), "events, entries, jobs that still wait: {left:?} {errors:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn text(data: &Value, path: &str) -> String {
    data.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path} is not in {data}")).to_owned()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_twenty_kills(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = TestDatabase::migrated(backend).await;
    let db = Database::connect(database.settings()).await.unwrap();
    let replicas = if backend == Backend::Postgres { 2 } else { 1 };
    let ports: Vec<u16> = (0..replicas).map(|_| free_port()).collect();
    let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).pool_max_idle_per_host(0).build().unwrap();
    let clients = Clients {
        http,
        bearer: token(&db, TokenRole::PlatformAdmin, None).await,
        ports: ports.clone(),
        stop: AtomicBool::new(false),
        next: AtomicU64::new(1),
        renamed: AtomicU64::new(0),
    };
    let clients = Arc::new(clients);
    let (hook, told) = receiver().await;
    let mut running = Vec::new();
    for port in &ports {
        running.push(Replica::start(&database, *port));
    }
    ready(&clients.http, &clients.ports).await;

    let made =
        clients.gql(0, "mutation { tenantCreate(input: {companyName: \"Crash K.K.\", contactEmail: \"a@example.jp\"}) { tenant { id } } }").await.unwrap();
    let tenant = text(&made, "/tenantCreate/tenant/id");
    let input = format!("tenantId: \"{tenant}\", domain: \"crash.myshopify.com\", accessToken: \"shpat_x\", currencyCode: \"JPY\"");
    let store = clients.gql(0, &format!("mutation {{ storeConnect(input: {{ {input} }}) {{ store {{ id }} userErrors {{ message }} }} }}")).await.unwrap();
    let store = text(&store, "/storeConnect/store/id");
    let input = format!("tenantId: \"{tenant}\", provider: \"shopify\", name: \"App\", webhookSecret: \"{SECRET}\"");
    let made =
        clients.gql(0, &format!("mutation {{ connectionCreate(input: {{ {input} }}) {{ connection {{ id }} userErrors {{ message }} }} }}")).await.unwrap();
    let path = format!("/webhooks/shopify/{}", text(&made, "/connectionCreate/connection/id"));
    let input = format!("tenantId: \"{tenant}\", url: \"{hook}\", eventTypes: [ORDER_CREATED, STORE_UPDATED]");
    let made =
        clients.gql(0, &format!("mutation {{ webhookEndpointCreate(input: {{ {input} }}) {{ webhookEndpoint {{ id }} userErrors {{ message }} }} }}")).await;
    text(&made.unwrap(), "/webhookEndpointCreate/webhookEndpoint/id");

    let deliverers: Vec<_> = (0..4)
        .map(|_| {
            let (clients, path) = (clients.clone(), path.clone());
            tokio::spawn(async move { clients.deliver(&path).await })
        })
        .collect();
    let renamers: Vec<_> = (0..2)
        .map(|who| {
            let (clients, store) = (clients.clone(), store.clone());
            tokio::spawn(async move { clients.rename(&store, who).await })
        })
        .collect();
    for kill in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(rand::random_range(250..1_600))).await;
        let victim = kill % running.len();
        running[victim].crash(&database);
    }
    ready(&clients.http, &clients.ports).await;
    // On a busy machine much of the time went into starting.
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if clients.next.load(Ordering::SeqCst) > 60 && clients.renamed.load(Ordering::SeqCst) > 30 {
            break;
        }
    }
    clients.stop.store(true, Ordering::SeqCst);
    for deliverer in deliverers {
        deliverer.await.unwrap();
    }
    let (mut acknowledged, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for renamer in renamers {
        let (yes, perhaps) = renamer.await.unwrap();
        acknowledged.extend(yes);
        unknown.extend(perhaps);
    }
    let evidence = Evidence { db };
    evidence.settled().await;

    let deliveries = i64::try_from(clients.next.load(Ordering::SeqCst) - 1).unwrap();
    assert!(deliveries > 50 && acknowledged.len() > 30, "the load was too small to show anything: {deliveries} {}", acknowledged.len());
    for (what, sql) in [
        ("deliveries are stored once", "select count(*) from webhook_events"),
        ("deliveries are worked on", "select count(*) from webhook_events where status = 'PROCESSED'"),
        ("orders are there once", "select count(distinct external_id) from orders"),
        ("no order is there twice", "select count(*) from orders"),
        ("items are there once", "select count(*) from order_items"),
        ("jobs are done", "select count(*) from jobs where kind = 'webhook_event.process' and status = 'DONE'"),
        ("there is one job a delivery", "select count(*) from jobs where kind = 'webhook_event.process'"),
        ("each order was announced once", "select count(*) from events where name = 'order.created'"),
    ] {
        assert_eq!(evidence.numbers(sql).await, deliveries, "{what}");
    }
    assert_eq!(evidence.numbers("select count(*) from events where name = 'order.updated'").await, 0, "a repeat is no change");
    assert_eq!(evidence.texts("select coalesce(last_error, kind) from jobs where status <> 'DONE'").await, Vec::<String>::new());

    let mut entries: BTreeMap<String, usize> = BTreeMap::new();
    for detail in evidence.texts("select d.detail from audit_details d join audit_events e on e.id = d.audit_id where e.action = 'storeUpdate'").await {
        let detail: Value = serde_json::from_str(&detail).unwrap();
        *entries.entry(text(&detail, "/after/name")).or_default() += 1;
    }
    for name in &acknowledged {
        assert_eq!(entries.remove(name), Some(1), "`{name}` was acknowledged");
    }
    for (name, count) in entries {
        assert!(count == 1 && unknown.contains(&name), "`{name}` was written {count} times");
    }

    let tenant: TenantId = tenant.parse().unwrap();
    let tx = evidence.db.read(Access::Worker).await.unwrap();
    let events = FeedId::of(Some(tenant)).read(&tx, 0, 1_000_000).await.unwrap();
    drop(tx);
    let places: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert_eq!(places, (1..=places.len() as i64).collect::<Vec<_>>(), "the feed has no gaps");
    let told = told.lock().unwrap().clone();
    let mut wanted = 0;
    for event in events.iter().filter(|event| event.name == "order.created" || event.name == "store.updated") {
        assert!(told.contains_key(&event.id.to_string()), "{} was not told of", event.name);
        wanted += 1;
    }
    assert_eq!(told.len(), wanted, "nobody was told of anything else");
    assert_eq!(evidence.numbers("select count(*) from webhook_deliveries where status <> 'DELIVERED'").await, 0);

    let reports = platform::audit::verify(&evidence.db, &MasterKey::parse(&MASTER_KEY.into()).unwrap()).await.unwrap();
    assert!(reports.iter().all(|report| report.broken.is_none() && report.unsealed == 0), "{reports:?}");
    assert!(reports.iter().map(|report| report.sealed).sum::<i64>() > 0);
}
