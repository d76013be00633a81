//! What is not done in time is told of before it is too late.

use std::time::Duration;

use chrono::TimeDelta;
use entities::PrivacyRequestKind;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, privacy};

use crate::world::World;

impl World {
    async fn alerts(&self) -> Vec<Value> {
        let query = "{ alerts(filter: { types: [\"PrivacyRequestDue\"] }) { nodes { id severity status count data } } }";
        self.ask(query).await["alerts"]["nodes"].as_array().unwrap().clone()
    }

    /// Waits until there is such an alert.
    async fn alerted(&self, severity: &str, status: &str) -> Value {
        for _ in 0..400 {
            let alerts = self.alerts().await;
            assert!(alerts.len() <= 1, "{alerts:?}");
            if let Some(alert) = alerts.into_iter().find(|alert| alert["severity"] == severity && alert["status"] == status) {
                return alert;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no alert is {severity} and {status}: {:?}", self.alerts().await);
    }

    async fn watched(&self, times: i64) {
        self.until("the watch has looked", "select count(*) from jobs where kind = 'privacy.watch' and status = 'DONE'", times).await;
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_done_raises_an_alert_until_it_is(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::open(backend).await;
    let stuck = privacy::failed(&world.server, world.tenant, Some(world.store), PrivacyRequestKind::DataRequest, "tea").await;
    let id = json!(stuck);
    world.pass(TimeDelta::days(20) - TimeDelta::hours(2)).await;
    world.watched(1).await;
    assert_eq!(world.alerts().await, Vec::<Value>::new(), "there is time yet");

    world.pass(TimeDelta::hours(3)).await;
    let high = world.alerted("HIGH", "OPEN").await;
    assert_eq!((&high["data"]["privacyRequestId"], &high["data"]["days"], &high["count"]), (&id, &json!(20), &json!(1)));
    world.pass(TimeDelta::days(1)).await;
    world.watched(3).await;
    assert_eq!(world.alerted("HIGH", "OPEN").await["count"], 1, "it is said once");

    world.pass(TimeDelta::days(7)).await;
    let critical = world.alerted("CRITICAL", "OPEN").await;
    assert_eq!((&critical["id"], &critical["data"]["days"]), (&high["id"], &json!(28)));
    let due = "{ privacyRequests(filter: { status: FAILED, kind: DATA_REQUEST, dueBefore: \"2026-12-22T00:00:00Z\" }) { totalCount } }";
    assert_eq!(world.ask(due).await["privacyRequests"]["totalCount"], 1);

    let retry = format!("mutation {{ privacyRequestRetry(input: {{ id: {id} }}) {{ userErrors {{ code }} }} }}");
    assert_eq!(world.ask(&retry).await["privacyRequestRetry"]["userErrors"], json!([]));
    world.completed().await;
    assert_eq!(world.alerted("CRITICAL", "RESOLVED").await["id"], high["id"]);
    assert_eq!(world.request().await["outcome"], "NOTHING_THERE");
}
