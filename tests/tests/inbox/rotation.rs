//! Connections: registered once, changed, and given new secrets without a delivery being refused.

use chrono::TimeDelta;
use platform::config::Flags;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, Server};

use crate::shop::{Shop, order};

async fn update(shop: &Shop, input: &str) -> Value {
    let fields = "connection { status previousSecretUntil } userErrors { code field }";
    shop.ask(&format!("mutation {{ connectionUpdate(input: {{ id: \"{}\", {input} }}) {{ {fields} }} }}", shop.connection)).await["connectionUpdate"].clone()
}

/// Whether deliveries that are signed with each of these secrets are taken.
async fn taken<const N: usize>(shop: &Shop, secrets: [&str; N]) -> [bool; N] {
    let mut found = [false; N];
    for (found, secret) in found.iter_mut().zip(secrets) {
        *found = shop.delivery("orders/create", &order()).signed_with(secret).send(&shop.server).await.0 == 200;
    }
    found
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_secret_before_a_new_one_stays_good_for_as_long_as_was_said(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::idle(backend).await;
    let old = tests::harness::inbox::SECRET;
    assert_eq!(taken(&shop, [old, "new", "newer"]).await, [true, false, false]);
    let rotated = update(&shop, "webhookSecret: \" new\\n\"").await;
    assert_eq!(rotated["connection"]["previousSecretUntil"], "2026-11-22T09:00:00+00:00");
    assert_eq!(taken(&shop, [old, "new", "newer"]).await, [true, true, false]);
    shop.server.clock.advance(TimeDelta::hours(24));
    assert_eq!(taken(&shop, [old, "new", "newer"]).await, [false, true, false]);

    update(&shop, "webhookSecret: \"newer\", previousSecretHours: 720").await;
    shop.server.clock.advance(TimeDelta::days(29));
    assert_eq!(taken(&shop, [old, "new", "newer"]).await, [false, true, true]);
    let ended = update(&shop, "previousSecretHours: 0").await;
    assert_eq!(ended["connection"]["previousSecretUntil"], Value::Null);
    assert_eq!(taken(&shop, [old, "new", "newer"]).await, [false, false, true]);
    update(&shop, "webhookSecret: \"newest\", previousSecretHours: 0").await;
    assert_eq!(taken(&shop, ["new", "newer", "newest"]).await, [false, false, true]);

    for (input, code, field) in [
        ("previousSecretHours: 24", "NOT_ALLOWED", "previousSecretHours"),
        ("webhookSecret: \"x\", previousSecretHours: 721", "UNKNOWN_VALUE", "previousSecretHours"),
        ("webhookSecret: \"x\", previousSecretHours: -1", "UNKNOWN_VALUE", "previousSecretHours"),
        ("webhookSecret: \" \"", "BLANK", "webhookSecret"),
        ("name: \"\"", "BLANK", "name"),
    ] {
        assert_eq!(update(&shop, input).await["userErrors"], json!([{ "code": code, "field": ["input", field] }]), "{input}");
    }
    assert_eq!(taken(&shop, ["newer", "newest"]).await, [false, true]);

    // The log says that there were new secrets, and none of them.
    let log = shop.ask("{ auditEvents { nodes { action before after } } }").await.to_string();
    assert!(log.contains("connectionUpdate") && log.contains("replaced"), "{log}");
    for secret in [old, "newer", "newest"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    assert_eq!(shop.announced("connection.updated").await, 4);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_registered_once_under_a_key(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::idle(backend).await;
    let create = |name: &str, secret: &str, provider: &str| {
        let input = format!("provider: \"{provider}\", name: \"{name}\", webhookSecret: \"{secret}\"");
        format!(
            "mutation {{ connectionCreate(input: {{ {input} }}, idempotencyKey: \"k\") {{ connection {{ id name tenant {{ id }} }} userErrors {{ code field message }} }} }}"
        )
    };
    let first = shop.ask(&create("one", "s1", "shopify")).await["connectionCreate"].clone();
    assert_eq!((&first["userErrors"], &first["connection"]["tenant"]["id"]), (&json!([]), &json!(shop.tenant.to_string())));
    assert_eq!(shop.ask(&create("one", "s1", "shopify")).await["connectionCreate"], first);
    for other in [create("two", "s1", "shopify"), create("one", "s2", "shopify")] {
        assert_eq!(shop.server.ask(&shop.admin, &other).await.code(), Some("CONFLICT"));
    }
    let unknown = shop.ask(&create("one", "s1", "paypay")).await["connectionCreate"]["userErrors"].clone();
    assert_eq!(unknown, json!([{ "code": "UNKNOWN_VALUE", "field": ["input", "provider"], "message": "provider: must be one of shopify" }]));
    assert_eq!(shop.announced("connection.created").await, 2);
    assert_eq!(shop.ask("{ connections(filter: { statuses: [ACTIVE], providers: [\"shopify\"] }) { totalCount } }").await["connections"]["totalCount"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_connection_begins_with_the_public_url() {
    let server = Server::with(Backend::Sqlite, Flags::from([("public_url", "https://api.example.com/noren/".to_owned())])).await;
    let people = tests::harness::People::of(&server);
    let tenant = people.tenant("Noren Tea").await;
    let connection = tests::harness::inbox::connection(&server, tenant, "tea").await;
    let (_, admin) = people.token(entities::TokenRole::TenantAdmin, Some(tenant), &[]).await;
    let answer = server.ask(&admin, "{ connections { nodes { webhookUrl } } }").await;
    assert_eq!(answer.data()["connections"]["nodes"][0]["webhookUrl"], format!("https://api.example.com/noren/webhooks/shopify/{connection}"));
}
