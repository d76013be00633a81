//! The sweep over subscriptions: who may follow what, and hears of whose.

use rstest::rstest;
use serde_json::json;
use tests::harness::socket::{Heard, Socket};
use tests::harness::{Backend, Credentials, Server, Town};

use crate::kinds::{self, CallerKind, Outcome};
use crate::table::{Needs, mutation};

/// Every root field of subscriptions, what it needs, and how it is called.
pub const SUBSCRIPTIONS: &[(&str, Needs, &str)] =
    &[("Subscription.alertEvents", Needs::Right("ReadAlerts"), "subscription { alertEvents { alert { message store { id } } } }")];

/// A subscription with an id in it.
type Follow = fn(&str) -> String;

/// Every place of a subscription where an id goes in, and a subscription with it.
pub const SUBSCRIPTION_IDS: &[(&str, Follow)] = &[("Subscription.alertEvents(filter.storeIds)", |store| {
    format!("subscription {{ alertEvents(filter: {{ storeIds: [\"{store}\"] }}) {{ alert {{ message }} }} }}")
})];

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_ids_are_followed_in_vain(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::on(Server::working(backend).await, 1).await;
    for (place, call) in SUBSCRIPTION_IDS {
        let mut ours = Socket::connect(town.server.address, &town.ours.admin.credentials).await;
        let mut theirs = Socket::connect(town.server.address, &town.theirs.admin.credentials).await;
        for socket in [&mut ours, &mut theirs] {
            socket.subscribe("1", &call(&town.theirs.store(0).to_string()), json!({})).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        raise(&town, &town.theirs.admin.credentials, "theirs", town.theirs.store(0)).await;
        raise(&town, &town.ours.admin.credentials, "ours", town.ours.store(0)).await;
        assert_eq!(theirs.next("1").await["data"]["alertEvents"]["alert"]["message"], "theirs");
        assert!(ours.is_quiet(std::time::Duration::from_millis(700)).await, "{place}");
    }
}

/// Begins a subscription as a caller of a kind; none when they are not let in.
async fn begun(town: &Town, kind: &CallerKind, text: &str) -> Option<Socket> {
    let mut socket = Socket::open(town.server.address).await;
    socket.init(&kind.credentials).await;
    match socket.hear().await {
        Heard::Closed(4403, _) => return None,
        heard => assert_eq!(heard.message()["type"], "connection_ack", "{}", kind.name),
    }
    socket.subscribe("1", text, json!({})).await;
    Some(socket)
}

async fn raise(town: &Town, who: &Credentials, message: &str, store: entities::StoreId) {
    let input = format!("type: \"Swept\", severity: HIGH, message: \"{message}\", storeId: \"{store}\"");
    town.server.ask(who, &mutation("alertRaise", &input, "alert { id }")).await.data();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn callers_follow_what_the_table_says_and_nothing_else(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::on(Server::working(backend).await, 1).await;
    let kinds = kinds::all(&town).await;
    for (field, needs, text) in SUBSCRIPTIONS {
        let mut sockets = Vec::new();
        for kind in &kinds {
            let socket = begun(&town, kind, text).await;
            assert_eq!(socket.is_none(), kind.is_refused(), "{field} by {}", kind.name);
            sockets.extend(socket.map(|socket| (kind, socket)));
        }
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        raise(&town, &town.theirs.admin.credentials, "theirs", town.theirs.store(0)).await;
        raise(&town, &town.ours.admin.credentials, "next door", town.ours.store(1)).await;
        raise(&town, &town.ours.admin.credentials, "ours", town.ours.store(0)).await;
        for (kind, mut socket) in sockets {
            let mut message = socket.hear().await.message();
            let code = message["payload"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned();
            match kind.outcome(*needs) {
                Outcome::Unauthenticated => assert_eq!(code, "UNAUTHENTICATED", "{field} by {}: {message}", kind.name),
                Outcome::Forbidden => assert_eq!(code, "FORBIDDEN", "{field} by {}: {message}", kind.name),
                Outcome::Done => {
                    let mut heard = Vec::new();
                    loop {
                        let told = message["payload"]["data"]["alertEvents"]["alert"]["message"].as_str().unwrap_or_else(|| panic!("{}: {message}", kind.name));
                        heard.push(told.to_owned());
                        if told == "ours" {
                            break;
                        }
                        message = socket.hear().await.message();
                    }
                    let expected: &[&str] = match (kind.in_tenant, kind.is_clerk()) {
                        (true, true) => &["ours"],
                        (true, false) => &["next door", "ours"],
                        (false, _) => &["theirs", "next door", "ours"],
                    };
                    assert_eq!(heard, expected, "{field} by {}", kind.name);
                }
            }
        }
    }
}
