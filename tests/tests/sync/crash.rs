//! The program itself, killed with -9 in the middle of a sync: it goes on from what is done, and ends with the same rows.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use entities::TokenRole;
use platform::Database;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::replicas::{MASTER_KEY, free_port, ready, token};
use tests::harness::shopify::{BulkFault, Kind, ShopifyStandIn};
use tests::harness::{Backend, TestDatabase, program};

use crate::world::{SCOPES, SHOP, trade};

/// The program in a process of its own.
struct Program {
    child: Child,
    port: u16,
}

impl Program {
    fn start(database: &TestDatabase, shopify: &ShopifyStandIn, port: u16) -> Self {
        let child = program::command(database.folder())
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .env("DATABASE_URL", &database.settings().url)
            .env("NOREN_MASTER_KEY", MASTER_KEY)
            .env("NOREN_SHOPIFY_SHOP_URL", shopify.shop_url())
            .env("NOREN_COST_RESTORE_RATE", "0")
            .env("NOREN_OPERATIONS_PER_MINUTE", "0")
            .env("NOREN_LOG_FILTER", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        Self { child, port }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Client {
    http: reqwest::Client,
    port: u16,
    bearer: String,
}

impl Client {
    async fn ask(&self, query: &str) -> Option<Value> {
        let request = self.http.post(format!("http://127.0.0.1:{}/graphql", self.port)).bearer_auth(&self.bearer).json(&json!({ "query": query }));
        let mut body: Value = request.send().await.ok()?.json().await.ok()?;
        assert!(body.get("errors").is_none(), "{body}");
        Some(body["data"].take())
    }

    async fn status(&self, run: &str) -> Option<Value> {
        self.ask(&format!("{{ syncRun(id: \"{run}\") {{ status phase received asked errorMessage }} }}")).await.map(|data| data["syncRun"].clone())
    }

    /// How many there are of each, and which orders.
    async fn seen(&self) -> (Vec<u64>, u64) {
        let counts = self.ask("{ orders { totalCount } customers { totalCount } products { totalCount } }").await.unwrap();
        let count = |name: &str| counts[name]["totalCount"].as_u64().unwrap();
        let (mut sum, mut after) = (0, "null".to_owned());
        loop {
            let query =
                format!("{{ orders(first: 50, after: {after}) {{ nodes {{ externalId items {{ totalCount }} }} pageInfo {{ hasNextPage endCursor }} }} }}");
            let page = self.ask(&query).await.unwrap();
            for order in page["orders"]["nodes"].as_array().unwrap() {
                let id: u64 = order["externalId"].as_str().unwrap().parse().unwrap();
                sum += id * (1 + order["items"]["totalCount"].as_u64().unwrap());
            }
            if page["orders"]["pageInfo"]["hasNextPage"] == false {
                return (["orders", "customers", "products"].map(count).to_vec(), sum);
            }
            after = page["orders"]["pageInfo"]["endCursor"].to_string();
        }
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_killed_goes_on_and_ends_with_the_same_rows(#[case] backend: Backend) {
    let orders = 1_500;
    let shopify = ShopifyStandIn::start().await;
    shopify.open_shop(SHOP);
    shopify.shop(SHOP, |shop| {
        shop.throttle(1_000_000, 100_000);
        trade(shop, orders);
        // What is asked for the first time does not come whole: there is more to do between the kills.
        shop.bulk_then([BulkFault::Right, BulkFault::Right, BulkFault::ShortFile]);
    });
    let access = shopify.installed(SHOP, &SCOPES);
    let database = TestDatabase::migrated(backend).await;
    let port = free_port();
    let mut program = Program::start(&database, &shopify, port);
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).pool_max_idle_per_host(0).build().unwrap();
    ready(&http, &[port]).await;
    let db = Database::connect(database.settings()).await.unwrap();
    let client = Client { http: http.clone(), port, bearer: token(&db, TokenRole::PlatformAdmin, None).await };
    let made = client.ask("mutation { tenantCreate(input: { companyName: \"Tea\", contactEmail: \"a@example.jp\" }) { tenant { id } } }").await.unwrap();
    let tenant = made["tenantCreate"]["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let client = Client { bearer: token(&db, TokenRole::TenantAdmin, Some(tenant)).await, ..client };
    db.close().await;
    let input = format!("domain: \"{SHOP}\", accessToken: \"{access}\", currencyCode: \"USD\", scopes: {}", json!(SCOPES));
    let store = client.ask(&format!("mutation {{ storeConnect(input: {{ {input} }}) {{ store {{ id }} }} }}")).await.unwrap();
    let store = store["storeConnect"]["store"]["id"].as_str().unwrap().to_owned();
    let begun = client.ask(&format!("mutation {{ storeSync(input: {{ storeId: \"{store}\" }}) {{ syncRun {{ id }} }} }}")).await.unwrap();
    let run = begun["storeSync"]["syncRun"]["id"].as_str().unwrap().to_owned();

    // Killed once while the shop is asked, once while a file is written.
    for wanted in ["BulkRun", "BulkOperation"] {
        let before = shopify.times(wanted);
        let began = Instant::now();
        while shopify.times(wanted) == before && began.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(shopify.times(wanted) > before, "{wanted} was not called again");
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..400))).await;
        program.kill();
        program = Program::start(&database, &shopify, program.port);
        ready(&http, &[port]).await;
    }
    let began = Instant::now();
    let end = loop {
        if let Some(now) = client.status(&run).await
            && !["QUEUED", "RUNNING"].contains(&now["status"].as_str().unwrap())
        {
            break now;
        }
        assert!(began.elapsed() < Duration::from_secs(150), "{:?}", client.status(&run).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(end["status"], "COMPLETED", "{end}");
    assert_eq!(end["asked"], end["received"], "{end}");
    let (counts, sum) = client.seen().await;
    let expected: u64 =
        shopify.shop(SHOP, |shop| shop.things(Kind::Order).iter().map(|(id, order)| id * (1 + order["lineItems"].as_array().unwrap().len() as u64)).sum());
    assert_eq!((counts, sum), (vec![orders, orders / 3 + 1, 5], expected));
}
