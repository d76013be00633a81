//! Every change of an alert is told in its tenant's feed, and as a copy in the platform's.

use entities::{AlertSeverity, AlertStatus, EventType};
use ops::alerts::AlertEvent;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;

use crate::world::World;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_told_once_in_each_feed_that_it_belongs_to(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (tenant, store) = (world.town.ours.tenant, world.town.ours.store(0));
    let input = |severity: &str| format!("type: \"Told\", severity: {severity}, message: \"m\", source: \"erp\", storeId: \"{store}\"");
    let alert = world.raise(&input("MEDIUM")).await;
    world.raise(&input("MEDIUM")).await;
    world.raise(&input("HIGH")).await;
    world.done(world.admin(), "alertAcknowledge", &format!("id: {}", alert["id"])).await;
    world.done(world.admin(), "alertResolve", &format!("id: {}", alert["id"])).await;

    let ours = world.told(Some(tenant)).await;
    let ours: Vec<_> = ours.iter().filter(|event| AlertEvent::read(event).is_some()).collect();
    let names: Vec<&str> = ours.iter().map(|event| &*event.name).collect();
    assert_eq!(names, ["alert.raised", "alert.updated", "alert.updated", "alert.acknowledged", "alert.resolved"]);
    assert_eq!(
        ours[0].data,
        json!({ "alertId": alert["id"], "type": "Told", "severity": "MEDIUM", "source": "erp", "status": "OPEN", "count": 1, "escalationLevel": 0,
            "storeId": store.to_string(), "tenantId": tenant.to_string(), "silenced": false })
    );
    assert!(ours.iter().all(|event| event.store == Some(store) && json!(event.subject) == alert["id"]));
    let read: Vec<AlertEvent> = ours.iter().filter_map(|event| AlertEvent::read(event)).collect();
    assert_eq!(read.iter().map(|event| event.worse).collect::<Vec<_>>(), [false, false, true, false, false]);
    let last = AlertEvent {
        alert_id: alert["id"].as_str().unwrap().parse().unwrap(),
        kind: EventType::AlertResolved,
        r#type: "Told".to_owned(),
        severity: AlertSeverity::High,
        source: "erp".to_owned(),
        status: AlertStatus::Resolved,
        store_id: Some(store),
        tenant_id: Some(tenant),
        count: 3,
        escalation_level: 0,
        silenced: false,
        worse: false,
        escalated: false,
        audible: false,
        is_copy: false,
    };
    assert_eq!(read[4], last);

    // The platform's feed has a copy of each, in their order, and nothing twice however often it is relayed.
    let platform = world.told(None).await;
    let copies: Vec<AlertEvent> = platform.iter().filter_map(AlertEvent::read).collect();
    assert_eq!(copies, read.iter().map(|event| AlertEvent { is_copy: true, ..event.clone() }).collect::<Vec<_>>());
    assert!(platform.iter().all(|event| event.tenant.is_none()));
    let theirs = world.told(Some(world.town.theirs.tenant)).await;
    assert!(theirs.iter().all(|event| AlertEvent::read(event).is_none()), "nobody else hears of it");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_above_all_tenants_is_told_there_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.done(&world.town.platform, "alertRaise", "type: \"Above\", severity: CRITICAL, message: \"m\"").await;
    let platform = world.told(None).await;
    let told: Vec<AlertEvent> = platform.iter().filter_map(AlertEvent::read).collect();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].is_copy, told[0].tenant_id, &*told[0].r#type), (false, None, "Above"));
    for tenant in [world.town.ours.tenant, world.town.theirs.tenant] {
        assert!(world.told(Some(tenant)).await.iter().all(|event| AlertEvent::read(event).is_none()));
    }
}
