//! The whole way of a merchant, and that it shows no secret.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use platform::Clock;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;

use crate::world::{Browser, SCOPES, SHOP, World};

/// What the program logs, in all tests of this binary.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

static LOGGED: LazyLock<Logged> = LazyLock::new(|| {
    let logged = Logged::default();
    let writer = logged.clone();
    tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false).with_writer(move || writer.clone()).init();
    logged
});

fn at(value: &serde_json::Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_agrees_and_the_shop_is_a_store(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    LazyLock::force(&LOGGED);
    let world = World::working(backend).await;
    let mut browser = Browser::default();
    let invitation = world.invited().await;
    let sent = world.opens(&mut browser, &invitation).await;
    let cookie = sent.set_cookie.clone().unwrap();
    for part in ["__Host-noren-install=", "; Path=/;", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=3600"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let shop = sent.location.unwrap();
    let asked: std::collections::HashMap<_, _> = shop.query_pairs().into_owned().collect();
    assert_eq!(asked["redirect_uri"], format!("https://noren.example/install/shopify/{}/callback", world.connection));
    assert_eq!(asked["scope"], SCOPES.join(","));
    let back = world.door(&format!("/callback?{}", world.shopify.agrees(&shop)));
    let arrived = world.opens(&mut browser, &back).await;
    assert!(arrived.status == 200 && arrived.body.contains(SHOP), "{arrived:?}");

    world.until("the store is set up", || async { !world.store("installation { setUpAt }").await["installation"]["setUpAt"].is_null() }).await;
    let fields = "name domain status currencyCode timeZone scopes initialSetupCompleted installedAt uninstalledAt dataDeletionScheduledAt health { status }
        installation { connection { id scopes apiVersion installUrl } missingScopes refusedTopics setUpError accessExpiresAt refreshExpiresAt authorizationLostAt
          history(first: 5) { totalCount nodes { action scopes message occurredAt } } }";
    let store = world.store(fields).await;
    assert_eq!((&store["name"], &store["currencyCode"], &store["status"]), (&json!("noren-tea"), &json!("USD"), &json!("ACTIVE")), "{store}");
    assert_eq!(store["scopes"], json!(SCOPES));
    let installation = &store["installation"];
    assert_eq!((&installation["missingScopes"], &installation["refusedTopics"], &installation["setUpError"]), (&json!([]), &json!([]), &json!(null)));
    assert_eq!(installation["connection"]["id"], world.connection);
    let now = world.server.clock.now();
    assert_eq!(at(&installation["accessExpiresAt"]) - now, TimeDelta::hours(1));
    assert_eq!(at(&installation["refreshExpiresAt"]) - now, TimeDelta::days(90));
    assert_eq!(installation["history"]["totalCount"], 1);
    assert_eq!(installation["history"]["nodes"][0]["action"], "INSTALLED");
    assert_eq!(installation["history"]["nodes"][0]["scopes"], json!(SCOPES));
    let subscribed = world.shop(|shop| shop.subscribed());
    assert!(subscribed.len() >= 17 && subscribed.iter().all(|(_, uri)| *uri == world.webhooks()), "{subscribed:?}");
    assert_eq!(world.events("store.installed").await.len(), 1);

    // The set-up state is readable and writable.
    let id = world.store_id().await;
    let written = world
        .done(
            "storeSetupUpdate",
            &format!("id: \"{id}\", initialSetupCompleted: true, embeddedSettings: {{ theme: \"dark\" }}"),
            "store { initialSetupCompleted embeddedSettings }",
        )
        .await;
    assert_eq!(written["store"], json!({ "initialSetupCompleted": true, "embeddedSettings": { "theme": "dark" } }));

    // What opens the shop is in no answer, no record, no log, and not in the clear in the database.
    world.settles().await;
    let shown = world
        .ask("{ auditEvents { nodes { action before after } } jobs { nodes { kind payload lastError } } connections { nodes { account } } stores { nodes { settings } } }")
        .await
        .to_string();
    let mut secrets = world.shop(|shop| shop.secrets());
    secrets.push(world.shopify.app().secret.clone());
    secrets.push(back.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned());
    let logged = String::from_utf8_lossy(&LOGGED.0.lock().unwrap()).into_owned();
    assert!(logged.contains("/callback"), "the log tells of the request");
    let kept = if backend == Backend::Sqlite {
        let files = ["noren.db", "noren.db-wal"].map(|name| std::fs::read(world.server.database.folder().join(name)).unwrap_or_default());
        files.concat()
    } else {
        Vec::new()
    };
    assert!(secrets.len() >= 4 && kept.is_empty() == (backend == Backend::Postgres));
    for secret in secrets {
        assert!(!shown.contains(&secret) && !arrived.body.contains(&secret) && !logged.contains(&secret), "{secret}");
        assert!(!kept.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} lies in the clear");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn merchants_come_from_the_app_store_too_and_to_a_program_on_this_machine(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::with(backend, [("public_url", "http://127.0.0.1:8000".to_owned())].into()).await;
    let mut browser = Browser::default();
    let sent = world.opens(&mut browser, &world.door(&format!("?{}", world.shopify.launches(SHOP)))).await;
    let cookie = sent.set_cookie.unwrap();
    assert!(cookie.starts_with("noren-install=") && !cookie.contains("Secure"), "{cookie}");
    // A second window of the same browser does not end what the first one has begun.
    let first = sent.location.unwrap();
    let second = world.opens(&mut browser, &world.door(&format!("?{}", world.shopify.launches(SHOP)))).await.location.unwrap();
    for shop in [first, second] {
        let seen = world.opens(&mut browser, &world.door(&format!("/callback?{}", world.shopify.agrees(&shop)))).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        world.pass(TimeDelta::seconds(1));
    }
    assert_eq!(world.history().await, ["INSTALLED", "REAUTHORIZED"]);
}
