//! A store whose shop is the stand-in, and a server that brings its data in.

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use commerce::sync::SyncLimits;
use entities::{ConnectionId, TenantId, TokenRole};
use platform::Clock;
use platform::config::Flags;
use platform::db::Access;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::inbox::{self, ShopifyDelivery};
use tests::harness::shopify::{Delivery, Kind, Sequence, Shop, ShopifyStandIn, customer, order, product};
use tests::harness::{Backend, Credentials, People, Server};

pub const SHOP: &str = "noren-tea.myshopify.com";
pub const SCOPES: [&str; 4] = ["read_orders", "read_all_orders", "read_products", "read_customers"];
/// Every field of a run.
pub const RUN: &str = "id kind status phase rangeFrom rangeUntil archived asked received created updated unchanged deleted rejected percent rate secondsLeft \
    errorMessage warnings rejections startedAt finishedAt store { id }";

pub struct World {
    pub server: Server,
    pub shopify: ShopifyStandIn,
    pub tenant: TenantId,
    pub store: String,
    pub admin: Credentials,
    pub connection: ConnectionId,
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// So many orders, one every few days since the beginning of 2026, of a third as many customers, and some products.
pub fn trade(shop: &mut Shop, orders: u64) {
    let began = at("2026-01-01T03:00:00Z");
    for number in 1..=orders / 3 + 1 {
        shop.put(Kind::Customer, &customer(7_000 + number, began, began + TimeDelta::hours(number as i64)));
    }
    for number in 1..=5 {
        shop.put(Kind::Product, &product(80 + number, number * 9, began, began + TimeDelta::days(number as i64)));
    }
    for number in 1..=orders {
        let created = began + TimeDelta::hours(6 * 24 * number as i64 % (320 * 24) + number as i64 % 24);
        let updated = created + TimeDelta::minutes(number as i64);
        shop.put(Kind::Order, &order(5_000 + number, number % 4 + 1, 7_000 + number % (orders / 3) + 1, created, updated));
    }
}

/// The same thing, changed at that time.
pub fn changed(mut thing: Value, when: DateTime<Utc>, with: Value) -> Value {
    thing["updatedAt"] = json!(when.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    thing.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    thing
}

impl World {
    /// A shop with some trade, of which nothing has come yet. Nothing is begun by itself.
    pub async fn trading(backend: Backend, orders: u64) -> Self {
        Self::with(backend, orders, SyncLimits { slice: 25, page: 10, batch: 20, ..SyncLimits::default() }, &SCOPES).await
    }

    pub async fn with(backend: Backend, orders: u64, limits: SyncLimits, scopes: &[&str]) -> Self {
        let shopify = ShopifyStandIn::start().await;
        shopify.open_shop(SHOP);
        shopify.shop(SHOP, |shop| {
            shop.throttle(1_000_000, 100_000);
            trade(shop, orders);
        });
        let token = shopify.installed(SHOP, scopes);
        let flags = Flags::from([("shopify_shop_url", shopify.shop_url())]);
        let mut server = Server::tuned(backend, flags, |app| app.sync_limits = limits).await;
        let behind = shopify.now().duration_trunc(TimeDelta::seconds(1)).unwrap() - server.clock.now();
        server.clock.advance(behind.max(TimeDelta::zero()));
        let people = People::of(&server);
        let tenant = people.tenant("Noren Tea").await;
        let (_, admin) = people.token(TokenRole::TenantAdmin, Some(tenant), &[]).await;
        let connection = inbox::connection(&server, tenant, "tea").await;
        let input = format!("domain: \"{SHOP}\", accessToken: \"{token}\", currencyCode: \"USD\", scopes: {}", json!(scopes));
        let connected = server.ask(&admin, &format!("mutation {{ storeConnect(input: {{ {input} }}) {{ store {{ id }} }} }}")).await;
        let store = connected.data()["storeConnect"]["store"]["id"].as_str().unwrap().to_owned();
        server.work().await;
        let world = Self { server, shopify, tenant, store, admin, connection };
        world.settings("intervalMinutes: 0, reconciledDays: 0").await;
        world
    }

    pub fn shop<R>(&self, f: impl FnOnce(&mut Shop) -> R) -> R {
        self.shopify.shop(SHOP, f)
    }

    pub fn pass(&self, time: TimeDelta) {
        self.server.clock.advance(time);
    }

    pub async fn ask(&self, query: &str) -> Value {
        self.server.ask(&self.admin, query).await.data().clone()
    }

    /// Changes the store's settings.
    pub async fn settings(&self, input: &str) -> Value {
        let fields = "syncSettings { yearsBack archived intervalMinutes reconciledDays } userErrors { code field }";
        let query = format!("mutation {{ storeSyncSettingsUpdate(input: {{ storeId: \"{}\", {input} }}) {{ {fields} }} }}", self.store);
        self.ask(&query).await["storeSyncSettingsUpdate"].clone()
    }

    /// The payload of storeSync.
    pub async fn sync(&self, input: &str) -> Value {
        let query = format!(
            "mutation {{ storeSync(input: {{ storeId: \"{}\", {input} }}) {{ syncRun {{ {RUN} }} userErrors {{ code field message }} }} }}",
            self.store
        );
        self.ask(&query).await["storeSync"].clone()
    }

    /// Begins a sync; its id.
    pub async fn begin(&self, input: &str) -> String {
        let payload = self.sync(input).await;
        assert_eq!(payload["userErrors"], json!([]));
        payload["syncRun"]["id"].as_str().unwrap().to_owned()
    }

    /// A run as it is now.
    pub async fn run(&self, id: &str) -> Value {
        self.ask(&format!("{{ syncRun(id: \"{id}\") {{ {RUN} }} }}")).await["syncRun"].clone()
    }

    /// A run when it is over. Time passes whenever nobody works.
    pub async fn ended(&self, id: &str) -> Value {
        for _ in 0..2_000 {
            let run = self.run(id).await;
            if !["QUEUED", "RUNNING"].contains(&run["status"].as_str().unwrap()) {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.at_work().await == 0 {
                self.pass(TimeDelta::seconds(20));
            }
        }
        panic!("it does not end: {}", self.run(id).await);
    }

    /// Jobs that somebody is at, or that are due.
    pub async fn at_work(&self) -> i64 {
        let db = self.server.db();
        let tx = db.read(Access::Worker).await.unwrap();
        let sql = "select count(*) from jobs where status = 'RUNNING' or (status = 'QUEUED' and run_at <= $1)";
        tx.query_one_raw(db.statement(sql, [self.server.clock.now().into()])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// Waits until all that is due was done and everything was handed on.
    pub async fn quiesce(&self) {
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if platform::outbox::lag(self.server.db()).await.unwrap().waiting == 0 && self.at_work().await == 0 {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// Has a sync done, and expects it to be complete.
    pub async fn complete(&self, input: &str) -> Value {
        let id = self.begin(input).await;
        let run = self.ended(&id).await;
        assert_eq!(run["status"], "COMPLETED", "{run}");
        run
    }

    /// Waits until the shop was asked for so many exports and prepares them.
    pub async fn exporting(&self, exports: usize) {
        for _ in 0..300 {
            if self.shop(|shop| shop.operations().len()) >= exports && self.at_work().await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the shop is not asked");
    }

    /// The numbers of the orders that are here.
    pub async fn orders(&self) -> Vec<String> {
        let rows = self.list("orders", "externalId").await;
        let mut ids: Vec<String> = rows.iter().map(|row| text(&row["externalId"]).to_owned()).collect();
        ids.sort();
        ids
    }

    /// What the shop told by webhook, passed on.
    pub async fn deliver(&self, deliveries: &[Delivery]) {
        self.deliver_as_of(deliveries, self.shopify.now()).await;
    }

    /// What the shop told by webhook at that time, passed on only now.
    pub async fn deliver_as_of(&self, deliveries: &[Delivery], happened_at: DateTime<Utc>) {
        for delivery in deliveries {
            let mut sent = self.delivery(&delivery.topic, std::str::from_utf8(&delivery.body).unwrap());
            // Whatever its object is dated.
            triggered_at(&mut sent, happened_at);
            assert_eq!(sent.send(&self.server).await.0, 200);
        }
        self.quiesce().await;
    }

    /// Every topic of the shop's data is told from here on; what has happened so far is, too.
    pub fn subscribe(&self) {
        let things = ["CUSTOMERS", "PRODUCTS", "ORDERS"].into_iter().flat_map(|kind| {
            let updated = if kind == "ORDERS" { "UPDATED" } else { "UPDATE" };
            ["CREATE", updated, "DELETE"].map(|verb| format!("{kind}_{verb}"))
        });
        for topic in things.chain(["REFUNDS_CREATE".to_owned(), "BULK_OPERATIONS_FINISH".to_owned()]) {
            self.shop(|shop| shop.subscribe(&topic, "https://noren.example/hooks"));
        }
    }

    /// What happened since the last time, each told at its own moment: a millisecond after what happened before it, if they are dated alike.
    pub fn told(&self) -> Vec<ShopifyDelivery> {
        let deliveries = self.shopify.deliveries(SHOP, Sequence::AsHappened);
        let mut told = Vec::new();
        for (place, delivery) in deliveries.iter().enumerate() {
            let mut sent = self.delivery(&delivery.topic, &String::from_utf8(delivery.body.clone()).unwrap());
            let dated = delivery.headers.iter().find(|(name, _)| name == "x-shopify-triggered-at").unwrap().1.parse::<DateTime<Utc>>().unwrap();
            triggered_at(&mut sent, dated + TimeDelta::milliseconds(place as i64));
            told.push(sent);
        }
        told
    }

    /// Something that the shop tells, now.
    pub fn delivery(&self, topic: &str, body: &str) -> ShopifyDelivery {
        let mut delivery = ShopifyDelivery::new(self.connection, SHOP, topic, body);
        triggered_at(&mut delivery, self.shopify.now());
        delivery
    }

    /// Has deliveries taken, and waits until all of them were worked on, and what they ask for was fetched.
    pub async fn take(&self, deliveries: &[ShopifyDelivery]) {
        for delivery in deliveries {
            assert_eq!(delivery.send(&self.server).await, (200, String::new()));
        }
        self.settled().await;
    }

    /// Waits until every delivery was worked on. What is to be tried again has its time.
    pub async fn settled(&self) {
        let waiting = "select (select count(*) from webhook_events where status = 'PENDING') + (select count(*) from jobs where kind = 'delivery.fetch' and status in ('QUEUED', 'RUNNING'))";
        for _ in 0..300 {
            self.quiesce().await;
            if self.number(waiting).await == 0 {
                return;
            }
            self.pass(TimeDelta::seconds(10));
        }
        panic!("deliveries wait: {}", self.ask("{ jobs { nodes { kind status attempts lastError } } }").await);
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let db = self.server.db();
        let tx = db.read(Access::Platform).await.unwrap();
        tx.query_one_raw(db.statement(sql, [])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// The store is known not to have a scope any more.
    pub async fn lose_scope(&self, lost: &str) {
        let left: Vec<&str> = SCOPES.into_iter().filter(|scope| *scope != lost).collect();
        let db = self.server.db();
        let tx = db.write(Access::Tenant(self.tenant)).await.unwrap();
        tx.execute_raw(db.statement("update stores set scopes = $1", [json!(left).into()])).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// All pages of a list.
    async fn list(&self, name: &str, fields: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), "null".to_owned());
        loop {
            let page = self.ask(&format!("{{ {name}(first: 50, after: {after}) {{ nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}")).await;
            all.extend(page[name]["nodes"].as_array().unwrap().iter().cloned());
            if page[name]["pageInfo"]["hasNextPage"] == false {
                return all;
            }
            after = page[name]["pageInfo"]["endCursor"].to_string();
        }
    }

    /// Everything that the API shows of the store.
    pub async fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for one in self.list("customers", "externalId lastName email city totalOrders updatedAt").await {
            rows.push(line(&["customer", text(&one["externalId"]), text(&one["lastName"]), text(&one["email"]), text(&one["city"])], &one));
        }
        for one in self
            .list("products", "externalId title handle inventoryQuantity updatedAt variants(first: 100) { nodes { externalId sku price { amount } } }")
            .await
        {
            let variants = children(&one["variants"]["nodes"], |child| {
                format!("{} {} {}", text(&child["externalId"]), text(&child["sku"]), text(&child["price"]["amount"]))
            });
            let stock = one["inventoryQuantity"].to_string();
            rows.push(line(&["product", text(&one["externalId"]), text(&one["title"]), text(&one["handle"]), &stock, &variants], &one));
        }
        let fields = "externalId number email status financialStatus totalPrice { amount } updatedAt customer { externalId lastName } items(first: 20) { nodes { externalId quantity totalPrice { amount } } }";
        for one in self.list("orders", fields).await {
            let items = children(&one["items"]["nodes"], |child| {
                format!("{} {} {}", text(&child["externalId"]), child["quantity"], text(&child["totalPrice"]["amount"]))
            });
            let [total, customer] = [&one["totalPrice"]["amount"], &one["customer"]["externalId"]];
            let parts = [&one["externalId"], &one["number"], &one["email"], &one["status"], &one["financialStatus"], total, customer].map(text);
            rows.push(line(&[&["order"], &parts[..], &[text(&one["customer"]["lastName"]), &items]].concat(), &one));
        }
        rows.sort();
        rows
    }

    /// The same of the shop.
    pub fn expected(&self) -> Vec<String> {
        let number = |gid: &Value| gid.as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        let (customers, products, orders) = self.shop(|shop| (shop.things(Kind::Customer), shop.things(Kind::Product), shop.things(Kind::Order)));
        let mut rows = Vec::new();
        for (id, one) in &customers {
            let parts = [text(&one["lastName"]), text(&one["defaultEmailAddress"]["emailAddress"]), text(&one["defaultAddress"]["city"])];
            rows.push(line(&["customer", &id.to_string(), parts[0], parts[1], parts[2]], one));
        }
        for (id, one) in &products {
            let variants = children(&one["variants"], |child| format!("{} {} {}", number(&child["id"]), text(&child["sku"]), text(&child["price"])));
            let stock = one["totalInventory"].to_string();
            rows.push(line(&["product", &id.to_string(), text(&one["title"]), text(&one["handle"]), &stock, &variants], one));
        }
        for (id, one) in &orders {
            let amount = |set: &Value| text(&set["shopMoney"]["amount"]).to_owned();
            let items = children(&one["lineItems"], |child| format!("{} {} {}", number(&child["id"]), child["quantity"], amount(&child["discountedTotalSet"])));
            let status = if one["closed"] == true { "CLOSED" } else { "OPEN" };
            let (customer, total) = (if one["customer"].is_null() { "-".to_owned() } else { number(&one["customer"]["id"]) }, amount(&one["totalPriceSet"]));
            let known = customers.get(&customer.parse().unwrap_or_default()).map_or(&one["customer"], |known| known);
            let paid = text(&one["displayFinancialStatus"]);
            let parts = ["order", &id.to_string(), text(&one["name"]), text(&one["email"]), status, paid, &total, &customer, text(&known["lastName"]), &items];
            rows.push(line(&parts, one));
        }
        rows.sort();
        rows
    }

    /// Everything is as in the shop.
    pub async fn assert_same(&self) {
        let (here, there) = (self.rows().await, self.expected());
        let (more, less): (Vec<_>, Vec<_>) =
            (here.iter().filter(|row| !there.contains(row)).collect(), there.iter().filter(|row| !here.contains(row)).collect());
        assert!(here == there, "here alone: {more:#?}\nin the shop alone: {less:#?}");
    }
}

fn triggered_at(delivery: &mut ShopifyDelivery, at: DateTime<Utc>) {
    delivery.headers.retain(|(name, _)| name != "x-shopify-triggered-at");
    delivery.headers.push(("x-shopify-triggered-at".to_owned(), at.to_rfc3339()));
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn children(list: &Value, of: impl Fn(&Value) -> String) -> String {
    let mut all: Vec<String> = list.as_array().unwrap().iter().map(of).collect();
    all.sort();
    all.join(", ")
}

fn line(parts: &[&str], of: &Value) -> String {
    let updated: DateTime<Utc> = text(&of["updatedAt"]).parse().unwrap();
    format!("{} @{updated}", parts.join(" | "))
}
