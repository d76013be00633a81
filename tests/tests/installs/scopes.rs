//! What the merchant grants is compared with what the app asks for, now and when either changes.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use platform::Clock;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;
use tests::harness::shopify::{Does, Kind, On, Sequence, order};

use crate::world::{SCOPES, SHOP, World};

impl World {
    /// The merchant grants these from now on, and the shop tells of it as of an instant.
    async fn grants(&self, scopes: &[&str], at: DateTime<Utc>) {
        self.shop(|shop| shop.granted = scopes.iter().map(|scope| (*scope).to_owned()).collect());
        let mut delivery = self.shopify.of_the_app(SHOP, "app/scopes_update", &json!({ "id": 1, "previous": [], "current": scopes }), &self.webhooks());
        for (name, value) in &mut delivery.headers {
            if name == "x-shopify-triggered-at" {
                *value = at.to_rfc3339();
            }
        }
        self.deliver(&delivery).await;
        self.settles().await;
    }

    async fn missing(&self) -> Value {
        self.store("installation { missingScopes }").await["installation"]["missingScopes"].clone()
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_shown_and_told_until_it_is_granted(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    world.install_granting(&SCOPES[..1]).await;
    world.settles().await;
    let store = world.store("scopes installation { missingScopes setUpAt }").await;
    assert_eq!((&store["scopes"], &store["installation"]["missingScopes"]), (&json!(SCOPES[..1]), &json!(SCOPES[1..])));
    assert_eq!(world.alerts("StoreScopesMissing").await, ["OPEN"]);

    world.pass(TimeDelta::minutes(1));
    world.grants(&SCOPES, world.server.clock.now()).await;
    assert_eq!(world.missing().await, json!([]));
    assert_eq!(world.alerts("StoreScopesMissing").await, ["RESOLVED"]);

    // Some are taken back; what is told of earlier comes after it, and changes nothing.
    world.pass(TimeDelta::minutes(1));
    world.grants(&SCOPES[..3], world.server.clock.now()).await;
    assert_eq!(world.missing().await, json!(SCOPES[3..]));
    assert_eq!(world.alerts("StoreScopesMissing").await, ["RESOLVED", "OPEN"]);
    let history = world.history().await;
    let late = world.shopify.of_the_app(SHOP, "app/scopes_update", &json!({ "id": 1, "current": SCOPES }), &world.webhooks());
    let mut late = late;
    late.headers.iter_mut().filter(|(name, _)| name == "x-shopify-triggered-at").for_each(|(_, at)| {
        *at = (world.server.clock.now() - TimeDelta::seconds(30)).to_rfc3339();
    });
    world.deliver(&late).await;
    world.settles().await;
    assert_eq!((world.missing().await, world.history().await), (json!(SCOPES[3..]), history.clone()));
    assert_eq!(history, ["INSTALLED", "SCOPES_CHANGED", "SCOPES_CHANGED"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn stores_are_compared_again_when_the_app_asks_for_more(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    world.install().await;
    world.settles().await;
    world.pass(TimeDelta::minutes(1));
    let more: Vec<&str> = SCOPES.into_iter().chain(["read_inventory", "write_orders"]).collect();
    world.done("connectionUpdate", &format!("id: \"{}\", scopes: {}", world.connection, json!(more)), "connection { scopes }").await;
    world.pass(TimeDelta::hours(1));
    world.until("the comparison", || async { world.missing().await == json!(["read_inventory", "write_orders"]) }).await;
    world.settles().await;
    assert_eq!(world.alerts("StoreScopesMissing").await, ["OPEN"]);
    // The merchant agrees to the rest; who may write may read.
    world.grants(&["write_orders", "read_all_orders", "read_products", "read_customers", "read_inventory"], world.server.clock.now()).await;
    assert_eq!(world.missing().await, json!([]));
    assert_eq!(world.alerts("StoreScopesMissing").await, ["RESOLVED"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_the_shop_took_away_are_registered_again_within_a_day(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let store = world.install().await;
    world.settles().await;
    world.scheduled("stores.renewal").await;
    let subscribed = world.shop(|shop| shop.subscribed().len());
    world.shop(|shop| shop.unsubscribe());
    // To half an hour into its own hour of the day after.
    let now = world.server.clock.now();
    let hour = (store.uuid().as_u128() % 24) as i64;
    let midnight = now - TimeDelta::seconds(i64::from(now.num_seconds_from_midnight())) + TimeDelta::days(1);
    let its_hour = midnight + TimeDelta::hours(hour) + TimeDelta::minutes(30);
    let its_hour = if its_hour - now < TimeDelta::hours(13) { its_hour + TimeDelta::days(1) } else { its_hour };
    world.pass(its_hour - now);
    world.until("the registration", || async { world.shop(|shop| shop.subscribed().len()) == subscribed }).await;
    world.settles().await;
    assert_eq!(world.history().await, ["INSTALLED"], "nothing has happened");
    assert_eq!(world.rows("sync_runs where kind = 'FULL'").await, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_until_it_is_known_what_the_shop_sells_in(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    world.shopify.then(On::Admin, [Does::Status(503, None)]);
    world.install().await;
    world.settles().await;
    assert_eq!(world.store("installation { setUpAt }").await["installation"]["setUpAt"], json!(null));
    let sold = world.server.clock.now();
    world.shop(|shop| {
        shop.subscribe("ORDERS_CREATE", &world.webhooks());
        shop.put(Kind::Order, &order(5_001, 1, 7_001, sold, sold));
    });
    world.told(Sequence::AsHappened).await;
    world.settles().await;
    let told = async || world.ask("{ webhookEvents { nodes { status } } }").await["webhookEvents"]["nodes"].clone();
    assert_eq!(told().await, json!([{ "status": "PENDING" }]));
    for _ in 0..4 {
        world.pass(TimeDelta::minutes(1));
        world.settles().await;
    }
    assert_eq!(told().await, json!([{ "status": "PROCESSED" }]));
    assert_eq!(
        world.ask("{ orders { nodes { totalPrice { currencyCode } } } }").await["orders"]["nodes"],
        json!([{ "totalPrice": { "currencyCode": "USD" } }])
    );
}
