//! What was kept long enough goes at night, and nothing else does.

use std::sync::Arc;

use chrono::TimeDelta;
use entities::{EventType, MembershipRole, TenantId};
use platform::Trace;
use platform::db::{Access, Wake};
use platform::outbox::{Event, FeedId, emit};
use platform::record::Happened;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::harness::{Backend, People, TestClock};

use crate::receiver::{Behaviour, Receiver};
use crate::world::World;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn old_events_deliveries_and_jobs_go_at_night(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let receiver = Receiver::start().await;
    let endpoint = world.endpoint(&receiver.url(), "[STORE_UPDATED]").await;
    let (short, long) = (world.endpoint(&receiver.url(), "[ORDER_CREATED]").await, world.endpoint(&receiver.url(), "[ORDER_CREATED]").await);
    let cleaned = "select count(*) from jobs where kind = 'upkeep.clean' and status = 'DONE'";
    let done = "select count(*) from jobs where kind = 'webhook.deliver' and status = 'DONE'";
    let updates = "select count(*) from events where name = 'store.updated'";
    // The schedule begins with its first tick.
    world.comes_to("select count(*) from job_schedules where name = 'upkeep.clean'", 1).await;
    world.store_changes("old").await;
    world.deliveries_when(&endpoint, |found| found.iter().any(|one| one["status"] == "DELIVERED")).await;

    world.pass(TimeDelta::days(28));
    world.comes_to(cleaned, 1).await;
    // A secret that nothing is signed with any more is not kept.
    for (endpoint, hours) in [(&short, 1), (&long, 168)] {
        world.done("webhookEndpointSecretRotate", &format!("id: \"{}\", previousValidHours: {hours}", endpoint.id), "secret").await;
    }
    world.pass(TimeDelta::days(1));
    world.comes_to(cleaned, 2).await;
    assert_eq!(world.number("select count(*) from webhook_endpoints where previous_secret_sealed is not null and previous_secret_until is not null").await, 1);
    assert_eq!(world.number("select count(*) from webhook_endpoints where previous_secret_sealed is null").await, 2);
    assert_eq!((world.number(done).await, world.deliveries(&endpoint).await.len(), world.number(updates).await), (0, 1, 1));

    // What waits stays, whatever its age; unless nobody works on it any more.
    receiver.then([Behaviour::Answer("500 Internal Server Error", "")]);
    world.store_changes("new").await;
    world.deliveries_when(&endpoint, |found| found.len() == 2 && found[1]["attempts"] == 1).await;
    let tx = world.server.db().write(Access::Worker).await.unwrap();
    tx.execute_unprepared("update jobs set status = 'CANCELLED' where kind = 'webhook.deliver' and status = 'QUEUED'").await.unwrap();
    tx.commit().await.unwrap();
    world.pass(TimeDelta::days(2));
    world.comes_to(cleaned, 3).await;
    let left = world.deliveries(&endpoint).await;
    assert_eq!((left.len(), world.number(updates).await), (1, 1));
    assert_eq!((&left[0]["status"], &left[0]["errorMessage"]), (&json!("FAILED"), &json!("its job was called off or died")));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_links_go_when_they_have_been_over_for_long(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let people = People::of(&world.server);
    let tenant = people.tenant("Old K.K.").await;
    people.person(tenant, "old@example.jp", MembershipRole::TenantAdmin, None).await;
    people.invited(tenant, "never@example.jp", MembershipRole::TenantMember, None).await;
    world.comes_to("select count(*) from job_schedules where name = 'upkeep.clean'", 1).await;
    world.pass(TimeDelta::days(200));
    people.session("old@example.jp").await;
    world.comes_to("select count(*) from jobs where kind = 'upkeep.clean' and status = 'DONE'", 1).await;
    let tx = world.server.db().read(Access::Identity).await.unwrap();
    for (table, left) in [("sessions", 1), ("refresh_tokens", 1), ("one_time_links", 0)] {
        let row = tx.query_one_raw(world.server.db().statement(format!("select count(*) from {table}"), [])).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), left, "{table}");
    }
}

/// Changes that are committed one after the other, at these times from now: the clocks of those who write differ, and changes last.
async fn changes_at(world: &World, tenant: TenantId, days: &[i64]) {
    let before = kept(world, tenant).await.len();
    for days in days {
        let trace = Trace::system("a test", Arc::new(TestClock::at(world.now() + TimeDelta::days(*days))));
        let tx = world.server.db().write(Access::Tenant(tenant)).await.unwrap();
        let event = Happened { kind: EventType::StoreUpdated, tenant: Some(tenant), store: None, subject: None, data: json!({}) };
        emit(&tx, &trace, event).await.unwrap();
        tx.commit().await.unwrap();
    }
    world.server.db().signals().wake(Wake::Events);
    world
        .comes_to(&format!("select count(*) from events where feed_id = {} and position is not null", literal(world, tenant)), (before + days.len()) as i64)
        .await;
}

fn literal(world: &World, tenant: TenantId) -> String {
    let hex = tenant.uuid().simple();
    if platform::db::is_sqlite(world.server.db().backend()) { format!("x'{hex}'") } else { format!("'{hex}'") }
}

async fn kept(world: &World, tenant: TenantId) -> Vec<Event> {
    let tx = world.server.db().read(Access::Worker).await.unwrap();
    FeedId::of(Some(tenant)).read(&tx, 0, 100_000).await.unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_forgotten_from_its_front_and_has_no_gaps(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (ours, theirs) = (world.ours.tenant, world.theirs.tenant);
    world.comes_to("select count(*) from job_schedules where name = 'upkeep.clean'", 1).await;
    // More than one batch of those that go; then an old one that became known late.
    changes_at(&world, ours, &[0; 1_100]).await;
    changes_at(&world, ours, &[5, 0, 0, 5, 8]).await;
    changes_at(&world, theirs, &[0, -3, 0]).await;
    let newest = [kept(&world, ours).await.len() as i64, kept(&world, theirs).await.len() as i64];

    world.pass(TimeDelta::days(32));
    world.comes_to("select count(*) from jobs where kind = 'upkeep.clean' and status = 'DONE'", 1).await;
    let places: Vec<i64> = kept(&world, ours).await.iter().map(|event| event.position).collect();
    assert_eq!(places, (newest[0] - 4..=newest[0]).collect::<Vec<_>>(), "what is behind a young one stays");
    assert_eq!(kept(&world, theirs).await, [], "all that is old goes where nothing is young");
    let tx = world.server.db().read(Access::Worker).await.unwrap();
    let oldest = [FeedId::of(Some(ours)).oldest(&tx).await.unwrap(), FeedId::of(Some(theirs)).oldest(&tx).await.unwrap()];
    assert_eq!(oldest, [newest[0] - 4, newest[1] + 1]);
    drop(tx);

    // What comes goes on counting.
    changes_at(&world, theirs, &[0]).await;
    assert_eq!(kept(&world, theirs).await.iter().map(|event| event.position).collect::<Vec<_>>(), [newest[1] + 1]);
    world.pass(TimeDelta::days(5));
    world.comes_to("select count(*) from jobs where kind = 'upkeep.clean' and status = 'DONE'", 2).await;
    assert_eq!(kept(&world, ours).await.iter().map(|event| event.position).collect::<Vec<_>>(), [newest[0]], "they go as soon as the young one has");
}
