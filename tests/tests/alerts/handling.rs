//! Looking after alerts, resolving them, and what happens to those that nobody looks after.

use chrono::TimeDelta;
use entities::{AlertId, AlertSeverity};
use ops::alerts::{clear, escalate};
use platform::db::Access;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::world::World;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_looks_after_an_alert_and_who_resolves_it_is_kept(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (admin, member) = (&world.town.ours.admin, &world.town.ours.member);
    let alert = world.raise("type: \"Broken\", severity: HIGH, message: \"broken\"").await;
    world.pass(TimeDelta::minutes(3));
    let acknowledged_at = json!(world.now().to_rfc3339());
    let input = format!("id: {}, note: \" I look. \"", alert["id"]);
    let mine = world.done(&member.credentials, "alertAcknowledge", &input).await;
    assert_eq!([&mine["status"], &mine["acknowledgedAt"]], [&json!("ACKNOWLEDGED"), &acknowledged_at]);
    assert_eq!([&mine["acknowledgedBy"], &mine["acknowledgementNote"]], [&json!(member.id.to_string()), &json!("I look.")]);

    // Who repeats it finds it as it is; another is told.
    world.pass(TimeDelta::minutes(1));
    assert_eq!(world.done(&member.credentials, "alertAcknowledge", &format!("id: {}", alert["id"])).await, mine);
    let other = world.change(&admin.credentials, "alertAcknowledge", &input, "alert { id }").await;
    assert_eq!(other["userErrors"][0]["code"], "ALREADY_ACKNOWLEDGED");
    assert!(other["userErrors"][0]["message"].as_str().unwrap().contains(&member.id.to_string()), "{other}");
    assert_eq!(world.events("alert.acknowledged").await, 1);

    let done = world.done(&admin.credentials, "alertResolve", &format!("id: {}, notes: \"mended\"", alert["id"])).await;
    assert_eq!([&done["status"], &done["resolvedAt"]], [&json!("RESOLVED"), &json!(world.now().to_rfc3339())]);
    assert_eq!([&done["resolvedBy"], &done["resolutionNotes"]], [&json!(admin.id.to_string()), &json!("mended")]);
    assert_eq!([&done["acknowledgedBy"], &done["acknowledgedAt"]], [&mine["acknowledgedBy"], &acknowledged_at]);
    assert_eq!(world.done(&admin.credentials, "alertResolve", &format!("id: {}", alert["id"])).await, done);
    for name in ["alertResolve", "alertAcknowledge"] {
        assert_eq!(world.refused(&member.credentials, name, &format!("id: {}", alert["id"])).await, ("ALREADY_RESOLVED".to_owned(), "id".to_owned()), "{name}");
    }
    assert_eq!(world.events("alert.resolved").await, 1);
    assert_eq!(world.alert(&alert["id"]).await, done);

    let log =
        world.ask("{ auditEvents(filter: { actions: [\"alertRaise\", \"alertAcknowledge\", \"alertResolve\"] }) { nodes { action actor subject } } }").await;
    let log: Vec<_> = log["auditEvents"]["nodes"].as_array().unwrap().iter().rev().cloned().collect();
    let entry = |action: &str, actor: &Value| json!({ "action": action, "actor": actor, "subject": alert["id"] });
    let (raised_by, admin, member) = (json!(world.admin_id), json!(admin.id.to_string()), json!(member.id.to_string()));
    assert_eq!(log, [entry("alertRaise", &raised_by), entry("alertAcknowledge", &member), entry("alertResolve", &admin)]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn notes_are_not_endless_and_what_is_not_ones_own_is_not_there(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let alert = world.raise("type: \"Broken\", severity: LOW, message: \"broken\"").await;
    let long = "x".repeat(2_001);
    let too_long = |field: &str| ("TOO_LONG".to_owned(), field.to_owned());
    assert_eq!(world.refused(world.admin(), "alertAcknowledge", &format!("id: {}, note: \"{long}\"", alert["id"])).await, too_long("note"));
    assert_eq!(world.refused(world.admin(), "alertResolve", &format!("id: {}, notes: \"{long}\"", alert["id"])).await, too_long("notes"));
    let stranger = &world.town.theirs.admin.credentials;
    // It is about no store: a clerk does not see it.
    for who in [stranger, &world.town.ours.clerk.credentials] {
        for name in ["alertAcknowledge", "alertResolve"] {
            assert_eq!(world.refused(who, name, &format!("id: {}", alert["id"])).await, ("NOT_FOUND".to_owned(), "id".to_owned()));
        }
    }
    assert_eq!(world.alert(&alert["id"]).await, alert);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_ends_resolves_its_alert_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let alert = world.raise_own(world.alert_of("Condition", AlertSeverity::High)).await;
    let clear = async || {
        let tx = world.town.server.db().write(Access::Worker).await.unwrap();
        let cleared = clear(&tx, &world.trace(), alert.tenant_id, &alert.fingerprint, "it is well again").await.unwrap();
        tx.commit().await.unwrap();
        cleared
    };
    assert_eq!(clear().await.map(|cleared| cleared.id), Some(alert.id));
    assert_eq!(clear().await, None);
    let read = world.alert(&json!(alert.id.to_string())).await;
    assert_eq!([&read["status"], &read["resolvedBy"], &read["resolutionNotes"]], [&json!("RESOLVED"), &json!("system"), &json!("it is well again")]);
    assert_eq!(world.events("alert.resolved").await, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_what_nobody_looks_after_escalates_and_each_level_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let alert = world.raise_own(world.alert_of("Unheard", AlertSeverity::High)).await;
    let escalate = async |id: AlertId, level: i32| {
        let tx = world.town.server.db().write(Access::Worker).await.unwrap();
        let escalated = escalate(&tx, &world.trace(), id, level).await.unwrap();
        tx.commit().await.unwrap();
        escalated.map(|alert| alert.escalation_level)
    };
    assert_eq!(escalate(alert.id, 1).await, Some(1));
    assert_eq!(escalate(alert.id, 1).await, None);
    assert_eq!(escalate(alert.id, 3).await, Some(3));
    assert_eq!(escalate(alert.id, 2).await, None);
    let id = json!(alert.id.to_string());
    assert_eq!(world.alert(&id).await["escalationLevel"], 3);

    let until = (world.now() + TimeDelta::hours(1)).to_rfc3339();
    let silence = world.change(world.admin(), "alertSilence", &format!("type: \"Unheard\", until: \"{until}\", reason: \"r\""), "alertSilence { id }").await;
    assert_eq!(escalate(alert.id, 4).await, None, "nobody is to hear of it");
    world.change(world.admin(), "alertSilenceEnd", &format!("id: {}", silence["alertSilence"]["id"]), "__typename").await;
    world.done(world.admin(), "alertAcknowledge", &format!("id: {id}")).await;
    assert_eq!(escalate(alert.id, 4).await, None, "somebody looks after it");

    // Worse than what they acknowledged, it begins anew.
    world.raise_own(world.alert_of("Unheard", AlertSeverity::Critical)).await;
    let worse = world.alert(&id).await;
    assert_eq!([&worse["status"], &worse["escalationLevel"]], [&json!("OPEN"), &json!(0)]);
    assert_eq!(escalate(alert.id, 1).await, Some(1));
    world.done(world.admin(), "alertResolve", &format!("id: {id}")).await;
    assert_eq!(escalate(alert.id, 2).await, None, "it is over");
    let told = world.told(alert.tenant_id).await;
    assert_eq!(told.iter().filter(|event| event.data["escalated"] == true).count(), 3);
}
