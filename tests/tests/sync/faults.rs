//! Whatever the shop does wrong, the rows are the shop's in the end, or the run says that they are not.

use chrono::TimeDelta;
use commerce::sync::SyncLimits;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;
use tests::harness::shopify::{BulkFault, Does, Kind, On};

use crate::world::{SCOPES, World};

const RIGHT: BulkFault = BulkFault::Right;

#[rstest]
#[case::lines_are_dropped(&[BulkFault::DropSlice, RIGHT, BulkFault::DropSlice], false)]
#[case::files_end_early(&[RIGHT, BulkFault::ShortFile, BulkFault::ShortFile], false)]
#[case::exports_break_off(&[BulkFault::Fails, BulkFault::Fails, BulkFault::Fails], false)]
#[case::results_expire(&[BulkFault::Expires, RIGHT, BulkFault::Expires], false)]
#[case::files_end_within_the_last_line(&[BulkFault::CutLastLine, RIGHT, BulkFault::CutLastLine], false)]
#[case::packed_files_end_within_the_last_line(&[BulkFault::CutLastLine, RIGHT, BulkFault::CutLastLine], true)]
#[case::lines_are_garbled(&[BulkFault::GarbledLine, RIGHT, BulkFault::GarbledLine], true)]
#[case::a_root_is_swapped_for_a_repeat(&[RIGHT, RIGHT, BulkFault::Repeats], true)]
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_whole_is_asked_for_again(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[case] faults: &[BulkFault],
    #[case] packed: bool,
) {
    let world = World::trading(backend, 40).await;
    world.shop(|shop| shop.packs_files = packed);
    world.shop(|shop| shop.bulk_then(faults.iter().copied()));
    let run = world.complete("kind: FULL").await;
    world.assert_same().await;
    let (asked, wrong) = (world.shop(|shop| shop.operations().len()), faults.iter().filter(|fault| **fault != RIGHT).count());
    assert_eq!(asked, 4 + wrong, "each of those once more: {run}");
    assert_eq!(run["rejected"], 0, "{run}");
    assert_eq!((&run["asked"], &run["errorMessage"]), (&run["received"], &json!(null)), "{run}");
}

#[rstest]
#[case::of_one(BulkFault::Agrees)]
#[case::of_all(BulkFault::Empty)]
#[tokio::test(flavor = "multi_thread")]
async fn what_exports_lack_in_agreement_with_themselves_is_fetched_or_told(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[case] fault: BulkFault,
) {
    let world = World::trading(backend, 20).await;
    world.shop(|shop| shop.bulk_then([RIGHT, RIGHT, fault]));
    world.complete("kind: FULL").await;
    world.assert_same().await;

    // More than is fetched one by one.
    let limits = SyncLimits { missing: 0, ..SyncLimits::default() };
    let world = World::with(backend, 20, limits, &SCOPES).await;
    world.shop(|shop| shop.bulk_then([RIGHT, RIGHT, fault]));
    let id = world.begin("kind: FULL").await;
    let run = world.ended(&id).await;
    assert_eq!(run["status"], "FAILED", "{run}");
    assert!(run["errorMessage"].as_str().unwrap().contains("orders that were not in its exports"), "{run}");
    assert_eq!(world.checkpoints().await, []);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_told_once_and_is_not_missing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::with(backend, 9, SyncLimits { missing: 0, ..SyncLimits::default() }, &SCOPES).await;
    let mut foreign = world.shop(|shop| shop.things(Kind::Order)[&5_001].clone());
    foreign["totalPriceSet"]["shopMoney"]["currencyCode"] = json!("JPY");
    let lines = foreign["lineItems"].as_array().unwrap().len();
    world.shop(|shop| shop.put(Kind::Order, &foreign));
    let run = world.complete("kind: FULL").await;
    assert_eq!((&run["rejected"], run["rejections"].as_array().unwrap().len()), (&json!(1 + lines), 1 + lines), "{run}");
    assert_eq!(world.orders().await.len(), 8);
}

