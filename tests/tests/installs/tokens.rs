//! What opens a shop is kept, whoever asks for it at once and whatever gets lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use commerce::installs::ShopError;
use platform::Clock;
use platform::db::Access;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use secrecy::ExposeSecret;
use tests::harness::Backend;
use tests::harness::shopify::{Does, On};

use crate::world::{SCOPES, SHOP, World};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_all_replicas_renews_a_token(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let store = world.install().await;
    let replicas = [Arc::new(world.replica().await), Arc::new(world.replica().await)];
    let first = replicas[0].open(store).await.unwrap();
    assert_eq!((first.access.shop.as_str(), first.scopes.len()), (SHOP, SCOPES.len()));
    assert!(Arc::ptr_eq(&first.access.pace, &replicas[0].open(store).await.unwrap().access.pace), "one budget for all of a process");
    assert_eq!(world.shop(|shop| shop.pairs()), 1);

    // Before it ends, and after: whoever comes is let in, and the shop is asked once.
    for (pass, pairs) in [(TimeDelta::minutes(56), 2), (TimeDelta::minutes(70), 3)] {
        world.pass(pass);
        let crowds = futures::future::join_all(replicas.iter().map(|replica| replica.clone().crowd(store, 4))).await;
        assert_eq!(world.shop(|shop| shop.pairs()), pairs);
        let tokens: HashSet<String> = crowds.iter().flatten().map(|open| open.access.token.expose_secret().to_owned()).collect();
        let newest = replicas[1].open(store).await.unwrap();
        assert!(tokens.contains(newest.access.token.expose_secret()) && world.lets_in(&newest).await);
        assert!(pairs == 2 || tokens.len() == 1, "an old one that has ended is handed to nobody");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_loses_nothing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let store = world.install().await;
    let replica = world.replica().await;
    world.pass(TimeDelta::minutes(61));
    world.shopify.then(On::Token, [Does::Cut(20)]);
    let open = replica.open(store).await.unwrap();
    assert!(world.lets_in(&open).await, "it was asked for again");

    // Lost again and again, in one process; another one comes by later.
    world.pass(TimeDelta::minutes(61));
    world.shopify.then(On::Token, [Does::Cut(20), Does::Babbles]);
    let lost = replica.open(store).await.err().unwrap();
    assert!(matches!(lost, ShopError::Later { after: Some(_), .. }), "{lost}");
    world.pass(TimeDelta::days(3));
    let open = world.replica().await.open(store).await.unwrap();
    assert!(world.lets_in(&open).await);

    // While a token is good, trouble with the next one keeps nobody out.
    world.pass(TimeDelta::minutes(57));
    world.shopify.then(On::Token, [Does::Status(503, Some(9)), Does::Status(429, Some(7))]);
    let open = replica.open(store).await.unwrap();
    assert!(world.lets_in(&open).await);
    world.pass(TimeDelta::minutes(10));
    match replica.open(store).await.err().unwrap() {
        ShopError::Later { after, .. } => assert_eq!(after, Some(Duration::from_secs(7))),
        other => panic!("{other}"),
    }
    assert!(world.lets_in(&replica.open(store).await.unwrap()).await);
    assert_eq!(world.history().await, ["INSTALLED"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_while_renewing_is_taken_over_from(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let store = world.install().await;
    world.pass(TimeDelta::minutes(61));
    let db = world.server.db();
    let tx = db.write(Access::Tenant(world.tenant)).await.unwrap();
    let until: DateTime<Utc> = world.server.clock.now() + TimeDelta::seconds(90);
    let sql = "update installations set refresh_lease = $1, refresh_lease_until = $2";
    tx.execute_raw(db.statement(sql, [uuid::Uuid::from_u128(7).into(), until.into()])).await.unwrap();
    tx.commit().await.unwrap();
    let replica = world.replica().await;
    let opening = tokio::spawn({
        let replica = replica.clone();
        async move { replica.open(store).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!opening.is_finished() && world.shop(|shop| shop.pairs()) == 1, "somebody else may be at it");
    world.pass(TimeDelta::seconds(91));
    let open = opening.await.unwrap().unwrap();
    assert!(world.lets_in(&open).await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_void_token_is_replaced_or_the_loss_is_told(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let store = world.install().await;
    world.settles().await;
    let replica = world.replica().await;
    let open = replica.open(store).await.unwrap();
    world.shop(|shop| shop.void_access());
    assert!(!world.lets_in(&open).await);
    let (newer, same) = tokio::join!(replica.reopen(&open), replica.reopen(&open));
    let (newer, same) = (newer.unwrap(), same.unwrap());
    assert!(world.lets_in(&newer).await);
    assert_eq!(newer.access.token.expose_secret(), same.access.token.expose_secret(), "one has got it for both");

    world.pass(TimeDelta::minutes(1));
    // Removed at the shop, and the shop has not told: there is nothing to renew with either.
    world.shop(|shop| shop.uninstall());
    assert!(!world.lets_in(&newer).await);
    for _ in 0..2 {
        let lost = replica.reopen(&newer).await.err().unwrap();
        assert!(matches!(lost, ShopError::NoAccess(_)), "{lost}");
    }
    assert!(matches!(replica.open(store).await.err().unwrap(), ShopError::NoAccess(_)));
    world.settles().await;
    assert_eq!(world.alerts("StoreAuthorizationLost").await, ["OPEN"]);
    assert!(!world.store("installation { authorizationLostAt }").await["installation"]["authorizationLostAt"].is_null());
    assert_eq!(world.events("store.authorization_lost").await.len(), 1);

    // The merchant lets the app in again.
    world.pass(TimeDelta::minutes(1));
    assert_eq!(world.install().await, store);
    world.settles().await;
    assert!(world.lets_in(&replica.open(store).await.unwrap()).await);
    assert_eq!(world.alerts("StoreAuthorizationLost").await, ["RESOLVED"]);
    assert_eq!(world.history().await, ["INSTALLED", "AUTHORIZATION_LOST", "REAUTHORIZED"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_connected_with_a_token_opens_as_long_as_that_is_good(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let token = world.shopify.installed(SHOP, &SCOPES);
    world.done("storeConnect", &format!("domain: \"{SHOP}\", accessToken: \"{token}\""), "store { id }").await;
    let (store, replica) = (world.store_id().await, world.replica().await);
    world.pass(TimeDelta::days(100));
    let open = replica.open(store).await.unwrap();
    assert!(world.lets_in(&open).await);
    world.shop(|shop| shop.void_access());
    assert!(matches!(replica.reopen(&open).await.err().unwrap(), ShopError::NoAccess(_)));
    world.settles().await;
    assert_eq!(world.alerts("StoreAuthorizationLost").await, ["OPEN"]);
    let token = world.shopify.installed(SHOP, &SCOPES);
    world.done("storeUpdate", &format!("id: \"{store}\", accessToken: \"{token}\""), "store { id }").await;
    world.settles().await;
    assert!(world.lets_in(&replica.open(store).await.unwrap()).await);
    assert_eq!(world.alerts("StoreAuthorizationLost").await, ["RESOLVED"]);
    let stranger = world.people.tenant("Other Tea").await;
    let foreign = world.replica().await.shops.open(world.server.db(), stranger, store).await.err().unwrap();
    assert!(matches!(foreign, ShopError::NotFound), "{foreign}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_nobody_touches_is_kept(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let store = world.install().await;
    world.settles().await;
    world.done("storePause", &format!("id: \"{store}\""), "store { status }").await;
    let scheduled = async || {
        let db = world.server.db();
        let tx = db.read(Access::Worker).await.unwrap();
        tx.query_one_raw(db.statement("select 1 from job_schedules where name = 'stores.renewal'", [])).await.unwrap().is_some()
    };
    world.until("the schedule", scheduled).await;
    for pass in 1..=3 {
        world.pass(TimeDelta::days(46));
        world.until("the tokens are renewed", || async { world.shop(|shop| shop.pairs()) == 1 + pass }).await;
        world.settles().await;
    }
    world.done("storeResume", &format!("id: \"{store}\""), "store { status }").await;
    assert!(world.lets_in(&world.replica().await.open(store).await.unwrap()).await, "after 138 days");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_odd_answer_is_not_for_ever(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let store = world.install().await;
    world.pass(TimeDelta::minutes(61));
    // A proxy's words, which say nothing of the refresh token.
    for status in [400, 401] {
        world.shopify.then(On::Token, [Does::Status(status, None)]);
        let odd = world.replica().await.open(store).await.err().unwrap();
        assert!(matches!(odd, ShopError::Later { .. }), "{odd}");
    }
    assert!(world.lets_in(&world.replica().await.open(store).await.unwrap()).await);
    assert_eq!(world.history().await, ["INSTALLED"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_thought_void_is_tried_and_found_good(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let token = world.shopify.installed(SHOP, &SCOPES);
    world.done("storeConnect", &format!("domain: \"{SHOP}\", accessToken: \"{token}\""), "store { id }").await;
    let (store, replica) = (world.store_id().await, world.replica().await);
    world.next_turn(store).await;
    let open = replica.open(store).await.unwrap();
    world.shopify.then(On::Admin, [Does::Status(401, None)]);
    assert!(!world.lets_in(&open).await);
    assert!(matches!(replica.reopen(&open).await.err().unwrap(), ShopError::NoAccess(_)));
    world.settles().await;
    assert_eq!(world.alerts("StoreAuthorizationLost").await, ["OPEN"]);
    world.next_turn(store).await;
    assert!(world.lets_in(&replica.open(store).await.unwrap()).await);
    assert_eq!(world.alerts("StoreAuthorizationLost").await, ["RESOLVED"]);
    assert_eq!(world.history().await, ["AUTHORIZATION_LOST", "AUTHORIZATION_RESTORED"]);
}
