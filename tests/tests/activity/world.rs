//! Stores whose shops are the stand-in's, and a server whose clock the test holds.

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use commerce::activity::Calls;
use commerce::installs::{OpenShop, Shops};
use entities::{ConnectionId, StoreId, TenantId, TokenRole};
use integrations::ports::shop::CallError;
use integrations::registry::{ShopSystemSettings, ShopSystems};
use integrations::shopify::ShopifySettings;
use people::tenants::TenantKeys;
use platform::config::Flags;
use platform::db::{Access, Wake};
use platform::{Clock, Database};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::inbox::{self, ShopifyDelivery};
use tests::harness::shopify::{Kind, ShopifyStandIn, customer, order, product};
use tests::harness::{Backend, Credentials, People, Server, installs};

const SCOPES: [&str; 4] = ["read_orders", "read_all_orders", "read_products", "read_customers"];
pub const WINDOW: &str = "startsAt webhooksReceived webhooksFailed apiCalls apiCallsFailed apiCallsThrottled apiCallProblems { problem calls } apiPoints \
    meanResponseMilliseconds errorRate recordsSynced";

/// A store and its shop.
#[derive(Clone, Debug)]
pub struct Open {
    pub id: StoreId,
    pub domain: String,
}

pub struct World {
    pub server: Server,
    pub shopify: ShopifyStandIn,
    pub tenant: TenantId,
    pub connection: ConnectionId,
    pub admin: Credentials,
    pub stores: Vec<Open>,
}

impl World {
    /// A tenant with so many stores, whose shops let one app in. The clock stands half past an hour.
    pub async fn of(backend: Backend, stores: usize) -> Self {
        let shopify = ShopifyStandIn::start().await;
        let mut server = Server::with(backend, Flags::from([("shopify_shop_url", shopify.shop_url())])).await;
        let half_past = shopify.now().duration_trunc(TimeDelta::hours(1)).unwrap() + TimeDelta::minutes(90);
        server.clock.advance(half_past - server.clock.now());
        let people = People::of(&server);
        let tenant = people.tenant("Noren Tea").await;
        let (_, admin) = people.token(TokenRole::TenantAdmin, Some(tenant), &[]).await;
        let connection = inbox::connection(&server, tenant, "tea").await;
        server.work().await;
        let mut world = Self { server, shopify, tenant, connection, admin, stores: Vec::new() };
        for number in 0..stores {
            let open = world.store(&format!("tea-{number}.myshopify.com")).await;
            world.stores.push(open);
        }
        let begun = async || {
            let db = world.server.db();
            let tx = db.read(Access::Worker).await.unwrap();
            let sql = "select 1 from job_schedules where name = 'upkeep.clean' and exists (select 1 from job_schedules where name = 'activity.hour')";
            tx.query_one_raw(db.statement(sql, [])).await.unwrap().is_some()
        };
        world.until("the schedules", begun).await;
        world
    }

    async fn store(&self, domain: &str) -> Open {
        self.shopify.open_shop(domain);
        self.shopify.shop(domain, |shop| shop.throttle(1_000_000, 100_000));
        let token = self.shopify.installed(domain, &SCOPES);
        let input = format!("domain: \"{domain}\", accessToken: \"{token}\", currencyCode: \"USD\", scopes: {}", json!(SCOPES));
        let made = self.ask(&format!("mutation {{ storeConnect(input: {{ {input} }}) {{ store {{ id }} userErrors {{ message }} }} }}")).await;
        let id = StoreId::parse(made["storeConnect"]["store"]["id"].as_str().unwrap()).unwrap();
        self.ask(&format!(
            "mutation {{ storeSyncSettingsUpdate(input: {{ storeId: \"{id}\", intervalMinutes: 0, reconciledDays: 0 }}) {{ userErrors {{ message }} }} }}"
        ))
        .await;
        installs::installation(&self.server, self.tenant, id, self.connection, "tea").await;
        Open { id, domain: domain.to_owned() }
    }

    /// Puts some things into a store's shop: so many orders, and a third as many customers.
    pub fn trade(&self, of: &Open, orders: u64) {
        let began: DateTime<Utc> = "2026-01-01T03:00:00Z".parse().unwrap();
        self.shopify.shop(&of.domain, |shop| {
            (1..=orders / 3).for_each(|number| shop.put(Kind::Customer, &customer(7_000 + number, began, began)));
            (1..=2).for_each(|number| shop.put(Kind::Product, &product(80 + number, 3, began, began)));
            (1..=orders).for_each(|number| shop.put(Kind::Order, &order(5_000 + number, 2, 7_000 + number % (orders / 3) + 1, began, began)));
        });
    }

    pub async fn ask(&self, query: &str) -> Value {
        self.server.ask(&self.admin, query).await.data().clone()
    }