#[rstest]
#[case::dropped(BulkFault::DropSlice)]
#[case::broken_off(BulkFault::Fails)]
#[tokio::test(flavor = "multi_thread")]
async fn what_never_comes_whole_is_told_and_nothing_goes_on_from_it(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend, #[case] fault: BulkFault) {
    let world = World::trading(backend, 20).await;
    world.shop(|shop| shop.bulk_then([RIGHT, RIGHT].into_iter().chain([fault; 10])));
    let id = world.begin("kind: FULL").await;
    let run = world.ended(&id).await;
    assert_eq!((&run["status"], &run["phase"]), (&json!("FAILED"), &json!("ENDED")), "{run}");
    assert!(run["errorMessage"].as_str().unwrap().contains("orders did not come whole"), "{run}");
    assert_eq!(world.rows().await.iter().filter(|row| row.starts_with("order")).count(), 0, "not a part of them is there");
    assert_eq!(world.sync("kind: INCREMENT").await["userErrors"][0]["code"], "NOTHING_SYNCED_YET", "no checkpoint was set");

    // It is an alert about the store, until a sync of its kind is complete.
    world.quiesce().await;
    let alerts =
        || async { world.ask("{ alerts(filter: { types: [\"SyncFailed\"] }) { nodes { status severity store { id } } } }").await["alerts"]["nodes"].clone() };
    assert_eq!(alerts().await, json!([{ "status": "OPEN", "severity": "HIGH", "store": { "id": world.store } }]));
    world.shop(|shop| shop.forget_bulk_faults());
    world.complete("kind: FULL").await;
    world.assert_same().await;
    world.quiesce().await;
    assert_eq!(alerts().await[0]["status"], "RESOLVED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_leaves_the_checkpoint_of_the_one_before(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 20).await;
    world.complete("kind: FULL").await;
    let checkpoints = async || world.checkpoints().await;
    let before = checkpoints().await;
    world.shop(|shop| shop.bulk_then([BulkFault::ShortFile; 10]));
    let id = world.begin("kind: FULL").await;
    assert_eq!(world.ended(&id).await["status"], "FAILED");
    assert_eq!(checkpoints().await, before);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_begins_no_second_export(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 10).await;
    world.shopify.then(On::Operation("BulkRun"), [Does::Cut(20), Does::Right, Does::Cut(20)]);
    world.complete("kind: FULL").await;
    world.assert_same().await;
    assert_eq!(world.shop(|shop| shop.operations().len()), 3, "one for each kind");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_stumbles_is_asked_again_until_it_answers(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 25).await;
    world.shopify.then(On::Operation("OrdersCount"), [Does::Status(503, Some(3)), Does::Throttled]);
    world.shopify.then(On::Operation("BulkRun"), [Does::Status(500, None), Does::Throttled, Does::Error("INTERNAL_SERVER_ERROR")]);
    world.shopify.then(On::Operation("BulkOperation"), [Does::Throttled, Does::Babbles, Does::Status(502, None)]);
    world.shopify.then(On::Operation("OrdersIds"), [Does::Cut(10), Does::Status(503, None)]);
    world.shopify.then(On::File, [Does::Status(503, None), Does::Cut(100), Does::Cut(200), Does::Status(500, None), Does::Right, Does::Cut(0)]);
    world.shop(|shop| shop.bulk_patience = 3);
    world.complete("kind: FULL").await;
    world.assert_same().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_never_ends_is_called_off_and_one_that_nobody_can_finish_ends_the_run(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 6).await;
    world.shop(|shop| shop.bulk_then([BulkFault::Hangs]));
    let id = world.begin("kind: FULL").await;
    world.exporting(3).await;
    world.pass(TimeDelta::hours(25));
    let run = world.ended(&id).await;
    assert_eq!(run["status"], "COMPLETED", "{run}");
    assert_eq!(world.shop(|shop| shop.operations()[0].status), "CANCELED");
    world.assert_same().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_lets_nobody_in_ends_the_run_with_a_word(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 6).await;
    world.shop(|shop| shop.granted.retain(|scope| scope != "read_orders"));
    let id = world.begin("kind: FULL").await;
    let run = world.ended(&id).await;
    assert_eq!(run["status"], "FAILED");
    assert!(run["errorMessage"].as_str().unwrap().contains("read_orders"), "{run}");
    assert_eq!(world.shop(|shop| shop.count(Kind::Order)), 6);
    assert_eq!(world.rows().await, Vec::<String>::new());
}
