//! The work: an order appears, and whatever comes twice or late changes nothing.

use std::time::Duration;

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;

use crate::shop::{DOMAIN, Shop, order, order_with};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_order_appears_is_changed_and_does_not_go_back(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.deliver("orders/create", &order()).await;
    let event = shop.settled().await.pop().unwrap();
    assert_eq!((&event["status"], &event["errorMessage"], &event["processedAt"]), (&json!("PROCESSED"), &json!(null), &json!("2026-11-21T09:00:00+00:00")));
    let created = shop.orders().await;
    assert_eq!(created.as_array().unwrap().len(), 1);
    assert_eq!((&created[0]["externalId"], &created[0]["number"]), (&json!("6105550012345"), &json!("#1042")));
    assert_eq!((&created[0]["totalPrice"], &created[0]["store"]), (&json!({ "amount": "84.15", "currencyCode": "USD" }), &json!({ "domain": DOMAIN })));
    assert_eq!(created[0]["customer"]["externalId"], "7712345009876");
    assert!(!created[0]["items"]["nodes"].as_array().unwrap().is_empty());

    let newer = order_with(json!({ "name": "#1042-B", "updated_at": "2026-11-02T10:00:00+09:00" }));
    shop.deliver("orders/updated", &newer).await;
    shop.settled().await;
    let updated = shop.orders().await;
    assert_eq!((&updated[0]["number"], &updated[0]["id"]), (&json!("#1042-B"), &created[0]["id"]));
    assert_eq!((shop.announced("order.created").await, shop.announced("order.updated").await), (1, 1));

    // What happened before comes late, and again.
    for late in [order(), order_with(json!({ "name": "#old", "updated_at": "2026-11-02T09:59:59+09:00" })), newer] {
        shop.deliver("orders/updated", &late).await;
    }
    assert!(shop.settled().await.iter().all(|event| event["status"] == "PROCESSED"));
    assert_eq!(shop.orders().await, updated);
    assert_eq!((shop.announced("order.created").await, shop.announced("order.updated").await), (1, 1));
    assert_eq!(shop.number("select count(*) from jobs where status <> 'DONE' and kind = 'webhook_event.process'", []).await, 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn many_deliveries_of_one_order_at_once_end_with_the_latest(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    let told: Vec<_> = (0..12).map(|n| order_with(json!({ "name": format!("#{n}"), "updated_at": format!("2026-11-02T10:00:{n:02}+09:00") }))).collect();
    futures::future::join_all(told.iter().rev().map(|order| shop.deliver("orders/updated", order))).await;
    // What lost against another writer is tried again in its time.
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if shop.events().await.iter().all(|event| event["status"] == "PROCESSED") {
            break;
        }
        shop.server.clock.advance(TimeDelta::seconds(2));
    }
    let events = shop.settled().await;
    assert!(events.len() == 12 && events.iter().all(|event| event["status"] == "PROCESSED"), "{events:?}");
    assert_eq!(shop.orders().await[0]["number"], "#11");
    assert_eq!(shop.announced("order.created").await, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_worked_on_fails_in_plain_words(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    let yen = order_with(json!({ "currency": "JPY", "total_price": "84", "total_price_set": null }));
    for (topic, body, status, why) in [
        ("orders/create", &yen, "FAILED", "USD"),
        ("orders/create", &json!({ "id": 1 }), "FAILED", ""),
        ("themes/publish", &json!({ "id": 1 }), "IGNORED", "nothing is done with themes/publish"),
    ] {
        shop.deliver(topic, body).await;
        let events = shop.settled().await;
        let event = events.iter().find(|event| event["content"]["payload"].as_str() == Some(&body.to_string()) && event["topic"] == topic).unwrap();
        assert_eq!((&event["status"], &event["attempts"]), (&json!(status), &json!(1)), "{event}");
        let said = event["errorMessage"].as_str().unwrap();
        assert!(said.len() > 5 && said.contains(why), "{said}");
    }
    assert_eq!(shop.orders().await, json!([]));
    assert_eq!(shop.announced("webhook_event.failed").await, 2);
    let found = shop.ask("{ failed: webhookEvents(filter: { statuses: [FAILED], topics: [\"orders/create\"] }) { totalCount } ignored: webhookEvents(filter: { statuses: [IGNORED], providers: [\"shopify\"], receivedAt: { from: \"2026-11-21T00:00:00Z\" } }) { totalCount } none: webhookEvents(filter: { receivedAt: { before: \"2026-11-21T00:00:00Z\" } }) { totalCount } }").await;
    assert_eq!((&found["failed"]["totalCount"], &found["ignored"]["totalCount"], &found["none"]["totalCount"]), (&json!(2), &json!(1), &json!(0)));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_store_keeps_up_and_a_removed_app_is_left_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.execute("update stores set status = 'INACTIVE' where tenant_id = $1", [shop.tenant.into()]).await;
    shop.deliver("orders/create", &order()).await;
    assert_eq!(shop.settled().await[0]["status"], "PROCESSED");
    shop.execute("update stores set status = 'UNINSTALLED' where tenant_id = $1", [shop.tenant.into()]).await;
    shop.server.clock.advance(TimeDelta::seconds(1));
    shop.deliver("orders/updated", &order_with(json!({ "name": "#2", "updated_at": "2026-11-02T10:00:00+09:00" }))).await;
    let event = shop.settled().await.pop().unwrap();
    assert_eq!((&event["status"], &event["errorMessage"]), (&json!("IGNORED"), &json!("the app was removed from the shop")));
    assert_eq!(shop.orders().await[0]["number"], "#1042");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_whose_process_died_each_time_has_failed(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let mut shop = Shop::idle(backend).await;
    shop.connect_store("USD").await;
    shop.deliver("orders/create", &order()).await;
    let now = shop.server.clock().now();
    let lost = "update jobs set status = 'RUNNING', attempts = max_attempts, lease = id, lease_until = $1 where kind = 'webhook_event.process'";
    shop.execute(lost, [(now - TimeDelta::minutes(1)).into()]).await;
    shop.server.work().await;
    let event = shop.settled().await.pop().unwrap();
    assert_eq!(event["status"], "FAILED");
    assert!(event["errorMessage"].as_str().unwrap().contains("ended in the middle"), "{event}");
    assert_eq!(shop.announced("webhook_event.failed").await, 1);
    assert_eq!(shop.replay(&event).await["webhookEvent"]["status"], "PENDING");
    assert_eq!(shop.settled().await[0]["status"], "PROCESSED");
}
