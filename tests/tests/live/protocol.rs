//! The protocol, message by message.

use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::socket::{Heard, Socket};
use tests::harness::{Backend, Credentials, Server, Town};
use tokio_tungstenite::tungstenite::Message;

async fn server() -> Server {
    Server::tuned(Backend::Sqlite, Default::default(), |app| app.times.sockets.init = Duration::from_millis(1_500)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_protocol_does_not_know_closes_the_socket() {
    let server = server().await;
    for text in [
        "",
        "what",
        "[]",
        "{}",
        r#"{"type":"start","id":"1"}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"connection_init","payload":"x"}"#,
        r#"{"type":"pong","payload":3}"#,
    ] {
        let mut socket = Socket::open(server.address).await;
        socket.send(Message::Text(text.into())).await;
        assert_eq!(socket.hear().await.code(), 4400, "{text}");
    }
    let mut socket = Socket::open(server.address).await;
    socket.send(Message::Binary(b"{\"type\":\"connection_init\"}".to_vec().into())).await;
    assert_eq!(socket.hear().await.code(), 4400, "binary messages are none of the protocol");
    let mut socket = Socket::open(server.address).await;
    socket.send(Message::Text("x".repeat(3 * 1024 * 1024).into())).await;
    assert!(matches!(socket.hear().await, Heard::Closed(4400, _) | Heard::Broken), "a message that is too large is not read to its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_says_who_it_is_once_and_in_time() {
    let server = server().await;
    let begin = json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ __typename }" } });

    let mut hasty = Socket::open(server.address).await;
    hasty.say(begin.clone()).await;
    assert_eq!(hasty.hear().await, Heard::Closed(4401, "Unauthorized".to_owned()));

    let mut silent = Socket::open(server.address).await;
    silent.say(json!({ "type": "ping" })).await;
    assert_eq!(silent.hear().await.message(), json!({ "type": "pong" }));
    assert_eq!(silent.hear().await, Heard::Closed(4408, "Connection initialisation timeout".to_owned()));

    let mut twice = Socket::connect(server.address, &Credentials::default()).await;
    twice.init(&Credentials::default()).await;
    assert_eq!(twice.hear().await, Heard::Closed(4429, "Too many initialisation requests".to_owned()));

    for bearer in ["noren_wrong", "x", "a.b.c"] {
        let mut stranger = Socket::open(server.address).await;
        stranger.init(&Credentials::bearer(bearer)).await;
        let Heard::Closed(4403, reason) = stranger.hear().await else { panic!("{bearer} came in") };
        assert!(reason.starts_with("Forbidden: ") && reason.len() > 15, "{reason}");
    }
    let wrong = [json!({ "authorization": "Basic abc" }), json!({ "authorization": 5 }), json!({ "authorization": ["x"] }), json!({ "noren-tenant": 5 })];
    for payload in wrong {
        let mut malformed = Socket::open(server.address).await;
        malformed.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(malformed.hear().await.code(), 4403, "{payload}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_protocols_are_not_spoken() {
    let server = server().await;
    // A client breaks off by itself when its protocol is not chosen; one that offers none is told.
    let mut none = Socket::speaking(server.address, None).await.unwrap();
    assert_eq!(none.hear().await, Heard::Closed(4406, "Subprotocol not acceptable".to_owned()));
    assert!(Socket::speaking(server.address, Some("graphql-ws")).await.is_err());
    let plain = reqwest::Client::builder().build().unwrap().get(server.url("/graphql")).header("upgrade", "websocket").send().await.unwrap();
    assert_eq!(plain.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_have_ids_of_their_own_and_end_with_complete() {
    let town = Town::on(server().await, 1).await;
    let mut socket = Socket::connect(town.server.address, &town.ours.admin.credentials).await;
    socket.say(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    assert_eq!(socket.hear().await.message(), json!({ "type": "pong", "payload": { "n": 1 } }));
    socket.say(json!({ "type": "pong" })).await;

    socket.subscribe("a query", "query($first: Int!) { stores(first: $first) { nodes { id } } }", json!({ "first": 1 })).await;
    assert_eq!(socket.next("a query").await["data"]["stores"]["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(socket.hear().await.message(), json!({ "type": "complete", "id": "a query" }));

    let raise = "mutation { alertRaise(input: { type: \"Trial\", severity: LOW, message: \"m\" }) { alert { status } userErrors { code } } }";
    socket.subscribe("a query", raise, json!({})).await;
    assert_eq!(socket.next("a query").await["data"]["alertRaise"]["alert"]["status"], "OPEN", "an id can be used again once it is over");
    assert_eq!(socket.hear().await.message()["type"], "complete");

    let errors = async |socket: &mut Socket, query: &str| -> Vec<Value> {
        socket.subscribe("wrong", query, json!({})).await;
        let message = socket.hear().await.message();
        assert!(message["type"] == "error" && message["id"] == "wrong", "{message}");
        message["payload"].as_array().unwrap().clone()
    };
    for (query, says) in [
        ("{", "expected"),
        ("{ nothing }", "nothing"),
        ("subscription { alertEvents { cursor } more: alertEvents { cursor } }", "exactly one root field"),
        ("subscription { alertEvents(after: \"x\") { cursor } }", "not a cursor"),
        ("subscription { nothing }", "nothing"),
        ("subscription A { alertEvents { cursor } } subscription B { alertEvents { cursor } }", "operationName"),
    ] {
        let errors = errors(&mut socket, query).await;
        let message = errors[0]["message"].as_str().unwrap();
        assert!(message.contains(says) && errors[0]["extensions"]["code"] == "BAD_USER_INPUT", "{query}: {errors:?}");
    }

    let follow = "subscription { ...f } fragment f on Subscription { alertEvents { ...e } } fragment e on AlertEvent { cursor }";
    socket.subscribe("live", follow, json!({})).await;
    assert!(socket.is_quiet(Duration::from_millis(700)).await, "the field may stand in a fragment");
    socket.subscribe("live", follow, json!({})).await;
    assert_eq!(socket.hear().await, Heard::Closed(4409, "Subscriber for live already exists".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_completed_says_nothing_more() {
    let town = Town::on(Server::working(Backend::Sqlite).await, 1).await;
    let mut socket = super::world::following(&town, &town.ours.admin.credentials, None).await;
    super::world::raise(&town, "first", None).await;
    super::world::event(&mut socket).await;
    socket.say(json!({ "type": "complete", "id": "alerts" })).await;
    socket.say(json!({ "type": "complete", "id": "never begun" })).await;
    super::world::settle(&mut socket).await;
    super::world::raise(&town, "second", None).await;
    assert!(super::world::is_quiet(&mut socket).await);
    socket.subscribe("alerts", super::world::EVENTS, json!({})).await;
    super::world::settle(&mut socket).await;
    super::world::raise(&town, "third", None).await;
    assert_eq!(super::world::messages(&mut socket, 1).await, ["third"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_anything_without_a_caller_nor_over_http() {
    let town = Town::on(server().await, 1).await;
    let mut anonymous = Socket::connect(town.server.address, &Credentials::default()).await;
    anonymous.subscribe("1", super::world::EVENTS, json!({})).await;
    let message = anonymous.hear().await.message();
    assert!(message["type"] == "error" && message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED", "{message}");

    let answer = town.server.ask(&town.ours.admin.credentials, "subscription { alertEvents { cursor } }").await;
    assert_eq!(answer.code(), Some("BAD_USER_INPUT"));
    assert!(answer.body["errors"][0]["message"].as_str().unwrap().contains("graphql-transport-ws"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_runs_so_many_operations_and_no_more() {
    let town = Town::on(server().await, 1).await;
    let mut socket = Socket::connect(town.server.address, &town.ours.admin.credentials).await;
    for number in 0..=100 {
        socket.subscribe(&number.to_string(), "subscription { alertEvents { cursor } }", json!({})).await;
    }
    let message = socket.hear().await.message();
    assert!(message["type"] == "error" && message["id"] == "100", "{message}");
    assert!(message["payload"][0]["message"].as_str().unwrap().contains("at most 100"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_pinged_and_the_silent_are_closed() {
    let server = Server::tuned(Backend::Sqlite, Default::default(), |app| {
        app.times.sockets.ping = Duration::from_millis(50);
        app.times.sockets.silence = Duration::from_millis(1_000);
    })
    .await;
    // Whoever reads answers pings, as every client's library does.
    let mut there = Socket::connect(server.address, &Credentials::default()).await;
    assert!(there.is_quiet(Duration::from_millis(2_500)).await);
    let mut away = Socket::connect(server.address, &Credentials::default()).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(matches!(away.hear().await, Heard::Closed(1001, _)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_so() {
    let town = super::world::town(Backend::Sqlite).await;
    let mut socket = super::world::following(&town, &town.ours.admin.credentials, None).await;
    socket.hear().await.message();
    town.server.app.closing.cancel();
    assert_eq!(socket.hear().await.code(), 1012);
}
