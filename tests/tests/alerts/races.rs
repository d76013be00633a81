//! What happens at the same moment: silences that come and go while alerts are raised, and alerts that are resolved while they are
//! raised again.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::future::{join, join_all};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::world::World;

const ROUNDS: usize = 25;

async fn silence(world: &World, kind: &str) -> String {
    let until = (world.now() + TimeDelta::hours(1)).to_rfc3339();
    let input = format!("type: \"{kind}\", until: \"{until}\", reason: \"we look at it\"");
    let made = world.change(world.admin(), "alertSilence", &input, "alertSilence { id }").await;
    assert_eq!(made["userErrors"], json!([]));
    made["alertSilence"]["id"].as_str().unwrap().to_owned()
}

async fn end(world: &World, silence: &str) {
    let ended = world.change(world.admin(), "alertSilenceEnd", &format!("id: \"{silence}\""), "alertSilence { id }").await;
    assert_eq!(ended["userErrors"], json!([]));
}

fn raised(kind: &str, number: usize) -> String {
    format!("type: \"{kind}\", severity: CRITICAL, message: \"m\", fingerprint: \"{kind}-{number}\"")
}

/// The alerts of a type that are silenced, and those that are not.
async fn silenced(world: &World, kind: &str) -> (usize, usize) {
    let alerts = world.of_type(world.admin(), kind).await;
    let silenced = alerts.iter().filter(|alert| alert["silencedUntil"] != Value::Null).count();
    (silenced, alerts.len() - silenced)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_alert_stays_silenced_when_no_silence_holds_and_none_is_heard_while_one_does(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    for number in 0..ROUNDS {
        let planned = silence(&world, "Planned").await;
        join(end(&world, &planned), world.raise(&raised("Planned", number))).await;
        let (kind, input) = (format!("Begun{number}"), raised(&format!("Begun{number}"), number));
        join(silence(&world, &kind), world.raise(&input)).await;
        assert_eq!(silenced(&world, &kind).await, (1, 0), "round {number}");
    }
    assert_eq!(silenced(&world, "Planned").await, (0, ROUNDS));

    // Two that match the same alerts, ended together.
    for number in 0..10 {
        world.raise(&raised("Both", number)).await;
    }
    for round in 0..ROUNDS {
        let (one, other) = (silence(&world, "Both").await, silence(&world, "Both").await);
        assert_eq!(silenced(&world, "Both").await, (10, 0));
        join(end(&world, &one), end(&world, &other)).await;
        assert_eq!(silenced(&world, "Both").await, (0, 10), "round {round}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_raises_while_others_resolve_is_never_stuck(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = Arc::new(World::new(backend).await);
    let tasks = (0..8).map(|_| {
        let world = world.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                let alert = world.raise(&raised("Flaps", 0)).await;
                let resolved = world.change(world.admin(), "alertResolve", &format!("id: {}", alert["id"]), "alert { status }").await;
                // By the same caller or by nobody before: it is over in either case.
                assert_eq!((&resolved["alert"]["status"], &resolved["userErrors"]), (&json!("RESOLVED"), &json!([])));
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let alerts = world.of_type(world.admin(), "Flaps").await;
    assert!(alerts.iter().all(|alert| alert["status"] == "RESOLVED"));
    assert_eq!(alerts.iter().map(|alert| alert["count"].as_u64().unwrap()).sum::<u64>(), 80, "each was counted once");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_silences_hold_at_once_and_no_more(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let until = (world.now() + TimeDelta::hours(1)).to_rfc3339();
    let holding = format!("{{ alertSilences(filter: {{ holdingAt: \"{}\" }}) {{ totalCount }} }}", world.now().to_rfc3339());
    let before = world.ask(&holding).await["alertSilences"]["totalCount"].as_u64().unwrap();
    let made = join_all((0..115).map(async |number| {
        let input = format!("type: \"Type{number}\", until: \"{until}\", reason: \"a race\"");
        world.change(world.admin(), "alertSilence", &input, "alertSilence { id }").await["alertSilence"] != Value::Null
    }))
    .await;
    assert_eq!(before + made.into_iter().filter(|made| *made).count() as u64, 100);
    assert_eq!(world.ask(&holding).await["alertSilences"]["totalCount"], 100);
}
