//! Retries are safe: under one idempotency key a thing is done once, by whoever asked for it, however often and at the same time.

use std::collections::BTreeSet;

use futures::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Answer, Backend, Credentials, Town};

fn tenant(name: &str, key: &str) -> String {
    format!(
        "mutation {{ tenantCreate(idempotencyKey: \"{key}\", input: {{ companyName: \"{name}\", contactEmail: \"new@example.jp\" }}) {{ tenant {{ id companyName }} userErrors {{ code }} }} }}"
    )
}

fn store(domain: &str, key: &str, token: &str) -> String {
    format!(
        "mutation {{ storeConnect(idempotencyKey: \"{key}\", input: {{ domain: \"{domain}\", accessToken: \"{token}\" }}) {{ store {{ id domain }} userErrors {{ code }} }} }}"
    )
}

/// The id of what a mutation made.
fn made(answer: &Answer) -> String {
    let payload = answer.data().as_object().unwrap().values().next().unwrap();
    let subject = payload.as_object().unwrap().values().find_map(|subject| subject.get("id")?.as_str());
    subject.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

async fn stores(town: &Town, who: &Credentials, domain: &str) -> Value {
    town.server.ask(who, &format!("{{ stores(filter: {{ domain: \"{domain}\" }}) {{ totalCount }} }}")).await.data()["stores"]["totalCount"].clone()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_answers_with_the_same_thing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let admin = &town.ours.admin.credentials;
    for (who, first, other) in
        [(&town.platform, tenant("New", "k"), tenant("Other", "k")), (admin, store("new.myshopify.com", "k", "a"), store("other.myshopify.com", "k", "a"))]
    {
        let answer = town.server.ask(who, &first).await;
        assert_eq!(town.server.ask(who, &first).await, answer);
        let conflict = town.server.ask(who, &other).await;
        assert_eq!(conflict.code(), Some("CONFLICT"), "{conflict:?}");
        // What became of it since is what a repeat shows.
        assert_eq!(made(&town.server.ask(who, &first).await), made(&answer));
    }
    let again = town.server.ask(admin, &store("new.myshopify.com", "k", "another token")).await;
    assert_eq!(again.code(), Some("CONFLICT"), "a secret is a part of the input: {again:?}");
    assert_eq!(stores(&town, admin, "new.myshopify.com").await, 1);
    assert_eq!(stores(&town, admin, "other.myshopify.com").await, 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn repeats_at_the_same_moment_make_one_thing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    for (who, mutation) in [(&town.platform, tenant("At once", "k")), (&town.ours.admin.credentials, store("atonce.myshopify.com", "k", "a"))] {
        let answers = join_all((0..8).map(|_| town.server.ask(who, &mutation))).await;
        assert_eq!(answers.iter().map(made).collect::<BTreeSet<_>>().len(), 1, "{answers:?}");
    }
    let tenants = town.server.ask(&town.platform, "{ tenants(filter: { text: \"at once\" }) { totalCount } }").await;
    assert_eq!(tenants.data()["tenants"]["totalCount"], 1);
    assert_eq!(stores(&town, &town.ours.admin.credentials, "atonce.myshopify.com").await, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_not_remembered(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let admin = &town.ours.admin.credentials;
    let taken = store("oursmark1.myshopify.com", "k", "a");
    for _ in 0..2 {
        let refused = town.server.ask(admin, &taken).await;
        assert_eq!(refused.data()["storeConnect"], json!({ "store": null, "userErrors": [{ "code": "ALREADY_CONNECTED" }] }));
    }
    // The key is free for what works.
    made(&town.server.ask(admin, &store("works.myshopify.com", "k", "a")).await);
    let blank = town.server.ask(&town.platform, &tenant(" ", "k")).await;
    assert_eq!(blank.data()["tenantCreate"]["userErrors"][0]["code"], "BLANK");
    made(&town.server.ask(&town.platform, &tenant("Named", "k")).await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_its_callers_own(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let (_, token) = town.people.token(entities::TokenRole::TenantAdmin, Some(town.ours.tenant), &[]).await;
    let (_, other_platform) = town.people.token(entities::TokenRole::PlatformAdmin, None, &[]).await;
    let connect = |domain: &str| store(domain, "k", "a");
    let ids = [
        made(&town.server.ask(&town.ours.admin.credentials, &connect("one.myshopify.com")).await),
        made(&town.server.ask(&token, &connect("two.myshopify.com")).await),
        made(&town.server.ask(&town.theirs.admin.credentials, &connect("one.myshopify.com")).await),
        made(&town.server.ask(&town.platform.choosing(town.ours.tenant), &connect("three.myshopify.com")).await),
        // One caller in another tenant is asked for something else.
        made(&town.server.ask(&town.platform.choosing(town.theirs.tenant), &connect("three.myshopify.com")).await),
        made(&town.server.ask(&town.platform, &tenant("Mine", "k")).await),
        made(&town.server.ask(&other_platform, &tenant("Mine", "k")).await),
    ];
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    let long = town.server.ask(&town.platform, &tenant("Long", &"k".repeat(256))).await;
    assert_eq!(long.code(), Some("BAD_USER_INPUT"));
}
