//! Whoever follows a sync hears how far it is, to its end, and comes back to where they were.

use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;
use tests::harness::socket::Socket;

use crate::world::World;

const FIELDS: &str = "cursor status phase asked received percent syncRunId storeId";

async fn to_the_end(socket: &mut Socket) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let event = socket.next("1").await["data"]["syncProgress"].take();
        heard.push(event.clone());
        if event["phase"] == "ENDED" {
            return heard;
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_is_followed_to_its_end_and_from_any_cursor(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 60).await;
    world.shop(|shop| shop.bulk_patience = 3);
    let id = world.begin("kind: FULL").await;
    let mut socket = Socket::connect(world.server.address, &world.admin).await;
    socket.subscribe("1", &format!("subscription {{ syncProgress(runId: \"{id}\") {{ {FIELDS} }} }}"), json!({})).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let run = world.ended(&id).await;
    assert_eq!(run["status"], "COMPLETED");
    let heard = to_the_end(&mut socket).await;
    assert!(heard.iter().all(|event| event["syncRunId"] == id.as_str() && event["storeId"] == world.store.as_str()));
    let received: Vec<i64> = heard.iter().map(|event| event["received"].as_i64().unwrap()).collect();
    assert!(received.is_sorted(), "{received:?}");
    let last = heard.last().unwrap();
    assert_eq!((&last["status"], &last["percent"], &last["received"]), (&json!("COMPLETED"), &json!(100.0), &run["received"]));
    for phase in ["EXPORTING", "LOADING", "COMPARING"] {
        assert!(heard.iter().any(|event| event["phase"] == phase), "{phase} was not heard of");
    }
    let middle = heard.len() / 2;
    let after = &heard[middle]["cursor"];
    let mut later = Socket::connect(world.server.address, &world.admin).await;
    later.subscribe("1", &format!("subscription {{ syncProgress(runId: \"{id}\", after: {after}) {{ {FIELDS} }} }}"), json!({})).await;
    assert_eq!(to_the_end(&mut later).await, heard[middle + 1..]);
}
