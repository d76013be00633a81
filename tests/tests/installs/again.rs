//! The app goes, and comes again: a store's data waits for it, and what is told late changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use platform::Clock;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;
use tests::harness::shopify::{Delivery, Kind, Sequence, order};

use crate::world::{Browser, SCOPES, SHOP, World};

impl World {
    /// The merchant removes the app: what the shop tells of it.
    pub fn removes(&self) -> Delivery {
        self.shop(|shop| shop.uninstall());
        let told = self.shopify.deliveries(SHOP, Sequence::AsHappened);
        told.into_iter().find(|delivery| delivery.topic == "app/uninstalled").expect("the app has subscribed to it")
    }

    /// How the deliveries of a topic were settled.
    async fn settled(&self, topic: &str) -> Vec<(String, String)> {
        let query = format!(
            "{{ webhookEvents(filter: {{ topics: [\"{topic}\"] }}, orderBy: {{ field: RECEIVED_AT, direction: ASC }}) {{ nodes {{ status errorMessage }} }} }}"
        );
        let found = self.ask(&query).await["webhookEvents"]["nodes"].as_array().unwrap().clone();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        found.iter().map(|event| (text(&event["status"]), text(&event["errorMessage"]))).collect()
    }
}

/// The same delivery under another id, of another time.
fn again(delivery: &Delivery, id: &str, at: DateTime<Utc>) -> Delivery {
    let mut other = delivery.clone();
    for (name, value) in &mut other.headers {
        match name.as_str() {
            "x-shopify-webhook-id" => *value = id.to_owned(),
            "x-shopify-triggered-at" => *value = at.to_rfc3339(),
            _ => {}
        }
    }
    other
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_who_comes_back_finds_everything(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let (before, store) = (world.server.clock.now(), world.install().await);
    world.settles().await;
    let sold = world.server.clock.now();
    world.shop(|shop| shop.put(Kind::Order, &order(5_001, 1, 7_001, sold, sold)));
    world.told(Sequence::AsHappened).await;
    world.settles().await;
    let bought = world.ask("{ orders { nodes { id } } }").await["orders"]["nodes"].clone();
    assert_eq!(bought.as_array().unwrap().len(), 1);
    world.pass(TimeDelta::minutes(5));

    let removal = world.removes();
    world.deliver(&again(&removal, "late", before - TimeDelta::minutes(1))).await;
    world.settles().await;
    assert_eq!(world.status().await, "ACTIVE", "that was about an installation before this one");

    for _ in 0..2 {
        world.deliver(&removal).await;
    }
    world.deliver(&again(&removal, "twice", world.server.clock.now())).await;
    world.settles().await;
    let store_fields = "id status uninstalledAt dataDeletionScheduledAt health { status } installation { accessExpiresAt refreshExpiresAt setUpAt }";
    let gone = world.store(store_fields).await;
    assert_eq!(gone["status"], "UNINSTALLED");
    let scheduled: DateTime<Utc> = gone["dataDeletionScheduledAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(scheduled - world.server.clock.now(), TimeDelta::days(30));
    assert_eq!((&gone["installation"], &gone["health"]), (&json!({ "accessExpiresAt": null, "refreshExpiresAt": null, "setUpAt": null }), &json!(null)));
    let open = world.replica().await.open(store).await;
    assert!(matches!(open, Err(commerce::installs::ShopError::Uninstalled)));
    let outcomes = world.settled("app/uninstalled").await;
    assert_eq!(outcomes.iter().filter(|(status, _)| status == "PROCESSED").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.len(), 3, "one of them came twice: {outcomes:?}");
    assert_eq!(world.events("store.uninstalled").await.len(), 1);

    world.pass(TimeDelta::days(20));
    assert_eq!(world.install().await, store);
    world.settles().await;
    let back = world.store(store_fields).await;
    assert_eq!((&back["status"], &back["dataDeletionScheduledAt"], &back["uninstalledAt"]), (&json!("ACTIVE"), &json!(null), &json!(null)));
    assert!(!back["installation"]["setUpAt"].is_null());
    assert_eq!(world.ask("{ orders { nodes { id } } }").await["orders"]["nodes"], bought);
    assert!(world.lets_in(&world.replica().await.open(store).await.unwrap()).await);

    // What was told of the removal before comes once more, weeks late.
    world.deliver(&again(&removal, "weeks-late", world.server.clock.now() - TimeDelta::days(20))).await;
    world.settles().await;
    assert_eq!(world.status().await, "ACTIVE");
    assert_eq!(world.history().await, ["INSTALLED", "UNINSTALLED", "REINSTALLED"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_shop_is_installed_by_one_app_of_a_tenant(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let store = world.install().await;
    world.settles().await;
    let second = world.connect(&world.admin).await;
    let comes_by = async |connection: &str| {
        let mut browser = Browser::default();
        let door = format!("/install/shopify/{connection}");
        let shop = world.opens(&mut browser, &format!("{door}?{}", world.shopify.launches(SHOP))).await.location.unwrap();
        world.opens(&mut browser, &format!("{door}/callback?{}", world.shopify.agrees(&shop))).await.status
    };
    let pairs = world.shop(|shop| shop.pairs());
    assert_eq!(comes_by(&second).await, 409);
    assert_eq!(world.shop(|shop| shop.pairs()), pairs, "a code is not spent on what is refused");
    let open = world.replica().await.open(store).await.unwrap();
    assert!(world.lets_in(&open).await);

    // What the other app's webhooks tell of the shop is not about this installation.
    let mut removal = world.removes();
    removal.uri = removal.uri.replace(&world.connection, &second);
    world.deliver(&removal).await;
    world.settles().await;
    assert_eq!(world.status().await, "ACTIVE");
    removal.uri = removal.uri.replace(&second, &world.connection);
    world.deliver(&removal).await;
    world.settles().await;
    assert_eq!(world.status().await, "UNINSTALLED");
    world.pass(TimeDelta::minutes(1));
    assert_eq!(comes_by(&second).await, 200);
    let connected = world.store("id status installation { connection { id } }").await;
    assert_eq!(connected, json!({ "id": store, "status": "ACTIVE", "installation": { "connection": { "id": second } } }));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_app_comes_into_a_store_that_was_connected_with_a_token(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let token = world.shopify.installed(SHOP, &SCOPES);
    world.done("storeConnect", &format!("domain: \"{SHOP}\", accessToken: \"{token}\", name: \"Tea\""), "store { id }").await;
    let store = world.store_id().await;
    assert_eq!(world.store("installation { setUpAt }").await["installation"], json!(null));
    assert_eq!(world.install().await, store);
    world.settles().await;
    let adopted = world.store("name currencyCode installation { connection { id } }").await;
    assert_eq!(adopted, json!({ "name": "Tea", "currencyCode": "USD", "installation": { "connection": { "id": world.connection } } }));
    assert_eq!(world.history().await, ["INSTALLED"]);
}
