//! A tenant with an app, a shop that merchants own, and the browser of one.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use commerce::activity::Calls;
use commerce::installs::{OpenShop, ShopError, Shops};
use entities::{StoreId, TenantId, TokenRole};
use integrations::registry::{ShopSystemSettings, ShopSystems};
use integrations::shopify::ShopifySettings;
use people::tenants::TenantKeys;
use platform::config::Flags;
use platform::db::{Access, Wake};
use platform::{Clock, Database};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::shopify::{Delivery, Sequence, Shop, ShopifyStandIn};
use tests::harness::{Backend, Credentials, People, Server};
use url::Url;

pub const SHOP: &str = "noren-tea.myshopify.com";
pub const OTHER: &str = "other-tea.myshopify.com";
pub const SCOPES: [&str; 4] = ["read_orders", "read_all_orders", "read_products", "read_customers"];
pub const PUBLIC: &str = "https://noren.example";

pub struct World {
    pub shopify: ShopifyStandIn,
    pub server: Server,
    pub people: People,
    pub tenant: TenantId,
    pub admin: Credentials,
    pub connection: String,
    pub http: reqwest::Client,
}

/// What a browser was answered.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub location: Option<Url>,
    pub set_cookie: Option<String>,
    pub body: String,
}

/// A merchant's browser: it keeps one cookie.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    pub cookie: Option<String>,
}

impl World {
    /// The tenant and its app; nothing goes on beside requests.
    pub async fn idle(backend: Backend) -> Self {
        Self::with(backend, Flags::new()).await
    }

    /// The same, with relay, jobs and schedules at work.
    pub async fn working(backend: Backend) -> Self {
        let mut world = Self::idle(backend).await;
        world.server.work().await;
        world
    }

    pub async fn with(backend: Backend, mut flags: Flags) -> Self {
        let shopify = ShopifyStandIn::start().await;
        for shop in [SHOP, OTHER] {
            shopify.open_shop(shop);
        }
        flags.insert("shopify_shop_url", shopify.shop_url());
        flags.entry("public_url").or_insert_with(|| PUBLIC.to_owned());
        let server = Server::with(backend, flags).await;
        // The shop lives in real time.
        server.clock.advance(TimeDelta::seconds((shopify.now() - server.clock.now()).num_seconds()));
        let people = People::of(&server);
        let tenant = people.tenant("Noren Tea").await;
        let (_, admin) = people.token(TokenRole::TenantAdmin, Some(tenant), &[]).await;
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut world = Self { shopify, server, people, tenant, admin, connection: String::new(), http };
        world.connection = world.connect(&world.admin).await;
        world
    }

    /// Registers the app for whoever asks.
    pub async fn connect(&self, who: &Credentials) -> String {
        let app = self.shopify.app();
        let input = format!("name: \"tea app\", account: \"{}\", webhookSecret: \"{}\", scopes: {}", app.client_id, app.secret, json!(SCOPES));
        let made = self.done_as(who, "connectionCreate", &input, "connection { id }").await;
        made["connection"]["id"].as_str().unwrap().to_owned()
    }

    /// Lets time pass, here and at the shop; what is due by then is looked at.
    pub fn pass(&self, time: TimeDelta) {
        self.shopify.pass(time.to_std().unwrap());
        self.server.clock.advance(time);
        self.server.db().signals().wake(Wake::Jobs);
    }

    pub async fn ask(&self, query: &str) -> Value {
        self.server.ask(&self.admin, query).await.data().clone()
    }

    /// The payload of a mutation that is not refused.
    pub async fn done_as(&self, who: &Credentials, name: &str, input: &str, selected: &str) -> Value {
        let query = format!("mutation {{ {name}(input: {{ {input} }}) {{ {selected} userErrors {{ code field message }} }} }}");
        let payload = self.server.ask(who, &query).await.data()[name].clone();
        assert_eq!(payload["userErrors"], json!([]), "{name}({input})");
        payload
    }

    pub async fn done(&self, name: &str, input: &str, selected: &str) -> Value {
        self.done_as(&self.admin, name, input, selected).await
    }

