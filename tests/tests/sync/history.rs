//! Webhooks come late, twice, out of order, before the sync has seen their objects, or never: the rows at the end are the shop's.

use chrono::TimeDelta;
use platform::db::Access;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use tests::harness::Backend;
use tests::harness::inbox::ShopifyDelivery;
use tests::harness::shopify::Kind;

use crate::story::Story;
use crate::world::World;

/// In any order, and some of them again: as the same delivery, or under an id of its own.
fn in_disorder(story: &mut Story, told: Vec<ShopifyDelivery>) -> Vec<ShopifyDelivery> {
    let mut sent = Vec::new();
    for delivery in told {
        if story.dice.chance(25) {
            sent.push(delivery.clone());
        }
        if story.dice.chance(25) {
            let mut other = delivery.clone();
            let id = other.headers.iter_mut().find(|(name, _)| name == "x-shopify-webhook-id").unwrap();
            id.1.push_str("-again");
            sent.push(other);
        }
        sent.push(delivery);
    }
    story.dice.shuffle(&mut sent);
    sent
}

/// Those that are told now, and those that are told later.
fn some(story: &mut Story, percent: u64, told: Vec<ShopifyDelivery>) -> (Vec<ShopifyDelivery>, Vec<ShopifyDelivery>) {
    told.into_iter().partition(|_| story.dice.chance(percent))
}

impl World {
    /// What was announced of things of the shop.
    async fn announced(&self) -> Vec<String> {
        let db = self.server.db();
        let tx = db.read(Access::Platform).await.unwrap();
        let sql = "select name || ' ' || subject from events where name like 'order.%' or name like 'customer.%' or name like 'product.%' order by 1";
        tx.query_all_raw(db.statement(sql, [])).await.unwrap().iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// Something of each kind is there, and something of each kind is gone: else little would be proved.
    fn is_eventful(&self) {
        for kind in [Kind::Customer, Kind::Product, Kind::Order] {
            assert!(self.shop(|shop| shop.count(kind)) >= 2, "{kind:?}");
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_told_in_any_order_ends_as_the_shop_is(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend, #[values(1, 2, 3)] seed: u64) {
    let world = World::trading(backend, 0).await;
    world.subscribe();
    let mut story = Story::beginning(seed, world.shopify.now() - TimeDelta::hours(1));
    world.shop(|shop| story.goes_on(shop, 90));
    world.is_eventful();
    let sent = in_disorder(&mut story, world.told());
    assert!(sent.iter().filter(|delivery| delivery.headers.iter().any(|(_, value)| value.ends_with("/delete"))).count() >= 5);
    world.take(&sent).await;
    world.assert_same().await;

    // All of it again, the last first: nothing is different, and nobody is told of anything.
    let announced = world.announced().await;
    let again: Vec<_> = sent.iter().rev().map(|delivery| world.copy(delivery)).collect();
    world.take(&again).await;
    world.assert_same().await;
    assert_eq!(world.announced().await, announced);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_late_twice_or_never_beside_syncs_ends_as_the_shop_is(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(11, 12)] seed: u64,
) {
    let world = World::trading(backend, 12).await;
    world.subscribe();
    let mut story = Story::beginning(seed, world.shopify.now() - TimeDelta::hours(1));
    let (early, _) = some(&mut story, 50, world.told());
    world.shop(|shop| story.goes_on(shop, 60));
    // Some come before the first sync, some while it is under way, some after it, and some never.
    let (told, late) = some(&mut story, 50, world.told());
    let (late, _) = some(&mut story, 70, late);
    let before: Vec<_> = early.into_iter().chain(told).collect();
    let before = in_disorder(&mut story, before);
    let (before, beside) = some(&mut story, 60, before);
    world.take(&before).await;
    world.shop(|shop| shop.bulk_patience = 2);
    let first = world.begin("kind: FULL").await;
    for delivery in &beside {
        assert_eq!(delivery.send(&world.server).await.0, 200);
    }
    assert_eq!(world.ended(&first).await["status"], "COMPLETED");
    world.settled().await;

    world.shop(|shop| story.goes_on(shop, 40));
    let (told, _) = some(&mut story, 70, world.told());
    let after = in_disorder(&mut story, late.into_iter().chain(told).collect());
    world.take(&after).await;
    world.complete("kind: FULL").await;
    world.complete("kind: INCREMENT").await;
    world.is_eventful();
    world.assert_same().await;

    let announced = world.announced().await;
    let again: Vec<_> = before.iter().chain(&beside).chain(&after).rev().map(|delivery| world.copy(delivery)).collect();
    world.take(&again).await;
    world.assert_same().await;
    assert_eq!(world.announced().await, announced, "what comes late or twice changes nothing");
}

impl World {
    /// The same under an id that no delivery had.
    fn copy(&self, delivery: &ShopifyDelivery) -> ShopifyDelivery {
        let mut copy = delivery.clone();
        let id = copy.headers.iter_mut().find(|(name, _)| name == "x-shopify-webhook-id").unwrap();
        id.1 = uuid::Uuid::from_u128(rand::random()).to_string();
        copy
    }
}
