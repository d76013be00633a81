//! Quiet hours: what is critical is told at once, the rest as one digest for each channel when they end.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;

use crate::world::{World, at, text_of};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_falls_into_quiet_hours_is_one_digest_when_they_end(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let mail = world.mail_channel(&world.ours.admin, "mail").await;
    let slack = world.slack_channel(&world.ours.admin, "slack").await;
    // It is six in the evening in Tokyo.
    world.done("notificationSettingsUpdate", "quietHours: { from: \"17:30\", to: \"07:00\" }", "notificationSettings { tenantId }").await;
    for kind in ["One", "Two", "Three"] {
        world.raise("HIGH", kind).await;
    }
    world.raise("MEDIUM", "Four").await;
    world.raise("CRITICAL", "Five").await;
    let found = world.notifications_when("statuses: [DIGESTED]", |found| found.len() == 3 + 4).await;
    let first = world.mail.receives(1).await.remove(0);
    assert_eq!(first.header("Subject").unwrap(), "[CRITICAL] ours: Five went <wrong>");
    let digests = world.notifications("kinds: [DIGEST]").await;
    assert_eq!(digests.len(), 2, "{digests:#?}");
    for digest in &digests {
        assert_eq!((&digest["status"], at(&digest["dueAt"])), (&json!("PENDING"), "2026-11-21T22:00:00Z".parse().unwrap()));
    }
    assert!(found.iter().all(|one| digests.iter().any(|digest| digest["id"] == one["digestId"] && digest["channel"] == one["channel"])));
    world.pass(TimeDelta::hours(12) + TimeDelta::minutes(59));
    world.quiesce().await;
    assert_eq!(world.mail.received().len(), 1, "not before they end");
    world.pass(TimeDelta::minutes(2));
    let mails = world.mail.receives(2).await;
    assert_eq!(mails[1].header("Subject").unwrap(), "[DIGEST] ours: 3 notifications (HIGH 3)");
    let text = text_of(&mails[1].data);
    assert!(["HIGH One (raised): 1", "Two went", "Three went", "https://noren.example/graphiql?query="].iter().all(|part| text.contains(part)), "{text}");
    world.sent(&format!("channelIds: [\"{slack}\"], kinds: [DIGEST]"), 1).await;
    assert!(world.slack().last().unwrap().body.contains("4 notifications (HIGH 3, MEDIUM 1)"));
    // Afterwards all is as before; at ten in the morning nobody sleeps.
    world.pass(TimeDelta::hours(3));
    world.raise("HIGH", "Six").await;
    world.mail.receives(3).await;
    assert_eq!(world.count(&format!("channelIds: [\"{mail}\"], kinds: [DIGEST]")).await, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_are_of_a_time_zone_and_make_sense(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.mail_channel(&world.ours.admin, "mail").await;
    let set = async |hours: &str| {
        world.change("notificationSettingsUpdate", &format!("quietHours: {hours}"), "notificationSettings { quietHours { from to timeZone } }").await
    };
    let set_to = set("{ from: \"17:30\", to: \"19:00\", timeZone: \"europe/berlin\" }").await;
    assert_eq!(set_to["userErrors"][0]["code"], "INVALID_TIME_ZONE");
    let set_to = set("{ from: \"17:30\", to: \"17:30\" }").await;
    assert_eq!(set_to["userErrors"][0]["field"], json!(["input", "quietHours"]));
    let set_to = set("{ from: \"17:30\", to: \"19:00\", timeZone: \"Europe/Berlin\" }").await;
    assert_eq!(set_to["notificationSettings"]["quietHours"], json!({ "from": "17:30", "to": "19:00", "timeZone": "Europe/Berlin" }));
    // Ten in the morning there.
    world.raise("HIGH", "One").await;
    world.mail.receives(1).await;
    assert_eq!(set("null").await["notificationSettings"]["quietHours"], json!(null));
}
