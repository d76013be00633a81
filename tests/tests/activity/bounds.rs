//! What numbers cost, and what is left of them when a store is erased.

use chrono::TimeDelta;
use integrations::ports::shop::CallRecord;
use platform::Clock;
use rstest::rstest;
use tests::harness::{Backend, seed};

use crate::world::{WINDOW, World};

const ORDER: &str = include_str!("../../../integrations/src/shopify/fixtures/orders_create.json");

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn many_stores_cost_as_many_statements_as_one(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let mut world = World::of(backend, 1).await;
    for number in 0..49 {
        seed::store(world.server.db(), world.tenant, &format!("many{number}"), 1).await;
    }
    drop(world.server.background.take());
    world.server.background = None;
    // What was begun beside comes to its end.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    world.ask("{ stores { nodes { id } } }").await;
    let mut costs = Vec::new();
    for first in [1, 50] {
        let query = format!(
            "{{ stores(first: {first}) {{ nodes {{ analytics {{ stored {{ orders asOf }} last24Hours {{ {WINDOW} }} last7Days {{ {WINDOW} }} }} }} }} }}"
        );
        let before = world.server.db().statements();
        let answer = world.ask(&query).await;
        costs.push(world.server.db().statements() - before);
        let nodes = answer["stores"]["nodes"].as_array().unwrap();
        assert!(nodes.len() == first && nodes.iter().all(|store| store["analytics"]["last7Days"].as_array().unwrap().len() == 7));
    }
    assert_eq!(costs[0], costs[1], "more stores cost more statements");
    let before = world.server.db().statements();
    world.ask("{ stores { nodes { analytics { stored { orders } } } } }").await;
    assert_eq!(world.server.db().statements() - before, 3, "the caller, the stores, what is stored");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_store_leaves_no_numbers(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::of(backend, 2).await;
    let (gone, kept) = (&world.stores[0], &world.stores[1]);
    for store in [gone, kept] {
        world.trade(store, 3);
        world.sync(store).await;
        world.deliver(store, "orders/create", ORDER, "2026-10").await;
    }
    world.hours_pass(1).await;
    let left = async |of: &crate::world::Open, table: &str| {
        let hex = of.id.uuid().simple();
        let id = if world.server.database.settings().is_postgres() { format!("'{hex}'") } else { format!("x'{hex}'") };
        world.number(&format!("select count(*) from {table} where store_id = {id}")).await
    };
    let tables = ["store_calls", "store_deliveries", "store_sizes"];
    for (store, table) in [gone, kept].into_iter().flat_map(|store| tables.map(|table| (store, table))) {
        assert!(left(store, table).await > 0, "{table}");
    }
    let now = world.server.clock.now();
    let sql = "update stores set status = 'UNINSTALLED', uninstalled_at = $1, data_deletion_scheduled_at = $2 where id = $3";
    world.execute(sql, [now.into(), (now + TimeDelta::hours(2)).into(), gone.id.into()]).await;
    let late = world.server.app.calls.of(world.tenant, gone.id, "2026-10");
    world.hours_pass(3).await;
    let erased = "select count(*) from stores where data_deletion_completed_at is not null";
    world.until("it is erased", || async { world.number(erased).await == 1 }).await;
    // Whatever is counted after that finds nothing to be counted for, and the inbox is counted again.
    let call = CallRecord {
        operation: "Shop",
        duration: std::time::Duration::ZERO,
        status: Some(200),
        cost: None,
        api_version: None,
        request_id: None,
        problem: None,
    };
    late.called(&call);
    world.hours_pass(1).await;
    world.pass(TimeDelta::days(1));
    world.settles().await;
    for table in tables {
        assert_eq!((left(gone, table).await, left(kept, table).await > 0), (0, true), "{table}");
    }
}
