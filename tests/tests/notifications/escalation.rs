//! Escalation along a tenant's list, until somebody looks after the alert.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;

use crate::world::World;

/// Four levels, each five minutes after the one before.
async fn levels(world: &World) -> Vec<String> {
    let mut channels = Vec::new();
    for name in ["first", "second", "third", "fourth"] {
        channels.push(world.mail_channel(&world.ours.admin, name).await);
    }
    let levels: Vec<String> = channels.iter().map(|id| format!("{{ afterMinutes: 5, channelIds: [\"{id}\"] }}")).collect();
    let input = format!("escalation: [{}], rules: [{{ severity: CRITICAL }}, {{ severity: HIGH }}]", levels.join(", "));
    world.done("notificationSettingsUpdate", &input, "notificationSettings { escalation { level afterMinutes channelIds } }").await;
    channels
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_nobody_acknowledges_goes_through_all_levels(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    levels(&world).await;
    let alert = world.raise("HIGH", "SyncStopped").await;
    world.quiesce().await;
    for (number, name) in ["first", "second", "third", "fourth"].into_iter().enumerate() {
        world.pass(TimeDelta::seconds(299));
        world.quiesce().await;
        assert_eq!(world.mail.received().len(), number, "not before its time");
        world.pass(TimeDelta::seconds(2));
        let mail = world.mail.receives(number + 1).await.remove(number);
        assert_eq!(mail.to, [format!("{name}@example.jp")]);
        assert_eq!(mail.header("Subject").unwrap(), format!("[HIGH] [level {}] ours: SyncStopped went <wrong>", number + 1));
        world.quiesce().await;
    }
    world.pass(TimeDelta::hours(5));
    world.quiesce().await;
    let found = world.notifications("").await;
    assert!(found.iter().all(|one| one["kind"] == "ESCALATED" && one["status"] == "SENT"), "{found:#?}");
    assert_eq!(found.iter().map(|one| one["level"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let query = format!("{{ alert(id: \"{alert}\") {{ status escalationLevel }} }}");
    assert_eq!(world.server.ask(&world.ours.admin, &query).await.data()["alert"], json!({ "status": "OPEN", "escalationLevel": 4 }));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_acknowledges_an_alert_ends_it_and_a_new_list_holds_for_what_is_not_due(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let channels = levels(&world).await;
    let alert = world.raise("CRITICAL", "SyncStopped").await;
    world.quiesce().await;
    world.pass(TimeDelta::seconds(301));
    world.mail.receives(1).await;
    world.quiesce().await;
    world.done("alertAcknowledge", &format!("id: \"{alert}\""), "alert { id }").await;
    world.pass(TimeDelta::hours(1));
    world.quiesce().await;
    assert_eq!(world.mail.received().len(), 1);

    world.raise("CRITICAL", "Second").await;
    world.quiesce().await;
    // Sooner, and to somebody else.
    let sooner = format!("escalation: [{{ afterMinutes: 2, channelIds: [\"{}\"] }}]", channels[3]);
    world.done("notificationSettingsUpdate", &sooner, "notificationSettings { tenantId }").await;
    world.quiesce().await;
    world.pass(TimeDelta::seconds(121));
    assert_eq!(world.mail.receives(2).await[1].to, ["fourth@example.jp"]);
    world.quiesce().await;
    world.pass(TimeDelta::hours(1));
    world.quiesce().await;
    assert_eq!(world.mail.received().len(), 2, "there is no second level any more");

    // A list that is taken away is not followed; one that comes is, by what is open by then.
    world.raise("CRITICAL", "Third").await;
    world.quiesce().await;
    world.done("notificationSettingsUpdate", "escalation: null", "notificationSettings { tenantId }").await;
    world.pass(TimeDelta::hours(1));
    world.quiesce().await;
    assert_eq!(world.mail.received().len(), 2);
    world.done("notificationSettingsUpdate", &sooner, "notificationSettings { tenantId }").await;
    world.quiesce().await;
    world.pass(TimeDelta::seconds(121));
    let mails = world.mail.receives(3).await;
    assert!(mails[2].header("Subject").unwrap().contains("Third"), "{mails:#?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_makes_no_sense_is_refused(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let mail = world.mail_channel(&world.ours.admin, "mail").await;
    let theirs = world.mail_channel(&world.theirs.admin, "theirs").await;
    let level = |minutes: i64, channel: &str| format!("{{ afterMinutes: {minutes}, channelIds: [\"{channel}\"] }}");
    let five = vec![level(5, &mail); 5].join(", ");
    for (levels, code) in [
        (five, "UNKNOWN_VALUE"),
        (level(0, &mail), "UNKNOWN_VALUE"),
        ("{ afterMinutes: 5, channelIds: [] }".to_owned(), "UNKNOWN_VALUE"),
        (level(5, &theirs), "NOT_FOUND"),
    ] {
        let refused = world.change("notificationSettingsUpdate", &format!("escalation: [{levels}]"), "notificationSettings { tenantId }").await;
        assert_eq!((&refused["userErrors"][0]["code"], &refused["userErrors"][0]["field"]), (&json!(code), &json!(["input", "escalation"])), "{levels}");
    }
    // What the list names is not deleted.
    world.done("notificationSettingsUpdate", &format!("escalation: [{}]", level(5, &mail)), "notificationSettings { tenantId }").await;
    let refused = world.change("notificationChannelDelete", &format!("id: \"{mail}\""), "deletedNotificationChannelId").await;
    assert_eq!(refused["userErrors"][0]["code"], "CHANNEL_IN_USE");
    world.done("notificationSettingsUpdate", "escalation: []", "notificationSettings { tenantId }").await;
    world.done("notificationChannelDelete", &format!("id: \"{mail}\""), "deletedNotificationChannelId").await;
}
