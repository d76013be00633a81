//! What goes wrong anywhere raises an alert, and resolves it when it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use entities::{EventType, WebhookEndpointId, WebhookEventStatus};
use platform::db::Access;
use platform::jobs::{Backoff, Enqueued, JobError, JobKind, Jobs, NewJob, Queue, Running, Worker, enqueue};
use platform::outbox::emit;
use platform::record::Happened;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::{Backend, inbox};

use crate::world::World;

const FLAKY: JobKind = JobKind {
    name: "test.flaky",
    queue: Queue::INBOX,
    max_attempts: 1,
    timeout: Duration::from_secs(10),
    backoff: Backoff::Exponential(Duration::from_secs(1), Duration::from_secs(1)),
};

struct Flaky(Arc<AtomicBool>);

#[async_trait]
impl Worker for Flaky {
    fn kind(&self) -> &'static JobKind {
        &FLAKY
    }

    async fn run(&self, _: &Running) -> Result<(), JobError> {
        if self.0.load(Ordering::SeqCst) { Ok(()) } else { Err(JobError::Fail("no luck".to_owned())) }
    }
}

impl World {
    /// Something happens to our tenant.
    async fn happens(&self, kind: EventType, subject: &str, data: Value) {
        let tx = self.town.server.db().write(Access::Worker).await.unwrap();
        let event = Happened { kind, tenant: Some(self.town.ours.tenant), store: None, subject: Some(subject.to_owned()), data };
        emit(&tx, &self.trace(), event).await.unwrap();
        tx.commit().await.unwrap();
        self.relay().await;
    }

