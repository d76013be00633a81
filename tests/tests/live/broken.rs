//! What breaks in one operation ends that operation alone.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::graphql::Limits;
use api::http::Throttle;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use platform::config::{Flags, load};
use platform::limits::{BucketKey, Buckets, Purse, Rate, Taken};
use rstest::rstest;
use serde_json::json;
use tests::harness::socket::{Heard, Socket};
use tests::harness::{Backend, Server, Town};

use super::world::{EVENTS, event, following, raise, town};

/// Buckets that are never empty, and break when they are told to.
#[derive(Default)]
struct Brittle(AtomicBool);

#[async_trait]
impl Buckets for Brittle {
    async fn available(&self, _: &BucketKey, rate: Rate, _: DateTime<Utc>) -> u64 {
        rate.capacity
    }

    async fn take(&self, key: &BucketKey, rate: Rate, _: u64, _: DateTime<Utc>) -> Taken {
        assert!(key.purse != Purse::Cost || !self.0.load(Ordering::SeqCst), "the bucket breaks, as the test wants it");
        Taken::Granted { available: rate.capacity }
    }

    async fn give_back(&self, _: &BucketKey, rate: Rate, _: u64, _: DateTime<Utc>) -> u64 {
        rate.capacity
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_breaks_ends_alone() {
    let brittle = Arc::new(Brittle::default());
    let server = Server::working_with(Backend::Sqlite, |app| {
        let flags = [("cost_restore_rate", "1000"), ("operations_per_minute", "0"), ("database_url", "sqlite:none.db")];
        let settings = load(Path::new("/dev/null"), &flags.map(|(name, value)| (name, value.to_owned())).into_iter().collect::<Flags>()).unwrap();
        app.throttle = Throttle::new(&settings, &Limits::default(), brittle.clone(), app.clock.clone());
    })
    .await;
    let town = Town::on(server, 1).await;
    let mut socket = following(&town, &town.ours.admin.credentials, None).await;
    brittle.0.store(true, Ordering::SeqCst);
    for (id, query) in [("a subscription", EVENTS), ("a query", "{ viewer { __typename } }")] {
        socket.subscribe(id, query, json!({})).await;
        let mut message = socket.hear().await.message();
        while message["type"] == "pong" {
            message = socket.hear().await.message();
        }
        assert!(message["type"] == "error" && message["id"] == id, "{message}");
        let extensions = &message["payload"][0]["extensions"];
        assert!(extensions["code"] == "INTERNAL" && extensions["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{message}");
    }
    brittle.0.store(false, Ordering::SeqCst);
    raise(&town, "still here", None).await;
    assert_eq!(event(&mut socket).await["alert"]["message"], "still here", "what else runs on the socket goes on");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn numbers_without_end_break_nothing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let who = &town.ours.admin.credentials;
    let mut socket = following(&town, who, None).await;
    raise(&town, "first", None).await;
    let cursor = event(&mut socket).await["cursor"].as_str().unwrap().to_owned();
    let feed = cursor.rsplit_once(':').expect("a feed and a place").0;
    for (place, code) in [
        ("9223372036854775807", "CURSOR_EXPIRED"),
        ("9223372036854775806", "CURSOR_EXPIRED"),
        ("9223372036854775808", "BAD_USER_INPUT"),
        ("-1", "BAD_USER_INPUT"),
        ("-9223372036854775808", "BAD_USER_INPUT"),
    ] {
        socket.subscribe("far", EVENTS, json!({ "after": format!("{feed}:{place}") })).await;
        let message = socket.hear().await.message();
        assert!(message["type"] == "error" && message["payload"][0]["extensions"]["code"] == code, "{place}: {message}");
    }

    let lists = format!("{}id{}", "stores(first: 250) { nodes { tenant { ".repeat(15), " } } }".repeat(15));
    for query in [format!("subscription {{ alertEvents {{ alert {{ tenant {{ {lists} }} }} }} }}"), format!("{{ viewer {{ tenant {{ {lists} }} }} }}")] {
        socket.subscribe("deep", &query, json!({})).await;
        let message = socket.hear().await.message();
        let told = message["payload"][0]["message"].as_str().unwrap_or_default();
        assert!(message["type"] == "error" && told.contains("15 is the most"), "{message}");
    }
    raise(&town, "second", None).await;
    assert_eq!(event(&mut socket).await["alert"]["message"], "second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_told_once() {
    let town = Town::on(Server::start(Backend::Sqlite).await, 1).await;
    let mut socket = Socket::connect(town.server.address, &town.ours.admin.credentials).await;
    for query in ["subscription { __typename }", "query($id: Nothing!) { node(id: $id) { id } }", "{ nothing }"] {
        socket.subscribe("wrong", query, json!({ "id": "x" })).await;
        let Heard::Message(message) = socket.hear().await else { panic!("{query} ended the socket") };
        let errors = message["payload"].as_array().unwrap();
        let mut told: Vec<&str> = errors.iter().map(|error| error["message"].as_str().unwrap()).collect();
        told.dedup();
        assert!(message["type"] == "error" && told.len() == errors.len(), "{query}: {message}");
    }
    assert!(socket.is_quiet(Duration::from_millis(200)).await);
}
