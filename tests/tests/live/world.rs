//! A town whose events are relayed, and what its people do about alerts.

use std::time::Duration;

use entities::StoreId;
use serde_json::{Value, json};
use tests::harness::socket::Socket;
use tests::harness::{Backend, Credentials, Server, Town};

/// What the tests' subscriptions show.
pub const EVENTS: &str = "subscription($after: String, $filter: AlertEventFilter) {
  alertEvents(after: $after, filter: $filter) { cursor kind count alertId alert { id type message count status store { id } } } }";

/// How long nothing is heard before a test believes that nothing comes.
pub const QUIET: Duration = Duration::from_millis(700);

/// A town whose relay works.
pub async fn town(backend: Backend) -> Town {
    Town::on(Server::working(backend).await, 1).await
}

/// Does something about alerts, and gives the alert's id.
pub async fn change(town: &Town, who: &Credentials, name: &str, input: Value) -> String {
    let kind = name.replacen("alert", "Alert", 1);
    let text = format!("mutation($input: {kind}Input!) {{ {name}(input: $input) {{ alert {{ id }} userErrors {{ code message }} }} }}");
    let answer = town.server.post(who, &text, json!({ "input": input })).await;
    answer.data()[name]["alert"]["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// Raises an alert of our tenant.
pub async fn raise(town: &Town, message: &str, store: Option<StoreId>) -> String {
    let store = store.map(|store| store.to_string());
    let input = json!({ "type": "Trial", "severity": "HIGH", "message": message, "fingerprint": message, "storeId": store });
    change(town, &town.ours.admin.credentials, "alertRaise", input).await
}

/// A socket that follows alerts, after a cursor if there is one. Whoever follows from now on has begun when this is done.
pub async fn following(town: &Town, who: &Credentials, after: Option<&str>) -> Socket {
    let mut socket = Socket::connect(town.server.address, who).await;
    socket.subscribe("alerts", EVENTS, json!({ "after": after })).await;
    settle(&mut socket).await;
    socket
}

/// Waits until what was begun on the socket before has begun: operations of a socket begin in their order, and a ping is no sign.
pub async fn settle(socket: &mut Socket) {
    tokio::time::sleep(Duration::from_millis(300)).await;
    socket.say(json!({ "type": "ping", "payload": { "settled": true } })).await;
}

/// The next event of a socket that follows alerts.
pub async fn event(socket: &mut Socket) -> Value {
    loop {
        let mut message = socket.hear().await.message();
        if message["type"] == "pong" {
            continue;
        }
        assert!(message["type"] == "next" && message["payload"].get("errors").is_none(), "{message}");
        return message["payload"]["data"]["alertEvents"].take();
    }
}

/// The messages of the next events.
pub async fn messages(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        found.push(event(socket).await["alert"]["message"].as_str().unwrap().to_owned());
    }
    found
}

/// Whether nothing comes.
pub async fn is_quiet(socket: &mut Socket) -> bool {
    let until = tokio::time::Instant::now() + QUIET;
    while let Ok(heard) = tokio::time::timeout_at(until, socket.hear_sometime()).await {
        if heard.clone().message()["type"] != "pong" {
            return false;
        }
    }
    true
}
