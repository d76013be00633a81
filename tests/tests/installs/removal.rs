//! `storeUninstall`: the shop removes the app, or its token is void anyway.

use chrono::TimeDelta;
use rstest::rstest;
use tests::harness::Backend;
use tests::harness::shopify::{Does, On, Sequence};

use crate::world::World;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_shop_is_asked_to_remove_the_app_until_it_has(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let store = world.install().await;
    world.settles().await;
    world.pass(TimeDelta::minutes(1));
    world.shopify.then(On::Operation("Uninstall"), [Does::Status(503, None)]);
    let input = format!("id: \"{store}\"");
    world.done("storeUninstall", &input, "store { status }").await;
    world.settles().await;
    assert_eq!(world.status().await, "ACTIVE", "the shop has not done it yet");
    world.pass(TimeDelta::minutes(1));
    world.until("the removal", || async { world.status().await == "UNINSTALLED" }).await;
    assert!(world.shop(|shop| shop.granted.is_empty()), "the app is out of the shop");

    // The shop tells of it as well.
    world.told(Sequence::Twice).await;
    world.settles().await;
    assert_eq!(world.history().await, ["INSTALLED", "UNINSTALL_REQUESTED", "UNINSTALLED"]);
    assert_eq!(world.events("store.uninstalled").await.len(), 1);
    assert_eq!(world.refused("storeUninstall", &input).await, "STORE_UNINSTALLED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_token_is_void_is_removed_here(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let store = world.install().await;
    world.settles().await;
    world.pass(TimeDelta::minutes(1));
    world.shop(|shop| shop.uninstall());
    world.done("storeUninstall", &format!("id: \"{store}\""), "store { status }").await;
    world.until("the removal", || async { world.status().await == "UNINSTALLED" }).await;
    world.settles().await;
    let alerts = world.alerts("StoreAuthorizationLost").await;
    assert!(alerts.iter().all(|status| status == "RESOLVED"), "{alerts:?}");
}
