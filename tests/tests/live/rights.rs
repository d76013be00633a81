//! Whoever may not listen any more hears nothing more.

use chrono::TimeDelta;
use entities::{ApiScope, TokenRole};
use rstest::rstest;
use serde_json::json;
use tests::harness::socket::{Heard, Socket};
use tests::harness::{Backend, Credentials, Town};

use super::world::{EVENTS, change, event, following, raise, town};

/// The next thing that is heard and is no pong.
async fn heard(socket: &mut Socket) -> Heard {
    loop {
        match socket.hear().await {
            Heard::Message(message) if message["type"] == "pong" => {}
            heard => return heard,
        }
    }
}

async fn gql(town: &Town, who: &Credentials, text: &str) {
    let answer = town.server.ask(who, text).await;
    let (_, payload) = answer.data().as_object().unwrap().iter().next().unwrap();
    assert_eq!(payload["userErrors"], json!([]), "{answer:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn those_who_lose_their_rights_lose_their_streams(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let (tenant, admin) = (town.ours.tenant, &town.ours.admin.credentials);
    let (token, bearer) = town.people.token(TokenRole::Integration, Some(tenant), &[ApiScope::AlertsRead]).await;
    let (signed_out, _) = town.people.session(&town.ours.member.email).await;
    let stays = &mut following(&town, admin, None).await;
    let mut revoked = following(&town, &bearer, None).await;
    let mut left = following(&town, &signed_out, None).await;
    let mut shut_out = following(&town, &town.ours.spare.credentials, None).await;
    let mut moved = following(&town, &town.ours.clerk.credentials, None).await;

    town.people.revoke(token).await;
    gql(&town, &signed_out, "mutation { signOut { userErrors { code } } }").await;
    gql(&town, admin, &format!("mutation {{ userDisable(input: {{ userId: \"{}\" }}) {{ userErrors {{ code }} }} }}", town.ours.spare.id)).await;
    let stores = town.ours.store(1);
    let clerk = town.ours.clerk.id;
    let role =
        format!("mutation {{ userRoleChange(input: {{ userId: \"{clerk}\", role: TENANT_MEMBER, storeIds: [\"{stores}\"] }}) {{ userErrors {{ code }} }} }}");
    gql(&town, admin, &role).await;

    // Without anything that happens; and what happens afterwards is not theirs any more.
    raise(&town, "afterwards", Some(town.ours.store(0))).await;
    for (socket, says) in [(&mut revoked, "revoked"), (&mut left, "session"), (&mut shut_out, "session"), (&mut moved, "changed")] {
        let Heard::Closed(4403, reason) = heard(socket).await else { panic!("{says}: they still listen") };
        assert!(reason.contains(says), "{reason}");
    }
    assert_eq!(event(stays).await["alert"]["message"], "afterwards");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_ends_its_stream(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let mut socket = following(&town, &town.ours.member.credentials, None).await;
    let mut stays = following(&town, &town.platform, None).await;
    town.server.clock.advance(TimeDelta::minutes(16));
    let Heard::Closed(4403, reason) = heard(&mut socket).await else { panic!("it still listens") };
    assert!(reason.contains("expired"), "{reason}");
    let later = json!({ "type": "Trial", "severity": "LOW", "message": "later" });
    change(&town, &town.platform.choosing(town.ours.tenant), "alertRaise", later).await;
    assert_eq!(event(&mut stays).await["alert"]["message"], "later");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_raised_after_a_token_was_revoked_never_reaches_it(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    for round in 0..8 {
        let (token, bearer) = town.people.token(TokenRole::TenantMember, Some(town.ours.tenant), &[]).await;
        let mut socket = following(&town, &bearer, None).await;
        town.people.revoke(token).await;
        raise(&town, &format!("round {round}"), None).await;
        // What was raised before may still be told first.
        loop {
            match heard(&mut socket).await {
                Heard::Closed(4403, _) => break,
                Heard::Message(message) => assert_ne!(message["payload"]["data"]["alertEvents"]["alert"]["message"], format!("round {round}")),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_read_alerts_follows_them(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let (_, without) = town.people.token(TokenRole::Integration, Some(town.ours.tenant), &[ApiScope::OrdersRead]).await;
    let mut socket = Socket::connect(town.server.address, &without).await;
    socket.subscribe("1", EVENTS, json!({})).await;
    let message = socket.hear().await.message();
    assert!(message["type"] == "error" && message["payload"][0]["extensions"]["code"] == "FORBIDDEN", "{message}");
    assert!(message["payload"][0]["message"].as_str().unwrap().contains("alerts:read"), "{message}");

    let mut elsewhere = Socket::open(town.server.address).await;
    elsewhere.init(&town.ours.admin.credentials.choosing(town.theirs.tenant)).await;
    assert_eq!(elsewhere.hear().await.code(), 4403, "another tenant cannot be chosen");

    let mut undecided = Socket::connect(town.server.address, &town.both.credentials).await;
    undecided.subscribe("1", EVENTS, json!({})).await;
    assert_eq!(undecided.hear().await.message()["payload"][0]["extensions"]["code"], "FORBIDDEN");
    let mut decided = following(&town, &town.both.credentials.choosing(town.ours.tenant), None).await;
    raise(&town, "for both", None).await;
    assert_eq!(event(&mut decided).await["alert"]["message"], "for both");
}
