//! Replicas killed with -9 at random moments, while alerts are raised and looked after: whoever follows them hears of every change
//! once, all in the same order and with the same cursors, whichever replica they come back to. And between replicas nothing is
//! polled: what one is told, the others hear at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use entities::{EventType, TenantId, TokenRole};
use futures::future::join_all;
use ops::alerts::AlertEvent;
use platform::Database;
use platform::db::Access;
use platform::outbox::{FeedId, FeedPosition};
use serde_json::{Value, json};
use tests::harness::replicas::{Replica, free_port, ready, token};
use tests::harness::socket::{Heard, PATIENCE, Socket};
use tests::harness::{Backend, Credentials, People, Server, TestDatabase};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const RAISERS: u64 = 4;
const RAISE: &str = "mutation ($key: String!, $input: AlertRaiseInput!) {
  alertRaise(idempotencyKey: $key, input: $input) { alert { id count } userErrors { code message } } }";
const ACKNOWLEDGE: &str = "mutation ($id: ID!) { alertAcknowledge(input: { id: $id }) { alert { id } userErrors { code message } } }";
const RESOLVE: &str = "mutation ($id: ID!) { alertResolve(input: { id: $id }) { alert { id } userErrors { code message } } }";
/// Subscriptions that are executed apart from each other. The last two hear of new alerts alone.
const SELECTIONS: [&str; 4] = [
    "subscription ($after: String) { alertEvents(after: $after) { cursor kind alertId count severity } }",
    "subscription Follow($after: String) { alertEvents(after: $after) { severity count alertId alert { id status } kind cursor } }",
    "subscription ($after: String) { alertEvents(after: $after, filter: { kinds: [RAISED] }) { cursor kind alertId count severity } }",
    "subscription ($after: String, $kinds: [AlertEventKind!]) {
       alertEvents(filter: { kinds: $kinds }, after: $after) { cursor kind alertId count severity alert { message } } }",
];

/// A change of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    cursor: String,
    kind: String,
    alert: String,
    count: i64,
}

/// What was done to an alert, and acknowledged by a replica.
#[derive(Debug, Default, PartialEq, Eq)]
struct Done {
    raised: usize,
    updated: usize,
    acknowledged: usize,
    resolved: usize,
}

/// The clients: they try again where a real one would.
struct Clients {
    http: reqwest::Client,
    bearer: String,
    ports: Vec<u16>,
    stop: AtomicBool,
    raised: AtomicU64,
}

