//! The sweep over subscriptions: who may follow what, and hears of whose.

use rstest::rstest;
use serde_json::json;
use tests::harness::socket::{Heard, Socket};
use tests::harness::{Backend, Credentials, Server, Town, machinery};

use crate::kinds::{self, CallerKind, Outcome};
use crate::table::{Needs, mutation};

/// What has to happen so that something is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happens {
    /// An alert is raised.
    Alert,
    /// A sync is begun.
    Sync,
}

/// Every root field of subscriptions, what it needs, how it is called, and what it tells of.
pub const SUBSCRIPTIONS: &[(&str, Needs, &str, Happens)] = &[
    ("Subscription.alertEvents", Needs::Right("ReadAlerts"), "subscription { alertEvents { alert { message store { id } } } }", Happens::Alert),
    ("Subscription.syncProgress", Needs::InTenant("ReadStores"), "subscription { syncProgress { storeId syncRun { store { id } } } }", Happens::Sync),
];

/// A subscription with an id in it.
type Follow = fn(&str) -> String;

/// Every place of a subscription where an id goes in, and a subscription with it.
pub const SUBSCRIPTION_IDS: &[(&str, Follow, Happens)] = &[
    (
        "Subscription.alertEvents(filter.storeIds)",
        |store| format!("subscription {{ alertEvents(filter: {{ storeIds: [\"{store}\"] }}) {{ alert {{ message }} }} }}"),
        Happens::Alert,
    ),
    ("Subscription.syncProgress(runId)", |run| format!("subscription {{ syncProgress(runId: \"{run}\") {{ syncRunId status }} }}"), Happens::Sync),
];

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_ids_are_followed_in_vain(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::on(Server::working(backend).await, 1).await;
    for (place, call, happens) in SUBSCRIPTION_IDS {
        let run = async |side: &tests::harness::Side| machinery::sync_run(&town.server, side.tenant, side.store(0), "QUEUED").await.to_string();
        let (of_theirs, of_ours) = match happens {
            Happens::Alert => (town.theirs.store(0).to_string(), town.ours.store(0).to_string()),
            Happens::Sync => (run(&town.theirs).await, run(&town.ours).await),
        };
        let mut ours = Socket::connect(town.server.address, &town.ours.admin.credentials).await;
        let mut theirs = Socket::connect(town.server.address, &town.theirs.admin.credentials).await;
        for socket in [&mut ours, &mut theirs] {
            socket.subscribe("1", &call(&of_theirs), json!({})).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        match happens {
            Happens::Alert => {
                raise(&town, &town.theirs.admin.credentials, "theirs", town.theirs.store(0)).await;
                raise(&town, &town.ours.admin.credentials, "ours", town.ours.store(0)).await;
                assert_eq!(theirs.next("1").await["data"]["alertEvents"]["alert"]["message"], "theirs");
            }
            Happens::Sync => {
                for (side, run) in [(&town.theirs, &of_theirs), (&town.ours, &of_ours)] {
                    let cancel = mutation("syncCancel", &format!("id: \"{run}\""), "syncRun { id }");
                    town.server.ask(&side.admin.credentials, &cancel).await.data();
                }
                assert_eq!(theirs.next("1").await["data"]["syncProgress"], json!({ "syncRunId": of_theirs, "status": "CANCELLED" }));
            }
        }
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
    for (field, needs, text, happens) in SUBSCRIPTIONS {
        let mut sockets = Vec::new();
        for kind in &kinds {
            let socket = begun(&town, kind, text).await;
            assert_eq!(socket.is_none(), kind.is_refused(), "{field} by {}", kind.name);
            sockets.extend(socket.map(|socket| (kind, socket)));
        }
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        let places = [(&town.theirs, 0, "theirs"), (&town.ours, 1, "next door"), (&town.ours, 0, "ours")];
        for (side, store, word) in places {
            let (who, store) = (&side.admin.credentials, side.store(store));
            match happens {
                Happens::Alert => raise(&town, who, word, store).await,
                Happens::Sync => drop(town.server.ask(who, &mutation("storeSync", &format!("storeId: \"{store}\""), "syncRun { id }")).await.data()),
            }
        }
        let told_in = |message: &serde_json::Value| {
            let data = &message["payload"]["data"];
            let word = match happens {
                Happens::Alert => data["alertEvents"]["alert"]["message"].as_str(),
                Happens::Sync => places.iter().find(|(side, store, _)| data["syncProgress"]["storeId"] == side.store(*store).to_string()).map(|place| place.2),
            };
            word.map(str::to_owned)
        };
        for (kind, mut socket) in sockets {
            let mut message = socket.hear().await.message();
            let code = message["payload"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned();
            match kind.outcome(*needs) {
                Outcome::Unauthenticated => assert_eq!(code, "UNAUTHENTICATED", "{field} by {}: {message}", kind.name),
                Outcome::Forbidden => assert_eq!(code, "FORBIDDEN", "{field} by {}: {message}", kind.name),
                Outcome::Done => {
                    let mut heard = Vec::new();
                    loop {
                        let told = told_in(&message).unwrap_or_else(|| panic!("{}: {message}", kind.name));
                        let is_last = told == "ours";
                        // Of a sync much is told.
                        if heard.last() != Some(&told) {
                            heard.push(told);
                        }
                        if is_last {
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
