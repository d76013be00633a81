//! Sockets take up places: nobody holds all of them, behind whatever proxy, and nobody sits on one without a word.

use std::time::Duration;

use api::http::{Places, TrustedProxies};
use serde_json::{Value, json};
use tests::harness::socket::{Heard, Socket};
use tests::harness::{Backend, Credentials, Server, Town};
use tokio_tungstenite::tungstenite::Error;

/// A server behind a proxy, with places for 40 sockets.
async fn server() -> Server {
    Server::tuned(Backend::Sqlite, Default::default(), |app| {
        app.proxies = TrustedProxies(vec!["127.0.0.0/8".parse().unwrap()]);
        app.places = Places::new(40);
    })
    .await
}

/// As many sockets as a client gets, and what it is told then.
async fn all(server: &Server, client: &str) -> (Vec<Socket>, u16, Value) {
    let mut sockets = Vec::new();
    loop {
        match Socket::passed_on(server.address, client).await {
            Ok(socket) => sockets.push(socket),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().map(|body| serde_json::from_slice(body).unwrap_or_default());
                return (sockets, response.status().as_u16(), body.unwrap_or_default());
            }
            Err(error) => panic!("{error}"),
        }
        assert!(sockets.len() < 100, "there is no end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_behind_a_proxy_holds_all_places() {
    let server = server().await;
    let (mut of_one, status, _) = all(&server, "2001:db8:1:2::1").await;
    assert_eq!((of_one.len(), status), (16, 503));
    assert!(Socket::passed_on(server.address, "2001:db8:1:2::9").await.is_err(), "the same client, at another of its addresses");
    let (of_another, status, _) = all(&server, "192.0.2.1").await;
    assert_eq!((of_another.len(), status), (16, 503));
    // Requests are answered all the same.
    server.ask(&Credentials::default(), "{ __typename }").await.data();

    // A place is free again when its socket has ended, however that was.
    drop(of_one.pop());
    let mut opened = Err(Error::ConnectionClosed);
    for _ in 0..200 {
        opened = Socket::passed_on(server.address, "2001:db8:1:2::1").await;
        if opened.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(opened.is_ok(), "the place of a socket that is gone is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_no_place_is_not_blamed_and_told_when_to_come_back() {
    let server = server().await;
    let (_sockets, _, _) = all(&server, "192.0.2.1").await;
    let request = reqwest::Client::builder().build().unwrap().get(server.url("/graphql")).header("x-forwarded-for", "192.0.2.1");
    let request = ["connection", "upgrade", "sec-websocket-version", "sec-websocket-key", "sec-websocket-protocol"]
        .into_iter()
        .zip(["upgrade", "websocket", "13", "dGhlIHNhbXBsZSBub25jZQ==", "graphql-transport-ws"])
        .fold(request, |request, (name, value)| request.header(name, value));
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "10"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"], json!({ "code": "THROTTLED", "retryAfterSeconds": 10 }), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_nobody_that_only_sits_there_is_closed() {
    let idle = Duration::from_millis(1_500);
    let town = Town::on(Server::tuned(Backend::Sqlite, Default::default(), |app| app.times.sockets.idle = idle).await, 1).await;
    let address = town.server.address;
    let mut known = Socket::connect(address, &town.ours.member.credentials).await;
    let mut asks = Socket::connect(address, &Credentials::default()).await;
    let mut sits = Socket::connect(address, &Credentials::default()).await;
    let since = tokio::time::Instant::now();
    for number in 0..6 {
        // Who asks for something now and then stays; a ping asks for nothing.
        asks.subscribe(&number.to_string(), "{ __typename }", json!({})).await;
        asks.next(&number.to_string()).await;
        asks.hear().await.message();
        sits.say(json!({ "type": "ping" })).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let (code, reason) = loop {
        match sits.hear().await {
            Heard::Message(message) => assert_eq!(message, json!({ "type": "pong" })),
            Heard::Closed(code, reason) => break (code, reason),
            Heard::Broken => panic!("it is closed by the protocol"),
        }
    };
    assert!(code == 1000 && reason.contains("connect again"), "{code} {reason}");
    assert!(since.elapsed() >= idle);
    assert_eq!(asks.hear().await.code(), 1000, "in the end it sat there too");
    assert!(known.is_quiet(Duration::from_millis(200)).await, "whoever is known may wait");
}