    /// The code of a mutation that is refused.
    pub async fn refused(&self, name: &str, input: &str) -> String {
        let answer = self.ask(&format!("mutation {{ {name}(input: {{ {input} }}) {{ userErrors {{ code }} }} }}")).await;
        answer[name]["userErrors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// An address of the program's, as the test reaches it.
    pub fn here(&self, address: &str) -> String {
        let url = Url::parse(PUBLIC).unwrap().join(address).unwrap();
        self.server.url(&format!("{}{}", url.path(), url.query().map(|query| format!("?{query}")).unwrap_or_default()))
    }

    /// The path of one of the app's doors.
    pub fn door(&self, rest: &str) -> String {
        format!("/install/shopify/{}{rest}", self.connection)
    }

    /// The administrator begins an installation: the address that the merchant is given.
    pub async fn invited(&self) -> String {
        let begun = self.done("storeInstallBegin", &format!("connectionId: \"{}\", shop: \"https://{SHOP}/\"", self.connection), "authorizationUrl shop").await;
        assert_eq!(begun["shop"], SHOP);
        begun["authorizationUrl"].as_str().unwrap().to_owned()
    }

    /// A browser opens an address of the program's.
    pub async fn opens(&self, browser: &mut Browser, address: &str) -> Seen {
        let mut request = self.http.get(self.here(address));
        if let Some(cookie) = &browser.cookie {
            request = request.header("cookie", format!("theme=dark; {cookie}"));
        }
        let response = request.send().await.unwrap();
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (status, location, set_cookie) = (response.status().as_u16(), header("location"), header("set-cookie"));
        if let Some(cookie) = &set_cookie {
            browser.cookie = cookie.split(';').next().map(str::to_owned);
        }
        Seen { status, location: location.map(|url| Url::parse(&url).unwrap()), set_cookie, body: response.text().await.unwrap() }
    }

    /// A browser is on its way to the shop: where it was sent.
    pub async fn sent_on(&self, browser: &mut Browser) -> Url {
        let seen = self.opens(browser, &self.invited().await).await;
        assert_eq!(seen.status, 302, "{seen:?}");
        seen.location.unwrap()
    }

    /// The whole way, with everything granted: the store.
    pub async fn install(&self) -> StoreId {
        self.install_granting(&SCOPES).await
    }

    /// The same, of a merchant who grants these.
    pub async fn install_granting(&self, scopes: &[&str]) -> StoreId {
        let mut browser = Browser::default();
        let mut shop = self.sent_on(&mut browser).await;
        let pairs: Vec<(String, String)> = shop.query_pairs().into_owned().collect();
        let granted = pairs.into_iter().map(|(name, value)| if name == "scope" { (name, scopes.join(",")) } else { (name, value) });
        let granted: Vec<_> = granted.collect();
        shop.query_pairs_mut().clear().extend_pairs(granted);
        let seen = self.opens(&mut browser, &self.door(&format!("/callback?{}", self.shopify.agrees(&shop)))).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        self.store_id().await
    }

    pub async fn store_id(&self) -> StoreId {
        let id = self.store("id").await["id"].clone();
        StoreId::parse(id.as_str().unwrap()).unwrap()
    }

    /// The tenant's one store.
    pub async fn store(&self, selected: &str) -> Value {
        let stores = self.ask(&format!("{{ stores {{ nodes {{ {selected} }} }} }}")).await["stores"]["nodes"].clone();
        assert_eq!(stores.as_array().unwrap().len(), 1, "{stores}");
        stores[0].clone()
    }

    pub async fn status(&self) -> String {
        self.store("status").await["status"].as_str().unwrap().to_owned()
    }

    /// What happened to the store's installation, the oldest first.
    pub async fn history(&self) -> Vec<String> {
        let store = self.store("installation { history { nodes { action } } }").await;
        let mut actions: Vec<String> =
            store["installation"]["history"]["nodes"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect();
        actions.reverse();
        actions
    }

    /// The alerts of a type about the store: how each stands.
    pub async fn alerts(&self, kind: &str) -> Vec<String> {
        let query = format!("{{ alerts(filter: {{ types: [\"{kind}\"] }}, orderBy: {{ field: CREATED_AT }}) {{ nodes {{ status store {{ domain }} }} }} }}");
        let found = self.ask(&query).await["alerts"]["nodes"].as_array().unwrap().clone();
        found.iter().for_each(|alert| assert_eq!(alert["store"]["domain"], SHOP));
        found.iter().map(|alert| alert["status"].as_str().unwrap().to_owned()).collect()
    }

    /// The events of a name: their data.
    pub async fn events(&self, name: &str) -> Vec<Value> {
        let db = self.server.db();
        let tx = db.read(Access::Worker).await.unwrap();
        let rows = tx.query_all_raw(db.statement("select data from events where name = $1 order by seq", [name.into()])).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.try_get_by_index::<String>(0).unwrap()).unwrap()).collect()
    }

    /// Waits until a schedule has begun.
    pub async fn scheduled(&self, name: &str) {
        let begun = async || {
            let db = self.server.db();
            let tx = db.read(Access::Worker).await.unwrap();
            tx.query_one_raw(db.statement("select 1 from job_schedules where name = $1", [name.into()])).await.unwrap().is_some()
        };
        self.until("the schedule", begun).await;
    }

    /// Waits until it is so.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, so: impl Fn() -> F) {
        for _ in 0..600 {
            if so().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let db = self.server.db();
        let tx = db.read(Access::Worker).await.unwrap();
        let rows = tx.query_all_raw(db.statement("select kind, status, last_error from jobs order by created_at", [])).await.unwrap();
        let jobs = rows.iter().map(|row| -> (String, String, Option<String>) {
            (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap())
        });
        panic!("{what} did not come about; the jobs are {:?}", jobs.collect::<Vec<_>>());
    }

    /// Waits until nothing is due that could be done now, and everything is handed on.
    pub async fn settles(&self) {
        let busy = async || {
            let db = self.server.db();
            let tx = db.read(Access::Worker).await.unwrap();
            let sql = "select count(*) from jobs where status = 'RUNNING' or status = 'QUEUED' and run_at <= $1";
            let row = tx.query_one_raw(db.statement(sql, [self.server.clock.now().into()])).await.unwrap().unwrap();
            row.try_get_by_index::<i64>(0).unwrap() > 0
        };
        // What is handed on may make work, and work makes what is handed on.
        self.until("quiet", || async { !busy().await && platform::outbox::lag(self.server.db()).await.unwrap().waiting == 0 && !busy().await }).await;
    }

    /// Looks into the shop, or changes it.
    pub fn shop<R>(&self, f: impl FnOnce(&mut Shop) -> R) -> R {
        self.shopify.shop(SHOP, f)
    }

    /// Has a delivery taken.
    pub async fn deliver(&self, delivery: &Delivery) {
        let delivery = Delivery { uri: self.here(&delivery.uri), ..delivery.clone() };
        assert_eq!(delivery.send(&self.http).await, 200);
    }

    /// What has happened in the shop is told.
    pub async fn told(&self, sequence: Sequence) {
        for delivery in self.shopify.deliveries(SHOP, sequence) {
            self.deliver(&delivery).await;
        }
    }

    /// The address that the shop's webhooks go to.
    pub fn webhooks(&self) -> String {
        format!("{PUBLIC}/webhooks/shopify/{}", self.connection)
    }

    /// Another replica's way into shops.
    pub async fn replica(&self) -> Replica {
        let settings = ShopSystemSettings { shopify: ShopifySettings { shop_url: self.shopify.shop_url(), ..ShopifySettings::default() } };
        let db = Database::connect(self.server.database.settings()).await.unwrap();
        let (keys, calls) = (TenantKeys::new(self.server.master.clone()), Calls::new(db.clone(), self.server.clock()));
        let shops = Shops::new(ShopSystems::new(settings).unwrap(), keys, self.server.clock(), calls);
        Replica { shops, db, tenant: self.tenant }
    }

    /// Whether what was opened opens the shop.
    pub async fn lets_in(&self, open: &OpenShop) -> bool {
        open.system.shop(&open.access).await.is_ok()
    }
}

/// A process of its own, as far as shops are concerned.
#[derive(Clone)]
pub struct Replica {
    pub shops: Shops,
    pub db: Database,
    pub tenant: TenantId,
}

impl Replica {
    pub async fn open(&self, store: StoreId) -> Result<OpenShop, ShopError> {
        self.shops.open(&self.db, self.tenant, store).await
    }

    pub async fn reopen(&self, opened: &OpenShop) -> Result<OpenShop, ShopError> {
        self.shops.reopen(&self.db, opened).await
    }

    /// Opens it many times at once.
    pub async fn crowd(self: Arc<Self>, store: StoreId, many: usize) -> Vec<OpenShop> {
        let all = (0..many).map(|_| {
            let replica = self.clone();
            tokio::spawn(async move { replica.open(store).await.unwrap() })
        });
        futures::future::join_all(all).await.into_iter().map(Result::unwrap).collect()
    }
}
