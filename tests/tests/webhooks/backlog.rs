//! However much waits for one endpoint, the others do not wait for it.

use std::time::Duration;

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;

use crate::receiver::{Behaviour, Receiver};
use crate::world::World;

const MANY: usize = 10_000;
const WAITING: &str = "select count(*) from jobs where kind = 'webhook.deliver' and status = 'QUEUED' and attempts = 0";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_of_ten_thousand_keeps_nobody_else_waiting(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::patient_for(backend, Duration::from_secs(50)).await;
    let (hanging, ours, theirs) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    hanging.always(Behaviour::Silence);
    let behind = world.endpoint(&hanging.url(), "[STORE_UPDATED]").await;
    let next_to_it = world.endpoint(&ours.url(), "[ORDER_CREATED]").await;
    world.endpoint_of(&world.theirs, &theirs.url(), "[STORE_UPDATED]").await;
    world.store_changes_often(MANY).await;
    world.comes_to("select count(*) from webhook_deliveries", MANY as i64).await;
    world.comes_to(WAITING, MANY as i64 - 4).await;

    for number in 1..=5 {
        let input = format!("id: \"{}\", description: \"{number}\"", world.theirs.store);
        assert_eq!(world.change_as(&world.theirs, "storeUpdate", &input, "store { id }").await["userErrors"], json!([]));
        theirs.hears(number).await;
    }
    // Nor does another endpoint of the same tenant wait.
    world.done("webhookEndpointTest", &format!("id: \"{}\"", next_to_it.id), "webhookDelivery { id }").await;
    ours.hears(1).await;
    assert_eq!(hanging.heard().len(), 4, "an endpoint is sent four at once");
    assert_eq!(world.number(WAITING).await, MANY as i64 - 4, "nothing of the backlog was begun meanwhile, or put back");
    let running = "select count(*) from jobs where kind = 'webhook.deliver' and status = 'RUNNING'";
    world.comes_to(running, 4).await;

    // Who has more to do than fits waits for themselves: the queue is not behind.
    world.pass(TimeDelta::minutes(10));
    let lag = platform::jobs::lag(world.server.db(), &*world.server.clock).await.unwrap();
    assert!(lag.due >= MANY as i64 - 4 && lag.seconds < 60.0, "{lag:?}");

    // What it costs to look for work does not grow with what waits.
    let looks = world.server.db().statements();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let looked = world.server.db().statements() - looks;
    assert!(looked < 200, "{looked} statements in two seconds in which nothing could be done");
    world.done("webhookEndpointDelete", &format!("id: \"{}\"", behind.id), "deletedWebhookEndpointId").await;
    assert_eq!(world.number("select count(*) from webhook_deliveries").await, 6);
}
