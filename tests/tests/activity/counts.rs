//! Every call is counted once, whoever makes it and whatever becomes of it; so is every delivery.

use std::time::Duration;

use entities::TokenRole;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::shopify::{Does, On};
use tests::harness::{Backend, People};

use crate::world::{World, light};

/// A body that no order is read from.
const BROKEN: &str = "{}";
const ORDER: &str = include_str!("../../../integrations/src/shopify/fixtures/orders_create.json");

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_sync_are_those_that_the_shop_heard(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::of(backend, 2).await;
    let (store, other) = (&world.stores[0], &world.stores[1]);
    world.trade(store, 30);
    let nothing = world.last_24_hours(store).await;
    assert_eq!((&nothing["apiCalls"], &nothing["errorRate"], &nothing["meanResponseMilliseconds"]), (&json!(0), &Value::Null, &Value::Null));
    let run = world.sync(store).await;
    world.settles().await;
    let heard = world.heard(store);
    let day = world.last_24_hours(store).await;
    assert!(heard > 5, "{heard}");
    assert_eq!((day["apiCalls"].as_i64(), &day["apiCallsFailed"], &day["errorRate"]), (Some(heard), &json!(0), &json!(0.0)), "{day}");
    assert!(day["apiPoints"].as_i64().unwrap() >= heard, "every call costs a point at least: {day}");
    let rows: i64 = ["created", "updated", "unchanged", "deleted"].iter().map(|name| run[*name].as_i64().unwrap()).sum();
    assert_eq!((day["recordsSynced"].as_i64(), rows > 30), (Some(rows), true), "{day}");
    assert_eq!(world.last_24_hours(other).await["apiCalls"], world.heard(other));

    // What came in as a whole is counted at once.
    let stored = world.numbers(store, "stored { orders items customers products variants payloadBytes asOf }").await["stored"].clone();
    assert_eq!((&stored["orders"], &stored["items"], &stored["customers"]), (&json!(30), &json!(60), &json!(10)));
    assert_eq!((&stored["products"], &stored["variants"], &stored["payloadBytes"]), (&json!(2), &json!(6), &json!("0")));
    assert_eq!(world.numbers(other, "stored { orders }").await["stored"], Value::Null);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_raises_the_error_rate_and_replicas_add_up(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let mut world = World::of(backend, 1).await;
    world.settles().await;
    let store = world.stores[0].clone();
    let before = world.last_24_hours(&store).await["apiCalls"].as_i64().unwrap();
    world.shopify.then(On::Operation("Shop"), [Does::Slow(Duration::from_millis(300)), Does::Throttled, Does::Status(500, None), Does::Babbles]);
    // What the throttle did not let in is asked again, and finds the next trouble.
    for answered in [true, false, false] {
        assert_eq!(world.call(&store).await.is_ok(), answered);
    }
    world.shopify.shop(&store.domain, |shop| shop.closed = Some(423));
    assert!(world.call(&store).await.is_err());
    world.shopify.shop(&store.domain, |shop| shop.closed = None);

    // Two more processes, at once and each several times.
    let mut replicas = Vec::new();
    for _ in 0..2 {
        let (db, shops, calls) = world.replica().await;
        let open = shops.open(&db, world.tenant, store.id).await.unwrap();
        light(&open).await.unwrap();
        light(&open).await.unwrap();
        replicas.push(calls);
    }
    futures::future::join_all(replicas.iter().flat_map(|calls| [calls.flush(), calls.flush()])).await.into_iter().for_each(Result::unwrap);
    world.deliver(&store, "orders/create", ORDER, "2026-10").await;
    world.deliver(&store, "orders/create", BROKEN, "2026-10").await;

    let day = world.last_24_hours(&store).await;
    let calls = before + 9;
    assert_eq!((day["apiCalls"].as_i64().unwrap(), calls), (calls, world.heard(&store)), "{day}");
    assert_eq!((&day["apiCallsFailed"], &day["apiCallsThrottled"]), (&json!(3), &json!(1)));
    let problems: Vec<_> = ["FAILED", "SHOP_CLOSED", "THROTTLED", "UNKNOWN"].iter().map(|problem| json!({ "problem": problem, "calls": 1 })).collect();
    assert_eq!(day["apiCallProblems"], json!(problems));
    assert_eq!((&day["webhooksReceived"], &day["webhooksFailed"]), (&json!(2), &json!(1)));
    let rate = day["errorRate"].as_f64().unwrap();
    assert!((rate - 4.0 / (calls + 2) as f64).abs() < 1e-9, "{rate}");
    let mean = day["meanResponseMilliseconds"].as_f64().unwrap();
    assert!(mean >= 300.0 / calls as f64 && mean < 1_000.0, "{mean}");

    // What is in memory alone is written at the program's end.
    world.call(&store).await.unwrap();
    let sum = "select cast(sum(calls) as bigint) from store_calls";
    world.server.background.take().unwrap().stop(Duration::from_secs(5)).await;
    assert_eq!(world.number(sum).await, world.heard(&store));
    assert_eq!(world.heard(&store), calls + 1);

    // Nobody else sees any of it.
    let people = People::of(&world.server);
    let stranger = people.tenant("Other Tea").await;
    let (_, them) = people.token(TokenRole::TenantAdmin, Some(stranger), &[]).await;
    let query = format!("{{ store(id: \"{}\") {{ analytics {{ last24Hours {{ apiCalls }} }} }} stores {{ totalCount }} }}", store.id);
    assert_eq!(world.server.ask(&them, &query).await.data(), &json!({ "store": null, "stores": { "totalCount": 0 } }));
}