impl Clients {
    fn new(bearer: String, ports: Vec<u16>) -> Arc<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).pool_max_idle_per_host(0).build().unwrap();
        Arc::new(Self { http, bearer, ports, stop: AtomicBool::new(false), raised: AtomicU64::new(0) })
    }

    fn port(&self, turn: usize) -> u16 {
        self.ports[turn % self.ports.len()]
    }

    /// The payload of a mutation, unless its replica died on it.
    async fn once(&self, port: u16, query: &str, variables: &Value) -> Option<Value> {
        let request = self.http.post(format!("http://127.0.0.1:{port}/graphql")).bearer_auth(&self.bearer);
        let response = request.json(&json!({ "query": query, "variables": variables })).send().await.ok()?;
        let mut body: Value = response.json().await.ok()?;
        if let Some(errors) = body.get("errors") {
            assert_eq!(errors[0]["extensions"]["code"], "INTERNAL", "{errors}");
            return None;
        }
        let payload = body["data"].as_object_mut().unwrap().values_mut().next().unwrap().take();
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        Some(payload)
    }

    /// The payload of a mutation, by whichever replica lives.
    async fn acknowledged(&self, query: &str, variables: Value) -> Value {
        loop {
            if let Some(payload) = self.once(self.port(rand::random_range(0..8)), query, &variables).await {
                return payload;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn raise(&self, key: String, fingerprint: &str, severity: &str) -> String {
        let input = json!({ "type": "CRASH", "severity": severity, "message": "replicas die", "fingerprint": fingerprint });
        let payload = self.acknowledged(RAISE, json!({ "key": key, "input": input })).await;
        payload["alert"]["id"].as_str().unwrap().to_owned()
    }

    /// Raises alerts and looks after them; gives back what was done to each.
    async fn raiser(&self, who: u64) -> BTreeMap<String, Done> {
        let mut all: BTreeMap<String, Done> = BTreeMap::new();
        for number in 0_u64.. {
            if self.stop.load(Ordering::SeqCst) {
                break;
            }
            let print = format!("{who} {number}");
            let id = self.raise(format!("{print} first"), &print, ["HIGH", "MEDIUM", "LOW"][number as usize % 3]).await;
            all.entry(id.clone()).or_default().raised += 1;
            self.raised.fetch_add(1, Ordering::SeqCst);
            if number % 3 == 0 {
                assert_eq!(self.raise(format!("{print} again"), &print, "LOW").await, id);
                all.entry(id.clone()).or_default().updated += 1;
            }
            if number % 2 == 0 {
                self.acknowledged(ACKNOWLEDGE, json!({ "id": id })).await;
                all.entry(id.clone()).or_default().acknowledged += 1;
            }
            if number % 4 < 2 {
                self.acknowledged(RESOLVE, json!({ "id": id })).await;
                all.entry(id.clone()).or_default().resolved += 1;
            }
            if number % 8 == 0 {
                let next = self.raise(format!("{print} anew"), &print, "LOW").await;
                assert_ne!(next, id, "what was resolved is another alert when it comes back");
                all.entry(next).or_default().raised += 1;
            }
            // All raisers share this one.
            let shared = self.raise(format!("{print} shared"), "shared", "LOW").await;
            all.entry(shared).or_default().updated += 1;
            tokio::time::sleep(Duration::from_millis(rand::random_range(5..60))).await;
        }
        all
    }

    async fn connect(&self, port: u16) -> Option<Socket> {
        let mut socket = timeout(PATIENCE, Socket::speaking(SocketAddr::from(([127, 0, 0, 1], port)), Some("graphql-transport-ws"))).await.ok()?.ok()?;
        socket.init(&Credentials::bearer(&self.bearer)).await;
        match socket.hear().await {
            Heard::Message(message) if message["type"] == "connection_ack" => Some(socket),
            ended => {
                mended(&ended);
                None
            }
        }
    }
}

/// A subscriber's socket may end because its replica does, and for no other reason.
fn mended(ended: &Heard) {
    assert!(matches!(ended, Heard::Broken | Heard::Closed(1012 | 1013, _)), "{ended:?}");
}

/// What a subscriber has heard.
#[derive(Default)]
struct Log {
    changes: Vec<Change>,
    connections: usize,
    /// Times that the replica ended it.
    broken: usize,
}

/// Follows alerts from a cursor on, over as many sockets as it takes, until one is CRITICAL. The restless leave by themselves now and
/// then.
async fn follow(clients: Arc<Clients>, who: usize, mut cursor: String, ready: Arc<AtomicU64>, restless: bool) -> Log {
    let selection = SELECTIONS[who % SELECTIONS.len()];
    let mut log = Log::default();
    for turn in who.. {
        let Some(mut socket) = clients.connect(clients.port(turn)).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        log.connections += 1;
        if log.connections == 1 {
            ready.fetch_add(1, Ordering::SeqCst);
        }
        let mut patience = if restless { rand::random_range(1..40) } else { usize::MAX };
        socket.subscribe("a", selection, json!({ "after": cursor, "kinds": ["RAISED"] })).await;
        while patience > 0 {
            patience -= 1;
            let heard = match socket.hear().await {
                Heard::Message(heard) => heard,
                ended => {
                    mended(&ended);
                    log.broken += 1;
                    break;
                }
            };
            if heard["type"] == "error" {
                let code = &heard["payload"][0]["extensions"]["code"];
                assert!(code == "INTERNAL" || code == "THROTTLED", "{heard}");
                break;
            }
            assert!(heard["type"] == "next" && heard["payload"]["errors"].is_null(), "{heard}");
            let event = &heard["payload"]["data"]["alertEvents"];
            let text = |field: &str| event[field].as_str().unwrap_or_else(|| panic!("{heard}")).to_owned();
            cursor = text("cursor");
            log.changes.push(Change { cursor: cursor.clone(), kind: text("kind"), alert: text("alertId"), count: event["count"].as_i64().unwrap() });
            if event["severity"] == "CRITICAL" {
                return log;
            }
        }
    }
    log
}

/// What the feed tells of alerts after a cursor, in its order.
async fn told(db: &Database, tenant: TenantId, after: &str) -> Vec<Change> {
    let feed = FeedId::of(Some(tenant));
    let tx = db.read(Access::Worker).await.unwrap();
    let events = feed.read(&tx, 0, 1_000_000).await.unwrap();
    let places: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert_eq!(places, (1..=places.len() as i64).collect::<Vec<_>>(), "the feed has no gaps");
    let after: FeedPosition = after.parse().unwrap();
    let change = |event: &platform::outbox::Event| {
        let told = AlertEvent::read(event)?;
        let kind = match told.kind {
            EventType::AlertRaised => "RAISED",
            EventType::AlertAcknowledged => "ACKNOWLEDGED",
            EventType::AlertResolved => "RESOLVED",
            _ => "UPDATED",
        };
        let cursor = FeedPosition { feed, position: event.position }.to_string();
        Some(Change { cursor, kind: kind.to_owned(), alert: told.alert_id.to_string(), count: told.count })
    };
    events.iter().filter(|event| event.position > after.position).filter_map(change).collect()
}

/// A tenant, and the bearer of its administrator.
async fn tenant(db: &Database, port: u16) -> (TenantId, String) {
    let platform = Clients::new(token(db, TokenRole::PlatformAdmin, None).await, vec![port]);
    let create = "mutation { tenantCreate(input: { companyName: \"Crash K.K.\", contactEmail: \"a@example.jp\" }) { tenant { id } userErrors { code } } }";
    let made = platform.acknowledged(create, json!({})).await;
    let tenant: TenantId = made["tenant"]["id"].as_str().unwrap().parse().unwrap();
    (tenant, token(db, TokenRole::TenantAdmin, Some(tenant)).await)
}

/// The cursor of a first change, and the alert that it is about.
async fn prelude(clients: &Clients) -> (String, String) {
    let mut socket = clients.connect(clients.ports[0]).await.expect("a socket");
    socket.subscribe("a", SELECTIONS[0], json!({})).await;
    // When a subscription has begun is not told.
    for number in 0.. {
        let alert = clients.raise(format!("prelude {number}"), "prelude", "LOW").await;
        let Ok(heard) = timeout(Duration::from_secs(1), socket.hear_sometime()).await else { continue };
        return (heard.message()["payload"]["data"]["alertEvents"]["cursor"].as_str().unwrap().to_owned(), alert);
    }
    unreachable!("it goes on")
}

async fn everybody_hears_everything(backend: Backend, replicas: usize, kills: usize, subscribers: usize) {
    let database = TestDatabase::migrated(backend).await;
    let db = Database::connect(database.settings()).await.unwrap();
    let ports: Vec<u16> = (0..replicas).map(|_| free_port()).collect();
    let mut running: Vec<Replica> = ports.iter().map(|port| Replica::start(&database, *port)).collect();
    let http = reqwest::Client::builder().build().unwrap();
    ready(&http, &ports).await;
    let (tenant, bearer) = tenant(&db, ports[0]).await;
    let clients = Clients::new(bearer, ports.clone());
    let (begin, prelude) = prelude(&clients).await;
    let shared = clients.raise("shared".to_owned(), "shared", "LOW").await;

    let connected = Arc::new(AtomicU64::new(0));
    let following: Vec<JoinHandle<Log>> =
        (0..subscribers).map(|who| tokio::spawn(follow(clients.clone(), who, begin.clone(), connected.clone(), who % 3 == 2))).collect();
    while connected.load(Ordering::SeqCst) < subscribers as u64 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let raising: Vec<_> = (0..RAISERS)
        .map(|who| {
            let clients = clients.clone();
            tokio::spawn(async move { clients.raiser(who).await })
        })
        .collect();
    for kill in 0..kills {
        tokio::time::sleep(Duration::from_millis(rand::random_range(250..2_500))).await;
        running[kill % replicas].crash(&database);
    }
    ready(&http, &ports).await;
    // On a busy machine much of the time went into starting.
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if clients.raised.load(Ordering::SeqCst) > 60 {
            break;
        }
    }
    clients.stop.store(true, Ordering::SeqCst);
    let mut done = BTreeMap::from([(shared, Done { raised: 1, ..Done::default() })]);
    for raiser in raising {
        for (alert, more) in raiser.await.unwrap() {
            let all = done.entry(alert).or_default();
            all.raised += more.raised;
            all.updated += more.updated;
            all.acknowledged += more.acknowledged;
            all.resolved += more.resolved;
        }
    }
    let end = clients.raise("the end".to_owned(), "the end", "CRITICAL").await;
    done.insert(end, Done { raised: 1, ..Done::default() });
    let logs: Vec<Log> = join_all(following).await.into_iter().map(Result::unwrap).collect();

    let told = told(&db, tenant, &begin).await;
    let raised: Vec<&Change> = told.iter().filter(|change| change.kind == "RAISED").collect();
    for (who, log) in logs.iter().enumerate() {
        let wanted: Vec<&Change> = if who % SELECTIONS.len() < 2 { told.iter().collect() } else { raised.clone() };
        let heard: Vec<&Change> = log.changes.iter().collect();
        assert_eq!(heard.len(), wanted.len(), "subscriber {who} has heard of more or less than there was");
        assert!(heard == wanted, "subscriber {who} has heard of other things, or in another order");
    }
    let mut seen: BTreeMap<String, Done> = BTreeMap::new();
    for change in told.iter().filter(|change| change.alert != prelude) {
        let alert = seen.entry(change.alert.clone()).or_default();
        match change.kind.as_str() {
            "RAISED" => alert.raised += 1,
            "ACKNOWLEDGED" => alert.acknowledged += 1,
            "RESOLVED" => alert.resolved += 1,
            _ => alert.updated += 1,
        }
        assert_eq!(change.count, (alert.raised + alert.updated) as i64, "each time that an alert was seen is told of");
    }
    assert_eq!(seen, done, "what was acknowledged to those who did it is what everybody has heard, once");

    let (connections, broken): (usize, usize) = (logs.iter().map(|log| log.connections).sum(), logs.iter().map(|log| log.broken).sum());
    assert!(raised.len() > 60 && broken >= kills, "the load was too small to show anything: {} alerts, {broken} broken sockets", raised.len());
    assert!(connections > broken, "{connections} connections, of which {broken} broke");
    println!("{backend:?}: {} changes of {} alerts, {connections} connections of {subscribers} subscribers, {broken} broken", told.len(), raised.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_are_killed_in_turn_lose_and_double_nothing() {
    everybody_hears_everything(Backend::Postgres, 2, 12, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    everybody_hears_everything(Backend::Sqlite, 1, 6, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_raised_at_one_replica_is_heard_at_another_and_nobody_looks_meanwhile() {
    // One in this process, which relays nothing itself: all it can do is hear. Its statements are counted.
    let here = Server::start(Backend::Postgres).await;
    let (feeds, db) = (here.app.feeds.clone(), here.db().clone());
    let hearing = tokio::spawn(async move { feeds.hear_replicas(&db).await });
    let (port, http) = (free_port(), reqwest::Client::builder().build().unwrap());
    let _there = Replica::start(&here.database, port);
    ready(&http, &[port]).await;
    let people = People::of(&here);
    let tenant = people.tenant("Both K.K.").await;
    let (_, admin) = people.token(TokenRole::TenantAdmin, Some(tenant), &[]).await;
    let there = Clients::new(admin.bearer.clone().unwrap(), vec![port]);

    let mut listeners = Vec::new();
    for selection in SELECTIONS {
        for _ in 0..3 {
            let mut socket = Socket::connect(here.address, &admin).await;
            socket.subscribe("a", selection, json!({})).await;
            listeners.push(socket);
        }
    }
    let all_hear = async |listeners: &mut Vec<Socket>, fingerprint: &str| {
        let alert = there.raise(fingerprint.to_owned(), fingerprint, "LOW").await;
        for socket in listeners {
            loop {
                let event = socket.next("a").await["data"]["alertEvents"].take();
                if event["alertId"] == alert {
                    assert_eq!(event["kind"], "RAISED");
                    break;
                }
            }
        }
    };
    // They have begun when each has heard of something.
    for (who, socket) in listeners.iter_mut().enumerate() {
        for number in 0.. {
            let prelude = format!("prelude {who} {number}");
            there.raise(prelude.clone(), &prelude, "LOW").await;
            if timeout(Duration::from_secs(1), socket.hear_sometime()).await.is_ok() {
                break;
            }
        }
    }
    all_hear(&mut listeners, "first").await;

    let (began, before) = (Instant::now(), here.db().statements());
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (asked, looks) = (here.db().statements() - before, began.elapsed().as_secs_f64() * 2.0);
    // Twice a second it is looked whether those who listen still may: one statement for all of them.
    assert!(asked as f64 <= looks + 2.0, "{asked} statements while nothing happened, of which {looks:.0} are accounted for");
    all_hear(&mut listeners, "second").await;
    hearing.abort();
}