    /// A store's numbers, after all that was counted is written.
    pub async fn numbers(&self, of: &Open, selected: &str) -> Value {
        self.server.app.calls.flush().await.unwrap();
        self.ask(&format!("{{ store(id: \"{}\") {{ analytics {{ {selected} }} }} }}", of.id)).await["store"]["analytics"].clone()
    }

    pub async fn last_24_hours(&self, of: &Open) -> Value {
        self.numbers(of, &format!("last24Hours {{ {WINDOW} }}")).await["last24Hours"].clone()
    }

    pub async fn last_7_days(&self, of: &Open) -> Vec<Value> {
        self.numbers(of, &format!("last7Days {{ {WINDOW} }}")).await["last7Days"].as_array().unwrap().clone()
    }

    /// The calls that the stand-in heard for a store.
    pub fn heard(&self, of: &Open) -> i64 {
        self.shopify.heard().iter().filter(|heard| heard.shop == of.domain).count() as i64
    }

    /// The light call to a store's shop.
    pub async fn call(&self, of: &Open) -> Result<(), CallError> {
        let open = self.server.app.shops.open(self.server.db(), self.tenant, of.id).await.unwrap();
        light(&open).await
    }

    /// Another process on the same database: its way into shops, and what it counts.
    pub async fn replica(&self) -> (Database, Shops, Calls) {
        let settings = ShopSystemSettings { shopify: ShopifySettings { shop_url: self.shopify.shop_url(), ..ShopifySettings::default() } };
        let db = Database::connect(self.server.database.settings()).await.unwrap();
        let calls = Calls::new(db.clone(), self.server.clock());
        let keys = TenantKeys::new(self.server.master.clone());
        (db, Shops::new(ShopSystems::new(settings).unwrap(), keys, self.server.clock(), calls.clone()), calls)
    }

    /// Brings everything of a store in.
    pub async fn sync(&self, of: &Open) -> Value {
        let begun = self.ask(&format!("mutation {{ storeSync(input: {{ storeId: \"{}\", kind: FULL }}) {{ syncRun {{ id }} }} }}", of.id)).await;
        let id = begun["storeSync"]["syncRun"]["id"].as_str().unwrap().to_owned();
        let fields = "status errorMessage created updated unchanged deleted";
        for _ in 0..1_000 {
            let run = self.ask(&format!("{{ syncRun(id: \"{id}\") {{ {fields} }} }}")).await["syncRun"].clone();
            if run["status"] == "COMPLETED" {
                return run;
            }
            assert_ne!(run["status"], "FAILED", "{run}");
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.at_work().await == 0 {
                self.pass(TimeDelta::seconds(20));
            }
        }
        panic!("the sync does not end");
    }

    /// A delivery of a store's shop, in the version that it delivers in.
    pub async fn deliver(&self, of: &Open, topic: &str, body: &str, version: &str) {
        let mut sent = ShopifyDelivery::new(self.connection, &of.domain, topic, body);
        sent.headers.iter_mut().filter(|(name, _)| name == "x-shopify-api-version").for_each(|(_, value)| version.clone_into(value));
        assert_eq!(sent.send(&self.server).await.0, 200);
        self.until("it is worked on", || async { self.number("select count(*) from webhook_events where status = 'PENDING'").await == 0 }).await;
    }

    pub fn pass(&self, time: TimeDelta) {
        self.server.clock.advance(time);
        self.server.db().signals().wake(Wake::Jobs);
    }

    /// Lets time pass, an hour at least, until the hour's counts are made and told.
    pub async fn hours_pass(&self, hours: i64) {
        self.server.app.calls.flush().await.unwrap();
        let done = "select count(*) from jobs where kind = 'activity.hour' and status = 'DONE'";
        let before = self.number(done).await;
        self.pass(TimeDelta::hours(hours));
        self.until("the hour is counted", || async { self.number(done).await > before }).await;
        self.settles().await;
    }

    /// Jobs that somebody is at, or that are due.
    async fn at_work(&self) -> i64 {
        let db = self.server.db();
        let tx = db.read(Access::Worker).await.unwrap();
        let sql = "select count(*) from jobs where status = 'RUNNING' or (status = 'QUEUED' and run_at <= $1)";
        tx.query_one_raw(db.statement(sql, [self.server.clock.now().into()])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// Waits until nothing is due and everything was handed on.
    pub async fn settles(&self) {
        let quiet = async || self.at_work().await == 0 && platform::outbox::lag(self.server.db()).await.unwrap().waiting == 0;
        // What is handed on may make work, and work makes what is handed on.
        self.until("quiet", || async { quiet().await && quiet().await }).await;
    }

    pub async fn until<F: Future<Output = bool>>(&self, what: &str, so: impl Fn() -> F) {
        for _ in 0..600 {
            if so().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let jobs = self.ask("{ jobs { nodes { kind status attempts lastError } } }").await;
        panic!("{what} did not come about; {jobs}");
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
}

/// The light call.
pub async fn light(open: &OpenShop) -> Result<(), CallError> {
    open.system.shop(&open.access).await.map(drop)
}
