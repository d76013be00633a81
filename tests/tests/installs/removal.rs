//! `storeUninstall`: the shop removes the app, or its token is void anyway.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;
use tests::harness::shopify::{Does, On, Sequence};

use crate::world::{SCOPES, SHOP, World};

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

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_was_asked_for_is_not_done_to_the_next_installation(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let store = world.install().await;
    world.settles().await;
    world.pass(TimeDelta::minutes(1));
    world.shopify.then(On::Operation("Uninstall"), [Does::Status(503, None)]);
    world.done("storeUninstall", &format!("id: \"{store}\""), "store { status }").await;
    world.settles().await;
    // The merchant is quicker, and thinks better of it.
    let removal = world.removes();
    world.deliver(&removal).await;
    world.settles().await;
    world.install().await;
    world.settles().await;
    world.pass(TimeDelta::minutes(1));
    world.settles().await;
    assert_eq!(world.status().await, "ACTIVE");
    assert_eq!(world.history().await.iter().filter(|action| *action == "UNINSTALLED").count(), 1);
    assert_eq!(world.shopify.times("Uninstall"), 1);
    // Asked again, it is the new one that is meant.
    world.done("storeUninstall", &format!("id: \"{store}\""), "store { status }").await;
    world.until("the removal", || async { world.status().await == "UNINSTALLED" }).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_a_token_of_its_own_goes_when_the_shop_says_so_and_comes_back_by_another(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let token = world.shopify.installed(SHOP, &SCOPES);
    world.done("storeConnect", &format!("domain: \"{SHOP}\", accessToken: \"{token}\""), "store { id }").await;
    let store = world.store_id().await;
    world.pass(TimeDelta::minutes(1));
    // Some app of the tenant was removed: it need not be the one whose token this is.
    let told = || world.shopify.of_the_app(SHOP, "app/uninstalled", &json!({ "id": 1, "myshopify_domain": SHOP }), &world.webhooks());
    world.deliver(&told()).await;
    world.settles().await;
    assert_eq!(world.status().await, "ACTIVE");
    world.shop(|shop| shop.uninstall());
    world.deliver(&told()).await;
    world.settles().await;
    assert_eq!(world.status().await, "UNINSTALLED");

    world.pass(TimeDelta::minutes(1));
    let token = world.shopify.installed(SHOP, &SCOPES);
    let again = format!("domain: \"{SHOP}\", accessToken: \"{token}\"");
    assert_eq!(world.refused("storeConnect", &again).await, "ALREADY_CONNECTED");
    let back = world.done("storeUpdate", &format!("id: \"{store}\", accessToken: \"{token}\""), "store { status uninstalledAt dataDeletionScheduledAt }").await;
    assert_eq!(back["store"], json!({ "status": "ACTIVE", "uninstalledAt": null, "dataDeletionScheduledAt": null }));
    assert!(world.lets_in(&world.replica().await.open(store).await.unwrap()).await);
    world.settles().await;
    assert_eq!((world.history().await.len(), world.history().await.pop().unwrap().as_str()), (3, "REINSTALLED"));
    assert_eq!(world.alerts("StoreAuthorizationLost").await, ["RESOLVED"]);
}
