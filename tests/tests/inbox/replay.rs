//! Working on a delivery again, and what is left of it when its content is deleted.

use chrono::TimeDelta;
use platform::Trace;
use platform::db::Access;
use platform::inbox::EMPTY;
use platform::jobs::{NewJob, enqueue};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::shop::{DOMAIN, Shop, order};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_changes_nothing_that_was_done(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.deliver("orders/create", &order()).await;
    let event = shop.settled().await.pop().unwrap();
    let before = shop.orders().await;
    for attempts in 2..5 {
        assert_eq!(shop.replay(&event).await, json!({ "webhookEvent": { "status": "PENDING" }, "userErrors": [] }));
        let again = shop.settled().await.pop().unwrap();
        assert_eq!((&again["status"], &again["attempts"]), (&json!("PROCESSED"), &json!(attempts)));
    }
    assert_eq!(shop.orders().await, before);
    assert_eq!((shop.announced("order.created").await, shop.announced("order.updated").await), (1, 0));
    let log = shop.ask("{ auditEvents(filter: { actions: [\"webhookEventReplay\"] }) { totalCount nodes { subject } } }").await;
    assert_eq!((&log["auditEvents"]["totalCount"], &log["auditEvents"]["nodes"][0]["subject"]), (&json!(3), &event["id"]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_of_a_store_that_is_not_known_succeeds_once_it_is(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let mut shop = Shop::idle(backend).await;
    shop.deliver("orders/create", &order()).await;
    // It is on its way: to have it worked on again makes no sense yet.
    let waiting = shop.events().await.pop().unwrap();
    assert_eq!(shop.replay(&waiting).await["userErrors"], json!([{ "code": "STILL_PENDING", "field": ["input", "id"] }]));
    shop.server.work().await;
    let event = shop.settled().await.pop().unwrap();
    assert_eq!((&event["status"], &event["store"]), (&json!("FAILED"), &Value::Null));
    let why = event["errorMessage"].as_str().unwrap();
    assert!(why.contains(DOMAIN) && why.contains("storeConnect"), "{why}");
    assert_eq!(shop.announced("webhook_event.failed").await, 1);

    shop.connect_store("USD").await;
    shop.replay(&event).await;
    let event = shop.settled().await.pop().unwrap();
    assert_eq!((&event["status"], &event["store"], &event["errorMessage"]), (&json!("PROCESSED"), &json!({ "domain": DOMAIN }), &Value::Null));
    assert_eq!(shop.orders().await[0]["number"], "#1042");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn old_content_goes_and_the_record_stays(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.deliver("orders/create", &order()).await;
    let old = shop.settled().await.pop().unwrap();
    shop.server.clock.advance(TimeDelta::days(30));
    shop.deliver("orders/updated", &order()).await;
    shop.settled().await;
    let tx = shop.server.db().write(Access::Worker).await.unwrap();
    enqueue(&tx, &Trace::system("a test", shop.server.clock()), NewJob::new(EMPTY, None, json!({}))).await.unwrap();
    tx.commit().await.unwrap();
    let mut events = shop.events().await;
    for _ in 0..200 {
        if events[0]["content"].is_null() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        events = shop.events().await;
    }
    let [emptied, young] = events.as_slice() else { panic!("{events:?}") };
    let mut expected = old.clone();
    expected["content"] = Value::Null;
    expected["payloadDeletedAt"] = json!("2026-12-21T09:00:00+00:00");
    assert_eq!(emptied, &expected);
    assert!(young["content"]["payload"].as_str().is_some_and(|payload| payload.contains("Gyokuro")));
    assert_eq!(shop.number("select count(*) from webhook_events where payload is null and cast(headers as text) = '[]'", []).await, 1);
    assert_eq!(shop.replay(emptied).await["userErrors"], json!([{ "code": "PAYLOAD_DELETED", "field": ["input", "id"] }]));
    // A repeat of it is still known as one.
    assert_eq!(shop.orders().await.as_array().unwrap().len(), 1);
}
