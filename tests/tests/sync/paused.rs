//! A store that is paused is left alone, and lacks nothing once it is resumed.

use std::time::Duration;

use chrono::TimeDelta;
use platform::db::Access;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::Backend;
use tests::harness::shopify::{Kind, Sequence, order, product};

use crate::world::{RUN, SHOP, World, changed};

impl World {
    /// Pauses or resumes the store: its state then, or why not.
    async fn turn(&self, name: &str) -> Value {
        let query = format!("mutation {{ {name}(input: {{ id: \"{}\" }}) {{ store {{ status pausedAt }} userErrors {{ code field }} }} }}", self.store);
        self.ask(&query).await[name].clone()
    }

    /// Every run of the store, the newest first.
    async fn runs(&self) -> Vec<Value> {
        let found = self.ask(&format!("{{ store(id: \"{}\") {{ syncRuns {{ nodes {{ {RUN} }} }} }} }}", self.store)).await;
        found["store"]["syncRuns"]["nodes"].as_array().unwrap().clone()
    }

    async fn times_announced(&self, name: &str) -> i64 {
        let (db, sql) = (self.server.db(), "select count(*) from events where name = $1 and tenant_id = $2");
        let tx = db.read(Access::Worker).await.unwrap();
        tx.query_one_raw(db.statement(sql, [name.into(), self.tenant.into()])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_store_is_left_alone_and_catches_up_when_it_is_resumed(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 12).await;
    world.complete("kind: FULL").await;
    world.settings("intervalMinutes: 15, reconciledDays: 3").await;
    let paused = world.turn("storePause").await;
    assert_eq!((&paused["store"]["status"], &paused["userErrors"]), (&json!("INACTIVE"), &json!([])));
    assert!(paused["store"]["pausedAt"].is_string());
    world.pass(TimeDelta::minutes(1));
    assert_eq!(world.turn("storePause").await, paused, "it stays paused since then");

    // Neither by the clock nor because somebody asks.
    for _ in 0..2 {
        world.pass(TimeDelta::days(1));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        world.quiesce().await;
    }
    assert_eq!(world.runs().await.len(), 1);
    for kind in ["FULL", "INCREMENT", "RECONCILIATION"] {
        assert_eq!(world.sync(&format!("kind: {kind}")).await["userErrors"][0]["code"], "STORE_NOT_READY", "{kind}");
    }
    // What the shop tells is taken; of something else it tells nothing.
    let now = world.shopify.now();
    for topic in ["ORDERS_CREATE", "ORDERS_UPDATED"] {
        world.shop(|shop| shop.subscribe(topic, "https://noren.example/hooks"));
    }
    world.shop(|shop| shop.put(Kind::Order, &order(5_901, 1, 7_001, now, now)));
    world.deliver(&world.shopify.deliveries(SHOP, Sequence::AsHappened)).await;
    let told = world.ask("{ orders(filter: { number: \"#5901\" }) { totalCount } }").await;
    assert_eq!(told["orders"]["totalCount"], 1);
    world.shop(|shop| {
        let known = shop.things(Kind::Order)[&5_003].clone();
        shop.put(Kind::Order, &changed(known, now, json!({ "email": "untold@example.com" })));
        shop.put(Kind::Product, &product(91, 3, now, now));
    });

    let resumed = world.turn("storeResume").await;
    assert_eq!(resumed, json!({ "store": { "status": "ACTIVE", "pausedAt": null }, "userErrors": [] }));
    world.pass(TimeDelta::seconds(1));
    assert_eq!(world.turn("storeResume").await, resumed);
    let runs = world.runs().await;
    assert_eq!((runs.len(), &runs[0]["kind"]), (2, &json!("INCREMENT")));
    let run = world.ended(runs[0]["id"].as_str().unwrap()).await;
    assert_eq!(run["status"], "COMPLETED", "{run}");
    world.assert_same().await;
    assert_eq!([world.times_announced("store.paused").await, world.times_announced("store.resumed").await], [1, 1], "what changes nothing is no event");
    let log = world.ask("{ auditEvents(filter: { actions: [\"storePause\", \"storeResume\"] }) { nodes { action before after } } }").await;
    let statuses: Vec<_> =
        log["auditEvents"]["nodes"].as_array().unwrap().iter().map(|entry| [&entry["action"], &entry["before"]["status"], &entry["after"]["status"]]).collect();
    let (nothing, pause, resume) = (json!(null), json!("storePause"), json!("storeResume"));
    let expected = [
        [&resume, &nothing, &nothing],
        [&resume, &json!("INACTIVE"), &json!("ACTIVE")],
        [&pause, &nothing, &nothing],
        [&pause, &json!("ACTIVE"), &json!("INACTIVE")],
    ];
    assert_eq!(statuses, expected);

    let db = world.server.db();
    let tx = db.write(Access::Tenant(world.tenant)).await.unwrap();
    tx.execute_raw(db.statement("update stores set status = 'UNINSTALLED'", [])).await.unwrap();
    tx.commit().await.unwrap();
    for name in ["storePause", "storeResume"] {
        let refused = json!({ "store": null, "userErrors": [{ "code": "STORE_UNINSTALLED", "field": ["input", "id"] }] });
        assert_eq!(world.turn(name).await, refused, "{name}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_sync_that_a_pause_stops_is_run_again_as_it_was_asked_for(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 40).await;
    world.shop(|shop| shop.bulk_patience = 1_000);
    let id = world.begin("kind: FULL, from: \"2026-02-01T00:00:00Z\"").await;
    for _ in 0..300 {
        if world.shop(|shop| shop.operations().len()) == 3 && world.at_work().await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.turn("storePause").await;
    world.quiesce().await;
    let run = world.run(&id).await;
    assert_eq!((&run["status"], &run["errorMessage"]), (&json!("CANCELLED"), &json!("the store was paused")));
    let statuses = world.shop(|shop| shop.operations().iter().map(|operation| operation.status).collect::<Vec<_>>());
    assert!(!statuses.contains(&"RUNNING"), "what the shop prepared is called off: {statuses:?}");

    world.pass(TimeDelta::hours(1));
    world.shop(|shop| shop.bulk_patience = 1);
    world.turn("storeResume").await;
    let runs = world.runs().await;
    assert_eq!(runs.len(), 2, "nothing has been completed that an increment could go on from");
    let again = world.ended(runs[0]["id"].as_str().unwrap()).await;
    assert_eq!([&again["kind"], &again["status"], &again["rangeFrom"]], [&json!("FULL"), &json!("COMPLETED"), &run["rangeFrom"]], "{again}");
    assert!(again["created"].as_i64().unwrap() > 0, "{again}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_begins_in_a_store_that_is_paused_at_the_same_moment(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 3).await;
    for round in 0..6 {
        let (paused, begun) = tokio::join!(world.turn("storePause"), world.sync("kind: FULL"));
        assert_eq!(paused["userErrors"], json!([]), "{round}");
        let under_way = world.runs().await.into_iter().filter(|run| ["QUEUED", "RUNNING"].contains(&run["status"].as_str().unwrap())).count();
        assert_eq!(under_way, 0, "{round}: {begun}");
        world.turn("storeResume").await;
        for run in world.runs().await {
            world.ended(run["id"].as_str().unwrap()).await;
        }
    }
}
