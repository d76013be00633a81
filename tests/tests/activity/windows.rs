//! Windows go by the program's clock, and what the hours' counts hold is what the inbox holds.

use chrono::{DateTime, TimeDelta, Utc};
use platform::Clock;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;

use crate::world::{Open, World};

const ORDER: &str = include_str!("../../../integrations/src/shopify/fixtures/orders_create.json");

impl World {
    /// How many webhooks and calls there are in each of the windows.
    async fn windows(&self, of: &Open) -> (Vec<i64>, Vec<i64>) {
        let days = self.last_7_days(of).await;
        assert_eq!(days.len(), 7);
        let of = |name: &str| days.iter().map(|day| day[name].as_i64().unwrap()).collect();
        (of("webhooksReceived"), of("apiCalls"))
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_happened_moves_from_window_to_window_and_out(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::of(backend, 1).await;
    let store = &world.stores[0];
    // Nobody calls it by itself from now on.
    world.execute("update stores set status = 'INACTIVE'", []).await;
    world.settles().await;
    let start: DateTime<Utc> = world.last_24_hours(store).await["startsAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(start, world.server.clock.now() - TimeDelta::minutes(23 * 60 + 30));
    let calls = world.heard(store);
    world.call(store).await.unwrap();
    for _ in 0..3 {
        world.deliver(store, "orders/create", ORDER, "2026-10").await;
    }
    assert_eq!(world.windows(store).await, (vec![0, 0, 0, 0, 0, 0, 3], vec![0, 0, 0, 0, 0, 0, calls + 1]));

    // The hour is over and counted; what comes now is counted from the inbox, and nothing is counted twice.
    world.hours_pass(1).await;
    assert_eq!(world.number("select cast(sum(received) as bigint) from store_deliveries").await, 3);
    world.deliver(store, "orders/create", ORDER, "2026-10").await;
    assert_eq!(world.windows(store).await.0, [0, 0, 0, 0, 0, 0, 4]);
    // One that came before, and finds its store only now.
    world
        .execute(
            "update webhook_events set received_at = $1 where id = (select id from webhook_events order by received_at desc limit 1)",
            [(world.server.clock.now() - TimeDelta::minutes(45)).into()],
        )
        .await;
    world.hours_pass(1).await;
    assert_eq!(world.windows(store).await.0, [0, 0, 0, 0, 0, 0, 4]);

    // 22 hours after that, the first hour is the first of the window's 24; one more, and it is the last of the one before.
    world.hours_pass(21).await;
    assert_eq!(world.windows(store).await, (vec![0, 0, 0, 0, 0, 0, 4], vec![0, 0, 0, 0, 0, 0, calls + 1]));
    world.hours_pass(1).await;
    assert_eq!(world.windows(store).await, (vec![0, 0, 0, 0, 0, 4, 0], vec![0, 0, 0, 0, 0, calls + 1, 0]));
    assert_eq!(world.last_24_hours(store).await["errorRate"], json!(null));
    world.hours_pass(5 * 24).await;
    assert_eq!(world.windows(store).await, (vec![4, 0, 0, 0, 0, 0, 0], vec![calls + 1, 0, 0, 0, 0, 0, 0]));
    world.hours_pass(24).await;
    assert_eq!(world.windows(store).await, (vec![0; 7], vec![0; 7]));
    let kept = "select (select count(*) from store_calls) + (select count(*) from store_deliveries)";
    assert!(world.number(kept).await > 0);
    world.pass(TimeDelta::days(91));
    world.until("they are kept for 90 days", || async { world.number(kept).await == 0 }).await;
}