    /// The one alert of a type.
    async fn only(&self, kind: &str) -> Value {
        let found = self.of_type(self.admin(), kind).await;
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0].clone()
    }

    async fn job_is(&self, id: &str, status: &str) {
        for _ in 0..500 {
            if self.ask(&format!("{{ job(id: \"{id}\") {{ status }} }}")).await["job"]["status"] == status {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the job does not come to be {status}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_raises_an_alert_until_it_is_done(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let server = &world.town.server;
    let mended = Arc::new(AtomicBool::new(false));
    let jobs = Jobs::start(server.db().clone(), server.clock(), vec![Arc::new(Flaky(mended.clone()))], Vec::new());
    let mut ids = Vec::new();
    for _ in 0..2 {
        let tx = server.db().write(Access::Worker).await.unwrap();
        let Enqueued::New(id) = enqueue(&tx, &world.trace(), NewJob::new(&FLAKY, Some(world.town.ours.tenant), json!({}))).await.unwrap() else { panic!() };
        tx.commit().await.unwrap();
        world.job_is(&id.to_string(), "FAILED").await;
        ids.push(id.to_string());
    }
    world.relay().await;
    let alert = world.only("JobFailed").await;
    assert_eq!([&alert["severity"], &alert["source"], &alert["count"]], [&json!("MEDIUM"), &json!("noren/jobs"), &json!(2)]);
    assert_eq!(alert["data"], json!({ "kind": "test.flaky", "jobId": ids[1] }));
    assert!(alert["message"].as_str().unwrap().contains("test.flaky"), "{alert}");
    assert_eq!(alert["tenant"]["id"], world.town.ours.tenant.to_string());

    // As long as one of them has failed it stays.
    world.pass(TimeDelta::minutes(1));
    world.settle().await;
    assert_eq!(world.only("JobFailed").await["status"], "OPEN");
    mended.store(true, Ordering::SeqCst);
    for (id, status) in [(&ids[0], "OPEN"), (&ids[1], "RESOLVED")] {
        let retried = world.change(world.admin(), "jobRetry", &format!("id: \"{id}\""), "job { id }").await;
        assert_eq!(retried["userErrors"], json!([]));
        world.job_is(id, "DONE").await;
        world.settle().await;
        assert_eq!(world.only("JobFailed").await["status"], status);
    }
    let alert = world.only("JobFailed").await;
    assert_eq!([&alert["resolvedBy"], &alert["resolutionNotes"]], [&json!("system"), &json!("the jobs that had failed are done, or gone")]);
    jobs.stop(Duration::from_secs(5)).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_endpoint_that_is_disabled_raises_one_until_it_is_enabled_or_gone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let disable = async |id: WebhookEndpointId| {
        let (db, id) = (world.town.server.db(), id.to_string());
        let tx = db.write(Access::Platform).await.unwrap();
        tx.execute_unprepared("update webhook_endpoints set status = 'DISABLED', disabled_reason = 'it answered 410 Gone'").await.unwrap();
        tx.commit().await.unwrap();
        world.happens(EventType::WebhookEndpointDisabled, &id, json!({ "webhookEndpointId": id, "reason": "it answered 410 Gone" })).await;
    };
    let endpoint = world.town.ours.webhook.0;
    disable(endpoint).await;
    let alert = world.only("WebhookEndpointDisabled").await;
    assert_eq!([&alert["severity"], &alert["status"], &alert["source"]], [&json!("HIGH"), &json!("OPEN"), &json!("noren/webhooks")]);
    assert!(alert["message"].as_str().unwrap().contains("it answered 410 Gone"), "{alert}");
    let update = async |input: &str| {
        let changed = world.change(world.admin(), "webhookEndpointUpdate", &format!("id: \"{endpoint}\", {input}"), "webhookEndpoint { status }").await;
        assert_eq!(changed["userErrors"], json!([]));
        world.relay().await;
    };
    update("description: \"still off\"").await;
    world.settle().await;
    assert_eq!(world.alert(&alert["id"]).await["status"], "OPEN");
    update("status: ENABLED").await;
    let over = world.alert(&alert["id"]).await;
    assert_eq!([&over["status"], &over["resolvedBy"], &over["resolutionNotes"]], [&json!("RESOLVED"), &json!("system"), &json!("the endpoint was enabled")]);

    world.pass(TimeDelta::seconds(1));
    disable(endpoint).await;
    let again = world.of_type(world.admin(), "WebhookEndpointDisabled").await.pop().unwrap();
    assert_eq!(again["previousAlert"], json!({ "id": alert["id"] }));
    world.change(world.admin(), "webhookEndpointDelete", &format!("id: \"{endpoint}\""), "deletedWebhookEndpointId").await;
    world.relay().await;
    let over = world.alert(&again["id"]).await;
    assert_eq!([&over["status"], &over["resolutionNotes"]], [&json!("RESOLVED"), &json!("the endpoint was deleted")]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_fail_raise_one_alert_a_connection_until_they_are_worked_on(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (server, ours) = (&world.town.server, &world.town.ours);
    let mut deliveries = Vec::new();
    for _ in 0..2 {
        let id = inbox::failed_delivery(server, ours.tenant, ours.connection, None, &ours.marker).await;
        world.happens(EventType::WebhookEventFailed, &id.to_string(), json!({ "webhookEventId": id })).await;
        deliveries.push(id);
    }
    let alert = world.only("WebhookEventFailed").await;
    assert_eq!([&alert["severity"], &alert["count"], &alert["source"]], [&json!("MEDIUM"), &json!(2), &json!("noren/inbox")]);
    assert_eq!((&alert["data"]["connectionId"], &alert["data"]["provider"]), (&json!(ours.connection), &json!("shopify")));
    assert!(alert["message"].as_str().unwrap().contains("nothing for oursmark"), "{alert}");
    // The town's own failed long ago.
    let set = async |status: WebhookEventStatus| {
        let db = server.db();
        let tx = db.write(Access::Worker).await.unwrap();
        for id in &deliveries {
            tx.execute_raw(db.statement("update webhook_events set status = $1 where id = $2", [status.as_str().into(), (*id).into()])).await.unwrap();
        }
        tx.execute_raw(db.statement(
            "update webhook_events set updated_at = $1 where status = 'FAILED' and id <> $2 and id <> $3",
            [(world.now() - TimeDelta::days(1)).into(), deliveries[0].into(), deliveries[1].into()],
        ))
        .await
        .unwrap();
        tx.commit().await.unwrap();
        world.settle().await;
        world.only("WebhookEventFailed").await["status"].clone()
    };
    assert_eq!(set(WebhookEventStatus::Failed).await, "OPEN");
    assert_eq!(set(WebhookEventStatus::Pending).await, "OPEN", "it is being worked on again");
    assert_eq!(set(WebhookEventStatus::Processed).await, "RESOLVED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_operation_is_told_until_it_was_not_slow_for_an_hour(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let slow = async |name: &str, ms: u64| {
        world.happens(EventType::RequestSlow, "request", json!({ "requestId": "r", "operationName": name, "milliseconds": ms })).await;
    };
    slow("Dashboard", 6_000).await;
    world.pass(TimeDelta::seconds(1));
    slow("Export", 7_000).await;
    world.pass(TimeDelta::minutes(50));
    slow("Dashboard", 8_000).await;
    world.settle().await;
    let found = world.of_type(world.admin(), "SlowRequest").await;
    let brief = |alert: &Value| (alert["message"].as_str().unwrap().to_owned(), alert["count"].clone(), alert["status"].clone());
    assert_eq!(
        found.iter().map(brief).collect::<Vec<_>>(),
        [
            ("The operation Dashboard took 8000 ms.".to_owned(), json!(2), json!("OPEN")),
            ("The operation Export took 7000 ms.".to_owned(), json!(1), json!("OPEN")),
        ]
    );
    assert_eq!(found[0]["severity"], "LOW");
    world.pass(TimeDelta::minutes(10));
    world.settle().await;
    let states = async || world.of_type(world.admin(), "SlowRequest").await.iter().map(|alert| alert["status"].clone()).collect::<Vec<_>>();
    assert_eq!(states().await, ["OPEN", "RESOLVED"]);
    world.pass(TimeDelta::minutes(50));
    world.settle().await;
    assert_eq!(states().await, ["RESOLVED", "RESOLVED"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_alerts_raises_none(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let id = "job_01jdz8v0000000000000000000";
    world.happens(EventType::JobFailed, id, json!({ "jobId": id, "kind": "webhook.deliver" })).await;
    world.happens(EventType::TenantSuspended, "t", json!({ "tenantId": world.town.ours.tenant })).await;
    assert_eq!(world.events("alert.raised").await, 0, "an endpoint that fails is told by being disabled");
    world.happens(EventType::JobFailed, id, json!({ "jobId": id, "kind": "webhook_event.process" })).await;
    assert_eq!(world.only("JobFailed").await["severity"], "HIGH");
    for _ in 0..3 {
        world.relay().await;
    }
    assert_eq!((world.events("alert.raised").await, world.events("alert.updated").await), (2, 0), "one, and its copy");
}
