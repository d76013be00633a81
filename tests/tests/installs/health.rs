//! Shops are called now and then; one that does not answer three times in a row is told of, until it does.

use chrono::TimeDelta;
use entities::StoreId;
use platform::Clock;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::world::World;

impl World {
    pub async fn health(&self) -> Value {
        self.store("health { status consecutiveFailures errorMessage checkedAt healthyAt unhealthySince }").await["health"].clone()
    }

    /// Lets time pass until the store has had its next turn.
    pub async fn next_turn(&self, store: StoreId) -> Value {
        let before = self.health().await["checkedAt"].clone();
        self.pass(TimeDelta::minutes(1));
        let minute = self.server.clock.now().timestamp() / 60;
        let turn = (store.uuid().as_u128() % 15) as i64;
        self.pass(TimeDelta::minutes((turn - minute).rem_euclid(15)));
        self.until("its turn", || async { self.health().await["checkedAt"] != before }).await;
        self.settles().await;
        self.health().await
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn three_failures_in_a_row_are_told_and_end_by_themselves(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let store = world.install().await;
    world.settles().await;
    world.scheduled("stores.health").await;
    assert_eq!(world.health().await, json!(null));
    let well = world.next_turn(store).await;
    assert_eq!((&well["status"], &well["consecutiveFailures"]), (&json!("HEALTHY"), &json!(0)));

    // Twice it fails, then it answers: nobody is told.
    world.shop(|shop| shop.closed = Some(423));
    for failures in 1..=2 {
        let ill = world.next_turn(store).await;
        assert_eq!((&ill["status"], &ill["consecutiveFailures"]), (&json!("HEALTHY"), &json!(failures)), "{ill}");
    }
    world.shop(|shop| shop.closed = None);
    assert_eq!(world.next_turn(store).await["consecutiveFailures"], 0);
    assert_eq!(world.alerts("StoreConnectionLost").await, Vec::<String>::new());
    world.shop(|shop| shop.closed = Some(402));
    for _ in 1..=4 {
        world.next_turn(store).await;
    }
    let ill = world.health().await;
    assert_eq!((&ill["status"], &ill["consecutiveFailures"]), (&json!("UNHEALTHY"), &json!(4)));
    assert!(ill["errorMessage"].as_str().unwrap().contains("402") && ill["unhealthySince"].as_str().unwrap() > ill["healthyAt"].as_str().unwrap(), "{ill}");
    assert_eq!(world.alerts("StoreConnectionLost").await, ["OPEN"]);
    assert_eq!(world.events("store.unhealthy").await.len(), 1);
    assert_eq!(world.status().await, "ACTIVE", "a store is not switched off for that");

    world.shop(|shop| shop.closed = None);
    let well = world.next_turn(store).await;
    assert_eq!((&well["status"], &well["errorMessage"], &well["unhealthySince"]), (&json!("HEALTHY"), &json!(null), &json!(null)));
    assert_eq!(world.alerts("StoreConnectionLost").await, ["RESOLVED"]);
}
