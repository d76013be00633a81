//! What is not well with the program, its machinery and its machines is an alert above all tenants.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use entities::EventType;
use ops::monitoring::Readings;
use platform::db::Access;
use platform::health::HealthCheck;
use platform::outbox::emit;
use platform::record::Happened;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, Server};

use crate::world::World;

impl World {
    async fn above(&self, kind: &str) -> Vec<(Value, Value, Value)> {
        let found = self.of_type(&self.town.platform, kind).await;
        assert!(found.iter().all(|alert| alert["tenant"].is_null()));
        assert_eq!(self.of_type(self.admin(), kind).await, Vec::<Value>::new(), "a tenant does not see it");
        found.iter().map(|alert| (alert["status"].clone(), alert["severity"].clone(), alert["count"].clone())).collect()
    }
}

fn is(status: &str, severity: &str, count: u64) -> (Value, Value, Value) {
    (json!(status), json!(severity), json!(count))
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_used_too_much_is_told_by_its_name(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let usage = |cpu: f64, memory: f64, disk: f64| Readings { cpu: Some(cpu), memory: Some(memory), disk: Some(disk) };
    world.look("shop-1", usage(80.0, 85.0, 90.0)).await;
    for kind in ["HighCpuUsage", "HighMemoryUsage", "HighDiskUsage"] {
        assert_eq!(world.above(kind).await, [], "{kind}: as much as is allowed");
    }
    world.look("shop-1", usage(80.1, 85.1, 90.1)).await;
    world.pass(TimeDelta::seconds(1));
    world.look("shop-2", usage(99.0, 10.0, 10.0)).await;
    world.look("shop-1", usage(97.5, 85.0, 86.0)).await;
    assert_eq!(world.above("HighCpuUsage").await, [is("OPEN", "MEDIUM", 2), is("OPEN", "MEDIUM", 1)]);
    assert_eq!(world.above("HighMemoryUsage").await, [is("OPEN", "MEDIUM", 1)]);
    assert_eq!(world.above("HighDiskUsage").await, [is("OPEN", "HIGH", 1)], "not over before it is well below");
    let first = world.of_type(&world.town.platform, "HighCpuUsage").await[0].clone();
    assert_eq!(first["data"], json!({ "host": "shop-1", "percent": 97.5, "limit": 80.0 }));
    assert!(first["message"].as_str().unwrap().contains("shop-1"), "{first}");

    world.look("shop-1", usage(75.0, 80.0, 85.0)).await;
    assert_eq!(world.above("HighCpuUsage").await, [is("RESOLVED", "MEDIUM", 2), is("OPEN", "MEDIUM", 1)], "the other machine is as it was");
    assert_eq!(world.above("HighDiskUsage").await, [is("RESOLVED", "HIGH", 1)]);
    // A machine that is gone is measured by nobody.
    world.pass(TimeDelta::minutes(10));
    world.settle().await;
    assert_eq!(world.above("HighCpuUsage").await[1], is("RESOLVED", "MEDIUM", 1));
}

/// A part that is as the test says.
struct Part(bool);

#[async_trait]
impl HealthCheck for Part {
    fn name(&self) -> &'static str {
        if self.0 { "heart" } else { "limb" }
    }

    async fn check(&self) -> Result<Value, String> {
        Err("it hurts".to_owned())
    }

    fn critical(&self) -> bool {
        self.0
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_that_fails_is_an_alert_until_it_is_well(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.settle().await;
    assert_eq!(world.events("alert.raised").await, 0, "all is well");
    // Nobody relays: what has happened waits.
    let tx = world.town.server.db().write(Access::Worker).await.unwrap();
    let event = Happened { kind: EventType::TenantUpdated, tenant: Some(world.town.ours.tenant), store: None, subject: None, data: json!({}) };
    emit(&tx, &world.trace(), event).await.unwrap();
    tx.commit().await.unwrap();
    world.pass(TimeDelta::seconds(31));
    world.settle().await;
    world.settle().await;
    assert_eq!(world.above("RelayLagging").await, [is("OPEN", "HIGH", 2)]);
    world.relay().await;
    world.settle().await;
    assert_eq!(world.above("RelayLagging").await, [is("RESOLVED", "HIGH", 2)]);
    let alert = world.of_type(&world.town.platform, "RelayLagging").await[0].clone();
    assert_eq!([&alert["resolvedBy"], &alert["resolutionNotes"]], [&json!("system"), &json!("it is well again")]);

    for part in [true, false] {
        world.town.server.app.health.add(Arc::new(Part(part)));
    }
    world.settle().await;
    let mut found = world.above("HealthCheckFailed").await;
    found.sort_by_key(|(_, severity, _)| severity.to_string());
    assert_eq!(found, [is("OPEN", "CRITICAL", 1), is("OPEN", "HIGH", 1)]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_program_at_work_copies_what_is_told(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let mut world = World::new(backend).await;
    world.town.server.work().await;
    world.raise("type: \"Copied\", severity: LOW, message: \"m\"").await;
    for _ in 0..500 {
        if world.events("alert.raised").await == 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the program does not watch its feeds: {}", world.events("alert.raised").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_ends_nothing() {
    let server = Server::start(Backend::Postgres).await;
    let machine = Box::new(ops::monitoring::Machine::new(Vec::new()));
    let monitor = ops::monitoring::Monitor::new(server.db().clone(), server.clock(), server.app.health.checks(), machine);
    monitor.look().await.unwrap();
    server.db().close().await;
    assert!(monitor.look().await.is_err(), "it says so, and looks again");
}
