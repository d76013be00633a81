//! What shops tell in part: the rest is asked for. And what they tell of exports wakes whoever waits.

use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;
use tests::harness::inbox::ShopifyDelivery;
use tests::harness::shopify::{Does, Kind, On, product};

use crate::world::World;

impl World {
    /// What was told of a topic.
    fn told_of(&self, topic: &str) -> Vec<ShopifyDelivery> {
        let of = |delivery: &ShopifyDelivery| delivery.headers.iter().any(|(name, value)| name == "x-shopify-topic" && value == topic);
        self.told().into_iter().filter(of).collect()
    }

    /// The last delivery of a topic, as the API shows it.
    async fn last(&self, topic: &str) -> Value {
        let query = format!(
            "{{ webhookEvents(first: 1, filter: {{ topics: [\"{topic}\"] }}, orderBy: {{ field: RECEIVED_AT, direction: DESC }}) {{ nodes {{ status errorMessage }} }} }}"
        );
        self.ask(&query).await["webhookEvents"]["nodes"][0].clone()
    }

    async fn has_status(&self, status: &str) {
        let db = self.server.db();
        let tx = db.write(platform::db::Access::Tenant(self.tenant)).await.unwrap();
        sea_orm::ConnectionTrait::execute_raw(&tx, db.statement("update stores set status = $1", [status.into()])).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_has_its_order_fetched_whether_it_is_known_or_not(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 6).await;
    world.complete("kind: FULL").await;
    world.subscribe();
    world.told();
    let now = world.shopify.now();
    world.shop(|shop| {
        shop.put(Kind::Order, &tests::harness::shopify::order(5_901, 3, 7_001, now, now));
        shop.refund(5_002, 990_001, 1_450, now);
        shop.refund(5_901, 990_011, 2_900, now);
    });
    let refunds = world.told_of("refunds/create");
    assert_eq!(refunds.len(), 2);
    // The shop has no time for it at first.
    world.shopify.then(On::Operation("Order"), [Does::Throttled, Does::Status(503, None)]);
    world.take(&refunds).await;
    world.assert_same().await;
    assert_eq!(world.last("refunds/create").await, json!({ "status": "PROCESSED", "errorMessage": null }));
    assert_eq!(world.number("select count(*) from events where name in ('order.created', 'order.updated')").await, 2);

    // Told again, the order is looked at again, and nothing is different.
    let (calls, order) = (world.shopify.times("Order"), world.rows().await);
    let again: Vec<_> = refunds.iter().map(|refund| world.delivery("refunds/create", std::str::from_utf8(&refund.body).unwrap())).collect();
    world.take(&again).await;
    assert!(world.shopify.times("Order") > calls);
    assert_eq!(world.rows().await, order);
    assert_eq!(world.number("select count(*) from events where name in ('order.created', 'order.updated')").await, 2);

    // A store that is paused, or whose app was removed, asks its shop for nothing.
    let calls = world.shopify.times("Order");
    for (status, why) in [("INACTIVE", "the store is paused"), ("UNINSTALLED", "the app was removed")] {
        world.has_status(status).await;
        world.pass(chrono::TimeDelta::milliseconds(1));
        world.take(&[world.delivery("refunds/create", std::str::from_utf8(&refunds[0].body).unwrap())]).await;
        let last = world.last("refunds/create").await;
        assert_eq!(last["status"], "IGNORED");
        assert!(last["errorMessage"].as_str().unwrap().starts_with(why), "{last}");
    }
    assert_eq!(world.shopify.times("Order"), calls);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_product_with_more_variants_than_are_written_out_is_fetched(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 0).await;
    world.complete("kind: FULL").await;
    world.subscribe();
    world.told();
    let now = world.shopify.now();
    world.shop(|shop| shop.put(Kind::Product, &product(91, 60, now, now)));
    let mut told = world.told();
    let mut payload: Value = serde_json::from_slice(&told[0].body).unwrap();
    payload["variants"].as_array_mut().unwrap().truncate(3);
    told[0].body = payload.to_string().into_bytes();
    world.take(&told).await;
    world.assert_same().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_export_wakes_the_sync_that_waits_for_it_and_no_other(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 6).await;
    world.shop(|shop| shop.bulk_patience = 3);
    let id = world.begin("kind: FULL").await;
    let polls = || world.shopify.times("BulkOperation");
    for _ in 0..300 {
        if polls() == 1 && world.at_work().await == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!((polls(), world.at_work().await), (1, 0), "it waits, and no time passes");
    let exports: Vec<String> = world.shop(|shop| shop.operations().iter().map(|operation| operation.id.clone()).collect());
    let finish =
        |id: &str| world.delivery("bulk_operations/finish", &json!({ "admin_graphql_api_id": id, "status": "completed", "type": "query" }).to_string());
    // What somebody else had exported wakes nobody. That it had ended is not believed, either: the shop is asked.
    world.take(&[finish("gid://shopify/BulkOperation/7")]).await;
    assert_eq!(world.last("bulk_operations/finish").await, json!({ "status": "IGNORED", "errorMessage": "no sync waits for this export" }));
    assert_eq!(polls(), 1);
    world.pass(chrono::TimeDelta::milliseconds(1));
    world.take(&[finish(&exports[0])]).await;
    assert_eq!(world.last("bulk_operations/finish").await, json!({ "status": "PROCESSED", "errorMessage": null }));
    assert_eq!((polls(), world.run(&id).await["status"].clone()), (2, json!("RUNNING")));
    assert_eq!(world.ended(&id).await["status"], "COMPLETED");
    world.assert_same().await;
}
