//! A shop asks to be forgotten: it is, when the app is out of it, and when it is this app that was told.

use chrono::TimeDelta;
use platform::Clock;
use platform::db::Access;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::Backend;
use tests::harness::shopify::{Delivery, Does, Kind, On, Sequence, order};

use crate::world::{OTHER, SHOP, World};

impl World {
    /// The shop's words to an app: what came of it.
    async fn asks_to_be_forgotten(&self, connection: &str) -> String {
        let uri = self.webhooks().replace(&self.connection, connection);
        let asked = json!({ "shop_id": 954_889, "shop_domain": SHOP });
        self.deliver(&self.shopify.of_the_app(SHOP, "shop/redact", &asked, &uri)).await;
        self.settles().await;
        let newest = self.ask("{ privacyRequests(first: 1) { nodes { outcome } } }").await;
        newest["privacyRequests"]["nodes"][0]["outcome"].as_str().unwrap_or_default().to_owned()
    }

    /// The app is in the shop, and there is an order.
    async fn sells(&self) {
        self.install().await;
        self.settles().await;
        let sold = self.server.clock.now();
        self.shop(|shop| shop.put(Kind::Order, &order(5_001, 1, 7_001, sold, sold)));
        self.told(Sequence::AsHappened).await;
        self.settles().await;
        assert_eq!(self.rows("orders").await, 1);
        self.pass(TimeDelta::minutes(5));
    }

    async fn removed(&self) {
        let removal = self.removes();
        self.deliver(&removal).await;
        self.settles().await;
        assert_eq!(self.status().await, "UNINSTALLED");
    }

    pub async fn rows(&self, of: &str) -> i64 {
        let db = self.server.db();
        let tx = db.read(Access::Platform).await.unwrap();
        tx.query_one_raw(db.statement(format!("select count(*) from {of}"), [])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_one_app_is_told_erases_nothing_of_anothers(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    world.sells().await;
    let second = world.connect(&world.admin).await;
    assert_eq!(world.asks_to_be_forgotten(&second).await, "OTHER_CONNECTION");
    assert_eq!((world.status().await.as_str(), world.rows("orders").await), ("ACTIVE", 1));
    // Nor while its data waits for the merchant to come back.
    world.removed().await;
    world.pass(TimeDelta::minutes(1));
    assert_eq!(world.asks_to_be_forgotten(&second).await, "OTHER_CONNECTION");
    assert_eq!(world.rows("orders").await, 1);
    world.pass(TimeDelta::hours(48));
    assert_eq!(world.asks_to_be_forgotten(&world.connection.clone()).await, "ERASED");
    assert_eq!(world.rows("orders").await, 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_who_was_gone_for_minutes_loses_nothing_two_days_later(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    world.sells().await;
    world.removed().await;
    world.pass(TimeDelta::minutes(3));
    world.install().await;
    world.settles().await;
    world.pass(TimeDelta::hours(48) + TimeDelta::minutes(7));
    assert_eq!(world.asks_to_be_forgotten(&world.connection.clone()).await, "INSTALLED_AGAIN");
    assert_eq!((world.status().await.as_str(), world.rows("orders").await), ("ACTIVE", 1));
    // Gone again, and nobody told: the shop was asked, and knows the app no more.
    world.pass(TimeDelta::days(20));
    world.removes();
    world.pass(TimeDelta::hours(48));
    assert_eq!(world.asks_to_be_forgotten(&world.connection.clone()).await, "ERASED");
    assert_eq!((world.status().await.as_str(), world.rows("orders").await), ("UNINSTALLED", 0));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_nobody_told_of_is_found_out_and_is_a_removal(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    world.sells().await;
    // The app is still in the shop: the request is of an earlier time.
    assert_eq!(world.asks_to_be_forgotten(&world.connection.clone()).await, "INSTALLED_AGAIN");
    world.pass(TimeDelta::minutes(1));
    // It says neither yes nor no: nothing is done before it does.
    world.shopify.then(On::Admin, [Does::Status(503, None); 4]);
    world.removes();
    assert_eq!(world.asks_to_be_forgotten(&world.connection.clone()).await, "");
    assert_eq!(world.rows("orders").await, 1);
    for _ in 0..6 {
        world.pass(TimeDelta::hours(1));
        world.settles().await;
    }
    let newest = world.ask("{ privacyRequests(first: 1) { nodes { outcome } } }").await;
    assert_eq!(newest["privacyRequests"]["nodes"][0]["outcome"], "ERASED");
    let store = world.store("status uninstalledAt dataDeletionCompletedAt health { status }").await;
    assert_eq!((&store["status"], &store["health"]), (&json!("UNINSTALLED"), &Value::Null), "{store}");
    assert!(!store["uninstalledAt"].is_null() && !store["dataDeletionCompletedAt"].is_null(), "{store}");
    assert_eq!(world.history().await.iter().filter(|action| *action == "UNINSTALLED").count(), 1);
    assert_eq!(world.events("store.uninstalled").await.len(), 1);
    let alerts = world.alerts("StoreAuthorizationLost").await;
    assert!(alerts.iter().all(|status| status == "RESOLVED"), "{alerts:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_switched_off_takes_what_is_owed(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    world.sells().await;
    world.done("connectionUpdate", &format!("id: \"{}\", status: DISABLED", world.connection), "connection { id }").await;
    let here = |mut delivery: Delivery| {
        delivery.uri = world.here(&delivery.uri);
        delivery
    };
    let of = |topic: &str, body: Value| here(world.shopify.of_the_app(SHOP, topic, &body, &world.webhooks()));
    let mut forged = of("shop/redact", json!({ "shop_id": 1, "shop_domain": SHOP }));
    forged.body.push(b' ');
    assert_eq!(forged.send(&world.http).await, 401);
    assert_eq!(of("orders/create", json!({ "id": 1 })).send(&world.http).await, 404);
    // The topic is in a header that nobody signed, the shop in the body too.
    assert_eq!(of("app/uninstalled", json!({ "id": 1, "myshopify_domain": OTHER })).send(&world.http).await, 200);
    world.settles().await;
    assert_eq!(world.status().await, "ACTIVE");
    assert_eq!(of("app/uninstalled", json!({ "id": 1, "myshopify_domain": SHOP })).send(&world.http).await, 200);
    world.settles().await;
    assert_eq!(world.status().await, "UNINSTALLED");
}
