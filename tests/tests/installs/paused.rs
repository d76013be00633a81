//! A store that is paused is not asked and has nothing begun for it, whatever its installation is at.

use chrono::TimeDelta;
use platform::Clock;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;

use crate::world::World;

impl World {
    async fn kinds_of_runs(&self) -> Vec<String> {
        let runs = self.store("syncRuns { nodes { kind } }").await["syncRuns"]["nodes"].clone();
        runs.as_array().unwrap().iter().map(|run| run["kind"].as_str().unwrap().to_owned()).collect()
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_paused_before_it_is_set_up_is_fetched_when_it_is_resumed(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let mut world = World::idle(backend).await;
    let store = world.install().await;
    world.done("storePause", &format!("id: \"{store}\""), "store { id }").await;
    world.server.work().await;
    world.settles().await;
    assert!(world.store("installation { setUpAt }").await["installation"]["setUpAt"].is_string());
    assert_eq!(world.kinds_of_runs().await, Vec::<String>::new());
    world.done("storeResume", &format!("id: \"{store}\""), "store { id }").await;
    assert_eq!(world.kinds_of_runs().await, ["FULL"]);
    world.settles().await;
    assert_eq!(world.store("status pausedAt").await, json!({ "status": "ACTIVE", "pausedAt": null }));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_store_is_neither_asked_nor_said_to_be_ill(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let store = world.install().await;
    world.settles().await;
    world.scheduled("stores.health").await;
    world.shop(|shop| shop.closed = Some(402));
    for _ in 1..=3 {
        world.next_turn(store).await;
    }
    assert_eq!(world.alerts("StoreConnectionLost").await, ["OPEN"]);

    world.done("storePause", &format!("id: \"{store}\""), "store { id }").await;
    world.settles().await;
    assert_eq!(world.alerts("StoreConnectionLost").await, ["RESOLVED"]);
    assert_eq!(world.store("health { status }").await["health"], json!(null));
    let asked = world.shopify.heard().len();
    let turn = (store.uuid().as_u128() % 15) as i64;
    let minute = world.server.clock.now().timestamp() / 60;
    world.pass(TimeDelta::minutes((turn - minute).rem_euclid(15) + 15));
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    world.settles().await;
    assert_eq!((world.shopify.heard().len(), world.store("health { status }").await["health"].clone()), (asked, json!(null)));

    world.shop(|shop| shop.closed = None);
    world.done("storeResume", &format!("id: \"{store}\""), "store { id }").await;
    assert_eq!(world.next_turn(store).await["status"], "HEALTHY");
}
