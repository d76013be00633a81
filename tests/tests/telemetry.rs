//! What the program tells about itself: health, metrics, logs, traces. None of it ever tells a secret.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::graphql::Limits;
use api::http::Throttle;
use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use platform::Database;
use platform::config::{Flags, load};
use platform::db::DatabaseSettings;
use platform::health::HealthCheck;
use platform::limits::{BucketKey, Buckets, Rate, Taken};
use reqwest::{Client, StatusCode};
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::socket::{Heard, Socket};
use tests::harness::{Backend, Credentials, Server, TestDatabase, Town, program};
use tokio::net::TcpListener;

fn client() -> Client {
    Client::builder().build().unwrap()
}

async fn asked(server: &Server, path: &str) -> (u16, Value) {
    let response = client().get(server.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

struct Lag;

#[async_trait]
impl HealthCheck for Lag {
    fn name(&self) -> &'static str {
        "lag"
    }

    async fn check(&self) -> Result<Value, String> {
        Err("an hour behind".to_owned())
    }

    fn critical(&self) -> bool {
        false
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn health_tells_of_each_part_with_its_time(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let server = Server::tuned(backend, Default::default(), |app| app.health.add(Arc::new(Lag))).await;
    for path in ["/readyz", "/api/health"] {
        let (status, body) = asked(&server, path).await;
        assert_eq!((status, &body["status"], &body["draining"]), (200, &json!("degraded"), &json!(false)), "a lag is no reason not to serve: {body}");
        for part in ["database", "migrations"] {
            let check = &body["checks"][part];
            assert_eq!(check["status"], "ok", "{body}");
            assert!(check["ms"].as_f64().unwrap() > 0.0, "{body}");
        }
        assert_eq!(body["checks"]["lag"]["message"], "an hour behind");
    }
    let owner = Database::connect(&DatabaseSettings { role: None, max_connections: 1, ..server.database.settings().clone() }).await.unwrap();
    owner.pool().execute_unprepared("alter table seaql_migrations rename to seaql_elsewhere").await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    let (status, body) = asked(&server, "/readyz").await;
    assert_eq!((status, &body["status"]), (503, &json!("failing")), "{body}");
    assert!(body["checks"]["migrations"]["message"].as_str().unwrap().contains("noren migrate"), "{body}");
    owner.pool().execute_unprepared("alter table seaql_elsewhere rename to seaql_migrations").await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(asked(&server, "/readyz").await.0, 200);
    server.app.tasks.close();
    let (status, body) = asked(&server, "/readyz").await;
    assert_eq!((status, &body["status"]), (503, &json!("draining")));
    assert_eq!(client().get(server.url("/healthz")).send().await.unwrap().status(), StatusCode::OK, "alive until it ends");
}

async fn read_metrics(server: &Server) -> String {
    client().get(server.url("/metrics")).send().await.unwrap().text().await.unwrap()
}

/// The value on the line that begins so.
fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|found| found.strip_prefix(line)).unwrap_or_else(|| panic!("no {line} in {text}"));
    found.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_requests_by_operation_and_outcome() {
    for (backend, kind, pool) in [(Backend::Sqlite, "Sqlite", "readers"), (Backend::Postgres, "Postgres", "serving")] {
        let town = Town::new(backend, 3).await;
        let (server, who) = (&town.server, &town.ours.admin.credentials);
        for _ in 0..3 {
            server.ask(who, &format!("query Listed{kind} {{ orders {{ nodes {{ id }} }} }}")).await.data();
        }
        server.ask(who, &format!("query Listed{kind} {{ orders(first: 300) {{ nodes {{ id }} }} }}")).await;
        server.ask(who, &format!("query Listed{kind} {{ nothing }}")).await;
        server.ask(&Credentials::bearer("noren_nobody"), "{ __typename }").await;
        let text = read_metrics(server).await;
        for (outcome, count) in [("ok", 3.0), ("errors", 1.0), ("refused", 1.0)] {
            assert_eq!(value(&text, &format!("noren_requests_total{{operation=\"Listed{kind}\",outcome=\"{outcome}\"}}")), count, "{outcome}");
        }
        assert_eq!(value(&text, &format!("noren_request_seconds_count{{operation=\"Listed{kind}\"}}")), 5.0);
        assert!(value(&text, "noren_requests_total{operation=\"none\",outcome=\"refused\"}") >= 1.0);
        // One may be on its way back: open it is.
        let open: f64 = ["idle", "used"].map(|state| value(&text, &format!("noren_database_connections{{pool=\"{pool}\",state=\"{state}\"}}"))).iter().sum();
        assert!(open >= 1.0);
        assert!(value(&text, &format!("noren_database_connections_max{{pool=\"{pool}\"}}")) >= 1.0);
        let above_zero = ["noren_database_statements_total", "noren_operation_cost_points_sum{cost=\"requested\"}", "process_resident_memory_bytes"];
        for name in above_zero {
            assert!(value(&text, name) > 0.0, "{name}");
        }
        // Whole seconds: a test may not have used one.
        assert!(text.contains("process_cpu_seconds_total"));
    }

    // Clients make names up, and memory is finite.
    let server = Server::start(Backend::Sqlite).await;
    let who = Credentials::bearer(server.token(entities::TokenRole::PlatformAdmin, None).await);
    server.ask(&Credentials::default(), "query NobodysOwn { __typename }").await.data();
    for n in 0..300 {
        server.ask(&who, &format!("query Name{n} {{ __typename }}")).await.data();
    }
    let text = read_metrics(&server).await;
    let names = text.lines().filter(|line| line.starts_with("noren_request_seconds_count")).count();
    assert!(names <= 203, "{names} names");
    assert!(value(&text, "noren_requests_total{operation=\"other\",outcome=\"ok\"}") >= 98.0);
    assert!(text.contains("Name0") && !text.contains("NobodysOwn"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connections_to_the_database_are_shown() {
    let server = Server::working(Backend::Postgres).await;
    let most = |pool: &str| format!("noren_database_connections_max{{pool=\"{pool}\"}}");
    let text = read_metrics(&server).await;
    for (pool, connections) in [("serving", 5.0), ("lookups", 3.0), ("background", 8.0), ("listener", 1.0)] {
        assert_eq!(value(&text, &most(pool)), connections, "{pool}");
    }
    let until = Instant::now() + Duration::from_secs(20);
    while value(&read_metrics(&server).await, "noren_database_connections{pool=\"listener\",state=\"used\"}") < 1.0 {
        assert!(Instant::now() < until, "it hears other replicas");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Buckets that break when they are told to.
#[derive(Default)]
struct Brittle(AtomicBool);

#[async_trait]
impl Buckets for Brittle {
    async fn available(&self, _: &BucketKey, rate: Rate, _: DateTime<Utc>) -> u64 {
        assert!(!self.0.load(Ordering::SeqCst), "the bucket breaks, as the test wants it");
        rate.capacity
    }

    async fn take(&self, _: &BucketKey, rate: Rate, _: u64, _: DateTime<Utc>) -> Taken {
        Taken::Granted { available: rate.capacity }
    }

    async fn give_back(&self, _: &BucketKey, rate: Rate, _: u64, _: DateTime<Utc>) -> u64 {
        rate.capacity
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_break_are_not_counted_any_more() {
    let brittle = Arc::new(Brittle::default());
    let server = Server::tuned(Backend::Sqlite, Flags::new(), |app| {
        let flags = [("cost_restore_rate", "1000"), ("database_url", "sqlite:none.db")];
        let settings = load(Path::new("/dev/null"), &flags.map(|(name, value)| (name, value.to_owned())).into_iter().collect::<Flags>()).unwrap();
        app.throttle = Throttle::new(&settings, &Limits::default(), brittle.clone(), app.clock.clone());
    })
    .await;
    let town = Town::on(server, 1).await;
    let mut socket = Socket::connect(town.server.address, &town.ours.admin.credentials).await;
    socket.subscribe("1", "subscription { alertEvents { cursor } }", json!({})).await;
    let until = Instant::now() + Duration::from_secs(20);
    let counted = async || {
        let text = read_metrics(&town.server).await;
        let subscriptions = if text.contains("noren_subscriptions ") { value(&text, "noren_subscriptions ") } else { 0.0 };
        (value(&text, "noren_sockets "), subscriptions)
    };
    while counted().await != (1.0, 1.0) {
        assert!(Instant::now() < until, "the socket and its subscription are counted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    brittle.0.store(true, Ordering::SeqCst);
    socket.subscribe("2", "{ __typename }", json!({})).await;
    assert_eq!(socket.hear().await, Heard::Broken, "it breaks outside of any operation");
    brittle.0.store(false, Ordering::SeqCst);
    while counted().await != (0.0, 0.0) {
        assert!(Instant::now() < until, "neither is there any more: {:?}", counted().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn metrics_are_for_those_who_may_read_them() {
    let read = async |flags: &[(&'static str, &str)], bearer: Option<&str>| {
        let server = Server::with(Backend::Sqlite, flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()).await;
        let request = client().get(server.url("/metrics"));
        let request = if let Some(bearer) = bearer { request.bearer_auth(bearer) } else { request };
        request.send().await.unwrap().status().as_u16()
    };
    let (token, everywhere) = (("metrics_token", "0123456789abcdef"), ("listen", "0.0.0.0:8000"));
    assert_eq!(read(&[], None).await, 200);
    assert_eq!(read(&[everywhere], None).await, 404);
    assert_eq!(read(&[everywhere, token], None).await, 401);
    assert_eq!(read(&[token], Some("0123456789abcdeF")).await, 401);
    assert_eq!(read(&[everywhere, token], Some(token.1)).await, 200);

    let server = Server::start(Backend::Sqlite).await;
    for name in ["forwarded", "x-forwarded-for", "x-forwarded-host"] {
        let forwarded = client().get(server.url("/metrics")).header(name, "127.0.0.1").send().await.unwrap();
        assert_eq!(forwarded.status(), StatusCode::NOT_FOUND, "{name}: what a proxy on this machine passes on comes from elsewhere");
    }
}

/// What libraries log in this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn slow_statements_are_logged_without_what_was_bound_to_them() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_ansi(false).with_writer(move || writer.clone()).init();
    for (backend, slow) in [
        (Backend::Sqlite, "with recursive n(n) as (select 1 union all select n + 1 from n where n < 30000000) select count(*) as slow_sqlite, $1 from n"),
        (Backend::Postgres, "select pg_sleep(1.2)::text as slow_postgres, $1::text"),
    ] {
        let database = TestDatabase::migrated(backend).await;
        let db = Database::connect(database.settings()).await.unwrap();
        db.query_one(slow, ["bound-secret".into()]).await.unwrap();
        let tx = db.read(platform::db::Access::Nobody).await.unwrap();
        tx.query_one_raw(db.statement(slow, ["bound-secret".into()])).await.unwrap();
    }
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for name in ["slow_sqlite", "slow_postgres"] {
        assert!(said.lines().filter(|line| line.contains("slow statement") && line.contains(name)).count() >= 2, "{name}: {said}");
    }
    assert!(!said.contains("bound-secret"), "{said}");
}

/// The program as a process of its own, ended with the test.
struct Program {
    child: Child,
    url: String,
    token: String,
    said: Arc<Mutex<String>>,
}

impl Program {
    fn start(database: &TestDatabase, set: impl FnOnce(&mut Command)) -> Self {
        let mut command = program::command(database.folder());
        command.args(["serve", "--listen", "127.0.0.1:0"]).env("DATABASE_URL", &database.settings().url);
        command.env("NOREN_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").env("NOREN_LOG_FORMAT", "json").env("NOREN_LOG_FILTER", "debug");
        set(&mut command);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut before) = (String::new(), String::new());
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the program ended: {before}");
            before.push_str(&line);
            let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if told["fields"]["message"] == "listening" {
                break told["fields"]["address"].as_str().unwrap().to_owned();
            }
        };
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let token = loop {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "no token was told");
            if line.trim().starts_with("noren_") {
                break line.trim().to_owned();
            }
        };
        let said = Arc::new(Mutex::new(before));
        let hears = said.clone();
        std::thread::spawn(move || {
            let mut line = String::new();
            while log.read_line(&mut line).is_ok_and(|read| read > 0) {
                hears.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        Self { child, url: format!("http://{address}/graphql"), token, said }
    }

    async fn ask(&self, body: &Value, headers: &[(&str, &str)]) -> Value {
        let mut request = client().post(&self.url).bearer_auth(&self.token).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Asks it to end, and waits until it has.
    async fn end(mut self) -> String {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logs_tell_who_asked_for_what_and_no_secret(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = TestDatabase::migrated(backend).await;
    let program = Program::start(&database, |_| {});
    let create = "mutation Found($name: String!) { tenantCreate(input: {companyName: $name, contactEmail: \"secret-mail@example.jp\"}) { tenant { id } } }";
    let made = program.ask(&json!({ "query": create, "variables": { "name": "secret-variable" } }), &[]).await;
    let tenant = made["data"]["tenantCreate"]["tenant"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let sign_in = "mutation { signIn(input: {email: \"nobody@example.jp\", password: \"secret-password\"}) { userErrors { code } } }";
    program.ask(&json!({ "query": sign_in }), &[]).await;
    program.ask(&json!({ "query": "query InTenant { orders { totalCount } }" }), &[("noren-tenant", &tenant)]).await;
    let token = program.token.clone();
    let said = program.end().await;
    let answered: Vec<Value> =
        said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|line| line["fields"]["message"] == "answered").collect();
    let of = |operation: &str| answered.iter().find(|line| line["span"]["operation"] == operation).unwrap_or_else(|| panic!("{operation}: {answered:?}"));
    assert_eq!(of("InTenant")["span"]["tenant"], tenant.as_str());
    for line in [of("Found"), of("InTenant")] {
        assert!(line["span"]["actor"].as_str().unwrap().starts_with("apitoken_"), "{line}");
        assert_eq!(line["span"]["id"].as_str().unwrap().len(), 36);
        assert!(line["fields"]["ms"].as_f64().unwrap() > 0.0 && line["fields"]["status"] == 200, "{line}");
    }
    for secret in ["secret-variable", "secret-mail", "secret-password", token.as_str(), "AAECAwQF"] {
        assert!(!said.contains(secret), "the log tells {secret}");
    }
    assert!(said.contains("stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_go_to_the_collector_under_the_callers_own_trace() {
    let received: Arc<Mutex<Vec<(HeaderMap, Bytes)>>> = Arc::default();
    let hears = received.clone();
    let take = move |headers: HeaderMap, body: Bytes| async move { hears.lock().unwrap().push((headers, body)) };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/v1/traces", axum::routing::post(take))).await.unwrap() });

    let database = TestDatabase::migrated(Backend::Sqlite).await;
    let program = Program::start(&database, |command| {
        command.env("NOREN_OTLP_ENDPOINT", collector);
    });
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    program.ask(&json!({ "query": "query Traced { __typename }" }), &[("traceparent", traceparent)]).await;
    // What is not sent yet goes out at the end.
    program.end().await;
    let received = received.lock().unwrap();
    assert!(!received.is_empty(), "nothing was received");
    assert_eq!(received[0].0["content-type"], "application/x-protobuf");
    let holds = |part: &[u8]| received.iter().any(|(_, body)| body.windows(part.len()).any(|window| window == part));
    let trace = u128::from_str_radix("4bf92f3577b34da6a3ce929d0e0e4736", 16).unwrap().to_be_bytes();
    let parent = 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes();
    assert!(holds(&trace) && holds(&parent), "the span is not under its caller's");
    for text in ["noren", "request", "Traced", "/graphql"] {
        assert!(holds(text.as_bytes()), "no {text} in the trace");
    }
}
