//! What is over long enough goes, and nothing else does.

use std::time::Duration;

use chrono::TimeDelta;
use entities::AlertSeverity;
use ops::upkeep::{CLEAN, Cleaner};
use platform::db::Access;
use platform::jobs::{Enqueued, Jobs, NewJob, enqueue};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::world::World;

impl World {
    async fn clean(&self) {
        let server = &self.town.server;
        let jobs = Jobs::start(server.db().clone(), server.clock(), vec![std::sync::Arc::new(Cleaner)], Vec::new());
        let tx = server.db().write(Access::Worker).await.unwrap();
        let Enqueued::New(id) = enqueue(&tx, &self.trace(), NewJob::new(CLEAN, None, json!({}))).await.unwrap() else { panic!("a job") };
        tx.commit().await.unwrap();
        for _ in 0..500 {
            if self.ask_as(&self.town.platform, &format!("{{ job(id: \"{id}\") {{ status }} }}")).await["job"]["status"] == "DONE" {
                jobs.stop(Duration::from_secs(5)).await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the upkeep is not done");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn resolved_alerts_go_after_180_days_and_silences_30_days_after_their_end(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let open = world.raise_own(world.alert_of("StaysOpen", AlertSeverity::Low)).await;
    let until = (world.now() + TimeDelta::days(1)).to_rfc3339();
    let silenced = world.change(world.admin(), "alertSilence", &format!("type: \"T\", until: \"{until}\", reason: \"r\""), "alertSilence { id }").await;
    let raise = "type: \"ComesBack\", severity: LOW, message: \"m\"";
    let first = world.raise(raise).await;
    world.done(world.admin(), "alertResolve", &format!("id: {}", first["id"])).await;
    world.pass(TimeDelta::days(1));
    let second = world.raise(raise).await;
    world.done(world.admin(), "alertResolve", &format!("id: {}", second["id"])).await;
    let third = world.raise(raise).await;
    let silence = format!("{{ alertSilence(id: {}) {{ id }} }}", silenced["alertSilence"]["id"]);

    world.pass(TimeDelta::days(29));
    world.clean().await;
    assert!(world.ask(&silence).await["alertSilence"].is_object());
    world.pass(TimeDelta::days(2));
    world.clean().await;
    assert_eq!(world.ask(&silence).await["alertSilence"], Value::Null);
    assert!(world.alert(&first["id"]).await.is_object());

    // The first has been over for 180 days and some, the second not quite.
    world.pass(TimeDelta::days(180) - TimeDelta::days(31) - TimeDelta::hours(1));
    world.clean().await;
    assert_eq!(world.alert(&first["id"]).await, Value::Null);
    assert_eq!(world.alert(&second["id"]).await["previousAlert"], Value::Null);
    assert_eq!(world.alert(&third["id"]).await["previousAlert"], json!({ "id": second["id"] }));
    world.pass(TimeDelta::days(400));
    world.clean().await;
    assert_eq!(world.alert(&second["id"]).await, Value::Null);
    for stays in [third["id"].clone(), json!(open.id.to_string())] {
        assert_eq!(world.alert(&stays).await["status"], "OPEN", "what is not over stays, whatever its age");
    }
}
