//! A full sync brings everything that the shop has, once, in slices, and says what it did.

use chrono::TimeDelta;
use commerce::sync::SyncLimits;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;
use tests::harness::shopify::{Kind, order};

use crate::world::{SCOPES, World, changed};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_undisturbed_run_brings_everything_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 90).await;
    let run = world.complete("kind: FULL").await;
    world.assert_same().await;
    let exports = world.shop(|shop| shop.operations().len());
    assert!(exports >= 6, "90 orders in slices of 25 at most, and the rest: {exports}");
    let objects: u64 = world.shop(|shop| shop.operations().iter().map(|operation| operation.objects).sum());
    assert_eq!((&run["asked"], &run["received"]), (&json!(objects), &json!(objects)));
    assert_eq!((&run["created"], &run["updated"], &run["deleted"], &run["rejected"]), (&json!(objects), &json!(0), &json!(0), &json!(0)), "{run}");
    assert_eq!((&run["percent"], &run["phase"], &run["warnings"], &run["errorMessage"]), (&json!(100.0), &json!("ENDED"), &json!([]), &json!(null)));
    assert_eq!(run["store"]["id"], world.store.as_str());

    // The same again: nothing is different.
    world.pass(TimeDelta::seconds(1));
    let again = world.complete("kind: FULL").await;
    assert_eq!((&again["received"], &again["created"], &again["updated"], &again["deleted"]), (&json!(objects), &json!(0), &json!(0), &json!(0)), "{again}");
    world.assert_same().await;
    let store = world.ask(&format!("{{ store(id: \"{}\") {{ lastSyncAt syncRuns(first: 5) {{ totalCount nodes {{ id kind }} }} }} }}", world.store)).await;
    assert_eq!((&store["store"]["syncRuns"]["totalCount"], &store["store"]["syncRuns"]["nodes"][0]["id"]), (&json!(2), &again["id"]), "the newest first");
    assert!(store["store"]["lastSyncAt"].is_string());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_the_shop_has_no_more_is_gone_here_and_what_changed_is_different(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 30).await;
    world.complete("kind: FULL").await;
    let now = world.shopify.now();
    world.shop(|shop| {
        for (kind, id) in [(Kind::Order, 5_003), (Kind::Order, 5_030), (Kind::Customer, 7_011), (Kind::Product, 85)] {
            shop.delete(kind, id, now);
        }
        let mut tea = changed(shop.things(Kind::Product)[&84].clone(), now, json!({ "title": "Sencha" }));
        tea["variants"].as_array_mut().unwrap().truncate(2);
        shop.put(Kind::Product, &tea);
    });
    // An order whose customer was deleted knows nobody there any more.
    world.shop(|shop| {
        let of_nobody: Vec<_> = shop.things(Kind::Order).into_values().filter(|order| order["customer"]["id"] == "gid://shopify/Customer/7011").collect();
        of_nobody.iter().for_each(|order| shop.put(Kind::Order, &changed(order.clone(), now, json!({ "customer": null }))));
    });
    let run = world.complete("kind: FULL").await;
    world.assert_same().await;
    assert_eq!(run["deleted"], 4, "{run}");
    // What was deleted and put back by the shop is back.
    let back = world.shopify.now() + TimeDelta::seconds(1);
    world.shop(|shop| shop.put(Kind::Order, &order(5_003, 2, 7_001, back, back)));
    world.complete("kind: FULL").await;
    world.assert_same().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn orders_out_of_reach_are_told_of_before_and_are_never_taken_for_deleted(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::with(backend, 0, SyncLimits::default(), &SCOPES).await;
    let now = world.shopify.now();
    let days = |days: i64| now - TimeDelta::days(days);
    world.shop(|shop| {
        for (number, age) in [(1, 400), (2, 100), (3, 58), (4, 2)] {
            shop.put(Kind::Order, &order(5_000 + number, 1, 7_001, days(age), days(age)));
        }
    });
    // While the scope was there everything came.
    world.complete("kind: FULL").await;
    assert_eq!(world.rows().await.iter().filter(|row| row.starts_with("order")).count(), 4);
    world.lose_scope("read_all_orders").await;
    world.shop(|shop| {
        shop.granted.retain(|scope| scope != "read_all_orders");
        shop.delete(Kind::Order, 5_004, now);
    });
    let refused = world.sync("kind: FULL, requireWhole: true").await;
    assert_eq!((&refused["userErrors"][0]["code"], &refused["userErrors"][0]["field"]), (&json!("OUT_OF_REACH"), &json!(["input", "from"])));
    let begun = world.sync("kind: FULL").await["syncRun"].clone();
    assert_eq!(begun["warnings"][0]["code"], "ORDERS_OUT_OF_REACH", "told before anything is asked for");
    let run = world.ended(begun["id"].as_str().unwrap()).await;
    assert_eq!((&run["status"], &run["deleted"]), (&json!("COMPLETED"), &json!(1)), "{run}");
    assert_eq!(run["warnings"], begun["warnings"]);
    assert_eq!(world.rows().await.iter().filter(|row| row.starts_with("order")).count(), 3, "what cannot be seen stays");
    // A range that can be seen needs no word.
    let recent = format!("kind: FULL, requireWhole: true, from: \"{}\"", days(30).to_rfc3339());
    assert_eq!(world.complete(&recent).await["warnings"], json!([]));
}

