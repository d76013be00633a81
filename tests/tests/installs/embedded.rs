//! An app that is open inside of a shop shows the token that it has from there.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::world::{OTHER, SCOPES, SHOP, World};

impl World {
    async fn shows(&self, token: &str) -> (u16, Value) {
        let response = self.http.post(self.here(&self.door("/session"))).bearer_auth(token).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_token_installs_once_and_changes_nothing_after(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let token = world.shopify.opens_app(SHOP, 42, &SCOPES);
    let (status, answer) = world.shows(&token).await;
    assert_eq!((status, &answer["installed"], &answer["shop"]), (200, &json!(true), &json!(SHOP)), "{answer}");
    let store = world.store_id().await;
    assert_eq!(answer["storeId"], store.to_string());
    world.settles().await;
    assert!(world.lets_in(&world.replica().await.open(store).await.unwrap()).await);
    let pairs = world.shop(|shop| shop.pairs());
    assert_eq!(world.shows(&world.shopify.opens_app(SHOP, 42, &SCOPES)).await, (200, json!({ "storeId": store, "shop": SHOP, "installed": false })));
    assert_eq!(world.shop(|shop| shop.pairs()), pairs);

    // The app was removed, and is opened again.
    let removal = world.removes();
    world.deliver(&removal).await;
    world.settles().await;
    assert_eq!(world.status().await, "UNINSTALLED");
    world.pass(TimeDelta::minutes(1));
    let (status, answer) = world.shows(&world.shopify.opens_app(SHOP, 42, &SCOPES)).await;
    assert_eq!((status, &answer["installed"]), (200, &json!(true)));
    assert_eq!(world.history().await, ["INSTALLED", "UNINSTALLED", "REINSTALLED"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_made_up_or_over_installs_nothing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let token = world.shopify.opens_app(SHOP, 42, &SCOPES);
    let other = world.shopify.opens_app(OTHER, 42, &SCOPES);
    let mixed = format!("{}.{}", other.rsplit_once('.').unwrap().0, token.rsplit_once('.').unwrap().1);
    for (bad, code) in [(mixed.as_str(), "BAD_SIGNATURE"), ("", "MALFORMED"), ("a.b.c", "MALFORMED")] {
        let (status, answer) = world.shows(bad).await;
        assert_eq!((status, &answer["error"]["code"]), (401, &json!(code)), "{bad}");
    }
    world.pass(TimeDelta::minutes(2));
    let (status, answer) = world.shows(&token).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &json!("STALE")));
    assert_eq!(world.ask("{ stores { totalCount } }").await["stores"]["totalCount"], 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_opened_again_begins_nothing_anew(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    // One of the scopes is not granted, today or tomorrow.
    let opens = || world.shopify.opens_app(SHOP, 42, &SCOPES[..3]);
    assert_eq!(world.shows(&opens()).await.1["installed"], true);
    assert_eq!(world.shows(&opens()).await.1["installed"], false, "it is not set up yet, and known");
    world.settles().await;
    world.pass(TimeDelta::hours(1));
    let pairs = world.shop(|shop| shop.pairs());
    for _ in 0..3 {
        assert_eq!(world.shows(&opens()).await.1["installed"], false);
    }
    world.settles().await;
    assert_eq!((world.shop(|shop| shop.pairs()), world.history().await), (pairs, vec!["INSTALLED".to_owned()]));
    // The app asks for something else: the next opening may bring it.
    world.pass(TimeDelta::minutes(1));
    world.done("connectionUpdate", &format!("id: \"{}\", name: \"tea\"", world.connection), "connection { id }").await;
    assert_eq!(world.shows(&opens()).await.1["installed"], true);
    assert_eq!(world.shows(&opens()).await.1["installed"], false);
    world.settles().await;
    // Merchants who come by the app's address let it in each time.
    let before = world.store("installedAt").await;
    world.pass(TimeDelta::hours(1));
    world.install().await;
    world.settles().await;
    assert_eq!(world.history().await, ["INSTALLED", "REAUTHORIZED", "REAUTHORIZED"]);
    assert_eq!(world.store("installedAt").await, before);
    assert_eq!(world.rows("sync_runs where kind = 'FULL'").await, 1, "what is there is not fetched again");
}
