//! What is slow in one feed keeps nobody else's events waiting.

use std::time::{Duration, Instant};

use migration::APP_ROLE;
use platform::Database;
use platform::db::DatabaseSettings;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::harness::Backend;
use tests::harness::socket::Socket;

use super::world::{change, event, following, raise, settle, town};

/// Different selections that are executed for each event of the slow tenant.
const SELECTIONS: usize = 30;
/// How long each of them takes at least.
const EACH: f64 = 1.5;
/// How long the other tenant waits at most.
const SOON: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_feed_keeps_no_other_waiting() {
    let town = town(Backend::Postgres).await;
    let mut other = following(&town, &town.theirs.member.credentials, None).await;
    let id = raise(&town, "slow", Some(town.ours.store(0))).await;
    let mut slow = Socket::connect(town.server.address, &town.ours.admin.credentials).await;
    for number in 0..SELECTIONS {
        let query = format!("subscription {{ alertEvents {{ alert {{ store {{ n{number}: name }} }} }} }}");
        slow.subscribe(&number.to_string(), &query, json!({})).await;
    }
    settle(&mut slow).await;
    tokio::time::sleep(Duration::from_millis(700)).await;

    // Looking at this tenant's stores takes long.
    let owner = Database::connect(&DatabaseSettings { role: None, max_connections: 1, ..town.server.database.settings().clone() }).await.unwrap();
    let (tenant, policy) = (town.ours.tenant.uuid(), "create policy slow on stores as restrictive for select");
    for sql in [
        format!(
            "create function slowly(tenant uuid) returns boolean language plpgsql as
             $$ begin if tenant = '{tenant}' then perform pg_sleep({EACH}); end if; return true; end $$"
        ),
        format!("{policy} to {APP_ROLE} using (slowly(tenant_id))"),
    ] {
        owner.pool().execute_unprepared(&sql).await.unwrap();
    }
    change(&town, &town.ours.admin.credentials, "alertAcknowledge", json!({ "id": id })).await;
    tokio::time::sleep(Duration::from_millis(500)).await;

    let input = json!({ "type": "Trial", "severity": "HIGH", "message": "quick", "fingerprint": "quick" });
    let begun = Instant::now();
    change(&town, &town.theirs.admin.credentials, "alertRaise", input).await;
    assert_eq!(event(&mut other).await["alert"]["message"], "quick");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // The slow ones come as well, each in its turn: they had not all been shown before.
    let mut first = slow.hear().await.message();
    while first["type"] == "pong" {
        first = slow.hear().await.message();
    }
    assert_eq!(first["type"], "next", "{first}");
}