#[rstest]
#[case::before_it_begins(false)]
#[case::while_it_is_under_way(true)]
#[tokio::test(flavor = "multi_thread")]
async fn orders_that_a_shop_hides_without_a_word_are_never_taken_for_deleted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[case] meanwhile: bool,
) {
    let world = World::with(backend, 0, SyncLimits::default(), &SCOPES).await;
    let now = world.shopify.now();
    let days = |days: i64| now - TimeDelta::days(days);
    world.shop(|shop| {
        for (number, age) in [(1, 400), (2, 100), (3, 58), (4, 2)] {
            shop.put(Kind::Order, &order(5_000 + number, 1, 7_001, days(age), days(age)));
        }
    });
    world.complete("kind: FULL").await;
    // The store is still known to have the scope.
    let hide = || {
        world.shop(|shop| {
            shop.granted.retain(|scope| scope != "read_all_orders");
            shop.delete(Kind::Order, 5_004, now);
        });
    };
    let exports = world.shop(|shop| shop.operations().len());
    if !meanwhile {
        hide();
    }
    world.shop(|shop| shop.bulk_patience = 3);
    let id = world.begin("kind: FULL").await;
    if meanwhile {
        world.exporting(exports + 3).await;
        hide();
    }
    let run = world.ended(&id).await;
    assert_eq!((&run["status"], &run["deleted"]), (&json!("COMPLETED"), &json!(1)), "{run}");
    assert_eq!(run["warnings"][0]["code"], "ORDERS_OUT_OF_REACH", "{run}");
    assert_eq!(world.orders().await, ["5001", "5002", "5003"]);
    world.settings("reconciledDays: 200").await;
    let run = world.complete("kind: RECONCILIATION").await;
    assert_eq!((&run["deleted"], &run["warnings"]), (&json!(0), &json!([])), "{run}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_run_of_a_kind_at_a_time_and_a_retry_is_the_same_run(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 6).await;
    let early = world.sync("kind: INCREMENT").await;
    assert_eq!(early["userErrors"][0]["code"], "NOTHING_SYNCED_YET");
    let early = world.sync("kind: RECONCILIATION").await;
    assert_eq!(early["userErrors"][0]["code"], "NOTHING_SYNCED_YET", "it would fetch everything one by one");
    let nonsense = world.sync("kind: INCREMENT, from: \"2026-01-01T00:00:00Z\"").await;
    assert_eq!((&nonsense["userErrors"][0]["code"], &nonsense["userErrors"][0]["field"][1]), (&json!("NOT_ALLOWED"), &json!("from")));
    world.shop(|shop| shop.bulk_patience = 1_000);
    let key = |key: &str| {
        format!(
            "mutation {{ storeSync(input: {{ storeId: \"{}\" }}, idempotencyKey: \"{key}\") {{ syncRun {{ id }} userErrors {{ code message }} }} }}",
            world.store
        )
    };
    let first = world.ask(&key("one")).await["storeSync"].clone();
    assert_eq!(world.ask(&key("one")).await["storeSync"], first);
    let second = world.ask(&key("two")).await["storeSync"].clone();
    assert_eq!(second["userErrors"][0]["code"], "SYNC_UNDER_WAY");
    let id = first["syncRun"]["id"].as_str().unwrap().to_owned();
    assert!(second["userErrors"][0]["message"].as_str().unwrap().contains(&id));

    // Cancelled, it writes nothing more, the shop is told, and another one may begin.
    world.exporting(3).await;
    let cancel = format!("mutation {{ syncCancel(input: {{ id: \"{id}\" }}) {{ syncRun {{ status finishedAt }} userErrors {{ code field }} }} }}");
    let cancelled = world.ask(&cancel).await["syncCancel"].clone();
    assert_eq!((&cancelled["syncRun"]["status"], &cancelled["userErrors"]), (&json!("CANCELLED"), &json!([])));
    assert_eq!(world.ask(&cancel).await["syncCancel"]["userErrors"], json!([{ "code": "SYNC_OVER", "field": ["input", "id"] }]));
    world.quiesce().await;
    assert!(world.shop(|shop| shop.operations().iter().all(|operation| operation.status == "CANCELED")), "{:?}", world.shop(|shop| shop.operations().to_vec()));
    assert_eq!(world.rows().await, Vec::<String>::new());
    world.shop(|shop| shop.bulk_patience = 1);
    world.complete("kind: FULL").await;
    world.assert_same().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_settings_of_its_own(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 12).await;
    let changed = world.settings("yearsBack: 1, archived: false, reconciledDays: 7").await;
    assert_eq!(changed["syncSettings"], json!({ "yearsBack": 1, "archived": false, "intervalMinutes": 0, "reconciledDays": 7 }));
    let read = world.ask(&format!("{{ storeSyncSettings(storeId: \"{}\") {{ yearsBack archived intervalMinutes reconciledDays }} }}", world.store)).await;
    assert_eq!(read["storeSyncSettings"], changed["syncSettings"]);
    assert_eq!(world.settings("yearsBack: 0").await["userErrors"][0]["field"], json!(["input", "yearsBack"]));
    let begun = world.sync("kind: FULL").await["syncRun"].clone();
    assert!(begun["rangeFrom"].as_str().unwrap().starts_with("2025-") || begun["rangeFrom"].as_str().unwrap() > "2025-", "{begun}");
    assert_eq!(begun["archived"], false);
    world.ended(begun["id"].as_str().unwrap()).await;
    world.assert_same().await;
}
