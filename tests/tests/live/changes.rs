//! What is told, and to whom.

use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;
use tests::harness::socket::Socket;

use super::world::{EVENTS, change, event, following, is_quiet, messages, raise, settle, town};

fn told(event: &Value) -> (&str, i64, &str) {
    (event["kind"].as_str().unwrap(), event["count"].as_i64().unwrap(), event["alertId"].as_str().unwrap())
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_in_order(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let admin = &town.ours.admin.credentials;
    let mut member = following(&town, &town.ours.member.credentials, None).await;
    let mut platform = following(&town, &town.platform, None).await;
    let mut visiting = following(&town, &town.platform.choosing(town.ours.tenant), None).await;
    let mut stranger = following(&town, &town.theirs.admin.credentials, None).await;

    let id = raise(&town, "a leak", None).await;
    assert_eq!(raise(&town, "a leak", None).await, id);
    change(&town, admin, "alertAcknowledge", json!({ "id": id, "note": "on it" })).await;
    change(&town, admin, "alertResolve", json!({ "id": id, "notes": "mended" })).await;
    let again = raise(&town, "a leak", None).await;
    assert_ne!(again, id);

    let expected = [("RAISED", 1, &id), ("UPDATED", 2, &id), ("ACKNOWLEDGED", 2, &id), ("RESOLVED", 2, &id), ("RAISED", 1, &again)];
    for socket in [&mut member, &mut platform, &mut visiting] {
        let mut cursors = Vec::new();
        for (kind, count, id) in expected {
            let event = event(socket).await;
            assert_eq!(told(&event), (kind, count, id.as_str()));
            assert_eq!(event["alert"]["message"], "a leak");
            cursors.push(event["cursor"].as_str().unwrap().to_owned());
        }
        cursors.dedup();
        assert_eq!(cursors.len(), expected.len(), "each has a cursor of its own");
    }
    assert!(is_quiet(&mut stranger).await, "another tenant's alerts are nobody's business");
    assert!(is_quiet(&mut member).await, "nothing is told twice");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_store_hear_of_it_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let mut clerk = following(&town, &town.ours.clerk.credentials, None).await;
    raise(&town, "in the other store", Some(town.ours.store(1))).await;
    raise(&town, "in no store", None).await;
    raise(&town, "in their store", Some(town.ours.store(0))).await;
    let event = event(&mut clerk).await;
    assert_eq!((&event["alert"]["message"], &event["alert"]["store"]["id"]), (&json!("in their store"), &json!(town.ours.store(0).to_string())));
    assert!(is_quiet(&mut clerk).await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_leaves_out_what_nobody_asked_for(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let admin = &town.ours.admin.credentials;
    let mut sockets = Vec::new();
    for filter in [
        json!({ "severities": ["CRITICAL"] }),
        json!({ "types": ["Flood"], "kinds": ["RAISED"] }),
        json!({ "storeIds": [town.ours.store(0).to_string()] }),
        json!({ "sources": ["cellar"], "severities": ["LOW", "CRITICAL"] }),
        json!({ "severities": [] }),
    ] {
        let mut socket = Socket::connect(town.server.address, admin).await;
        socket.subscribe("alerts", EVENTS, json!({ "filter": filter })).await;
        settle(&mut socket).await;
        sockets.push(socket);
    }
    let raise = async |kind: &str, severity: &str, source: &str, store: Option<String>| {
        let message = format!("{kind} {severity} {source}");
        let input = json!({ "type": kind, "severity": severity, "source": source, "message": message, "fingerprint": message, "storeId": store });
        change(&town, admin, "alertRaise", input).await
    };
    let flood = raise("Flood", "LOW", "cellar", None).await;
    raise("Fire", "CRITICAL", "attic", Some(town.ours.store(0).to_string())).await;
    raise("Flood", "CRITICAL", "attic", Some(town.ours.store(1).to_string())).await;
    change(&town, admin, "alertAcknowledge", json!({ "id": flood })).await;

    let expected: [&[&str]; 5] = [
        &["Fire CRITICAL attic", "Flood CRITICAL attic"],
        &["Flood LOW cellar", "Flood CRITICAL attic"],
        &["Fire CRITICAL attic"],
        &["Flood LOW cellar", "Flood LOW cellar"],
        &[],
    ];
    for (socket, expected) in sockets.iter_mut().zip(expected) {
        assert_eq!(messages(socket, expected.len()).await, expected);
        assert!(is_quiet(socket).await);
    }
}
