//! Channels: whom they reach, what is kept of them, and what is shown.

use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::{Backend, Server};

use crate::world::World;

async fn refusal(world: &World, input: &str) -> (String, Value) {
    let refused = world.change("notificationChannelCreate", input, "notificationChannel { id }").await;
    let error = &refused["userErrors"][0];
    (error["code"].as_str().unwrap_or_else(|| panic!("{input}: {refused}")).to_owned(), error["field"][1].clone())
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn channels_are_made_changed_and_deleted_and_what_is_wrong_is_refused(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    for (input, code, field) in [
        ("kind: EMAIL, name: \"a\"", "REQUIRED", "emailAddresses"),
        ("kind: EMAIL, name: \"a\", emailAddresses: [\"nobody\"]", "INVALID_EMAIL", "emailAddresses"),
        ("kind: EMAIL, name: \"a\", emailAddresses: [\"a@example.jp\\r\\nBcc: b@example.jp\"]", "INVALID_EMAIL", "emailAddresses"),
        ("kind: EMAIL, name: \" \", emailAddresses: [\"a@example.jp\"]", "BLANK", "name"),
        ("kind: EMAIL, name: \"a\", emailAddresses: [\"a@example.jp\"], phoneNumbers: [\"+819012345678\"]", "NOT_ALLOWED", "phoneNumbers"),
        ("kind: SMS, name: \"a\", phoneNumbers: [\"090-1234-5678\"]", "UNKNOWN_VALUE", "phoneNumbers"),
        ("kind: SLACK, name: \"a\"", "REQUIRED", "slackWebhookUrl"),
        ("kind: SLACK, name: \"a\", slackWebhookUrl: \"ftp://hooks.slack.com/\"", "INVALID_URL", "slackWebhookUrl"),
        ("kind: SLACK, name: \"a\", slackWebhookUrl: \"https://10.0.0.1/hook\"", "INVALID_URL", "slackWebhookUrl"),
        ("kind: SLACK, name: \"a\", slackWebhookUrl: \"https://169.254.169.254/latest\"", "INVALID_URL", "slackWebhookUrl"),
    ] {
        assert_eq!(refusal(&world, input).await, (code.to_owned(), json!(field)), "{input}");
    }
    let id = world.sms_channel(&world.ours.admin, "sms", &["+81 90-1234-5678"]).await;
    let fields = "notificationChannel { name kind status recipients slackWebhookHint }";
    let changed =
        world.done("notificationChannelUpdate", &format!("id: \"{id}\", name: \"night\", phoneNumbers: [\"+819099999999\"], status: DISABLED"), fields).await;
    assert_eq!(
        changed["notificationChannel"],
        json!({ "name": "night", "kind": "SMS", "status": "DISABLED", "recipients": ["+819099999999"], "slackWebhookHint": null })
    );
    let refused = world.change("notificationChannelTest", &format!("id: \"{id}\""), "notifications { id }").await;
    assert_eq!(refused["userErrors"][0]["code"], "CHANNEL_DISABLED");
    let theirs = world.change_as(&world.theirs.admin, "notificationChannelDelete", &format!("id: \"{id}\""), "deletedNotificationChannelId").await;
    assert_eq!(theirs["userErrors"][0]["code"], "NOT_FOUND");
    world.done("notificationChannelDelete", &format!("id: \"{id}\""), "deletedNotificationChannelId").await;
    let query = format!("{{ notificationChannel(id: \"{id}\") {{ id }} }}");
    assert_eq!(world.server.ask(&world.ours.admin, &query).await.data()["notificationChannel"], Value::Null);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_a_real_message_and_there_are_few_a_minute(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let id = world.sms_channel(&world.ours.admin, "sms", &["+819012345678", "+819099999999"]).await;
    for _ in 0..5 {
        let tested = world.done("notificationChannelTest", &format!("id: \"{id}\""), "notifications { id kind status channel { id } }").await;
        assert_eq!(tested["notifications"].as_array().unwrap().len(), 2);
        assert_eq!(tested["notifications"][0]["kind"], "TEST");
    }
    let refused = world.change("notificationChannelTest", &format!("id: \"{id}\""), "notifications { id }").await;
    assert_eq!(refused["userErrors"][0]["code"], "LIMIT_REACHED");
    world.notifications_when("kinds: [TEST]", |found| found.len() == 10 && found.iter().all(|one| one["status"] == "SENT")).await;
    assert_eq!(world.twilio().len(), 10);
    world.pass(chrono::TimeDelta::seconds(61));
    world.done("notificationChannelTest", &format!("id: \"{id}\""), "notifications { id }").await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_webhook_is_never_shown_again(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let id = world.slack_channel(&world.ours.admin, "slack").await;
    world.done("notificationChannelTest", &format!("id: \"{id}\""), "notifications { id }").await;
    world.sent("", 1).await;
    assert!(world.slack()[0].head.starts_with("POST /slack/slack/secret-of-the-hook "));
    world
        .done(
            "notificationChannelUpdate",
            &format!("id: \"{id}\", slackWebhookUrl: \"{}\"", world.web.url("/slack/slack/another-secret-of-it")),
            "notificationChannel { id }",
        )
        .await;
    let query = format!(
        "{{ notificationChannel(id: \"{id}\") {{ id name recipients slackWebhookHint }} auditEvents {{ nodes {{ action before after }} }} \
         notifications {{ nodes {{ errorMessage channel {{ slackWebhookHint }} }} }} jobs {{ nodes {{ payload lastError }} }} }}"
    );
    let shown = world.server.ask(&world.ours.admin, &query).await.data().clone();
    assert_eq!(shown["notificationChannel"]["slackWebhookHint"], "127.0.0.1/…f-it");
    assert!(shown["auditEvents"]["nodes"].as_array().unwrap().len() >= 3);
    assert!(!shown.to_string().contains("secret-of"), "{shown}");
    // Nor is it in the database, but sealed.
    let (db, sql) = (world.server.db(), "select url_sealed, url_hint from notification_channels");
    let tx = db.read(platform::db::Access::Platform).await.unwrap();
    let row = tx.query_one_raw(db.statement(sql, [])).await.unwrap().unwrap();
    let sealed: Vec<u8> = row.try_get_by_index(0).unwrap();
    assert!(!sealed.is_empty() && !sealed.windows(9).any(|bytes| bytes == b"secret-of"));
    drop(tx);
    world.done("notificationChannelTest", &format!("id: \"{id}\""), "notifications { id }").await;
    world.web.hears(2).await;
    assert!(world.slack()[1].head.starts_with("POST /slack/slack/another-secret-of-it "));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_nobody_has_set_up_is_refused_by_the_name_of_its_settings(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = tests::harness::People::of(&server);
    let tenant = people.tenant("ours").await;
    let (_, admin) = people.token(entities::TokenRole::TenantAdmin, Some(tenant), &[]).await;
    for (input, setting) in [
        ("kind: EMAIL, name: \"a\", emailAddresses: [\"a@example.jp\"]", "smtp_url"),
        ("kind: SMS, name: \"a\", phoneNumbers: [\"+819012345678\"]", "twilio_account_sid"),
    ] {
        let query = format!("mutation {{ notificationChannelCreate(input: {{ {input} }}) {{ notificationChannel {{ id }} userErrors {{ code message }} }} }}");
        let refused = server.ask(&admin, &query).await.data()["notificationChannelCreate"].clone();
        assert_eq!(refused["userErrors"][0]["code"], "NOT_CONFIGURED");
        assert!(refused["userErrors"][0]["message"].as_str().unwrap().contains(setting), "{refused}");
    }
    // Without networks that the operator has opened, nothing inside is dialled.
    let query =
        "mutation { notificationChannelCreate(input: { kind: SLACK, name: \"a\", slackWebhookUrl: \"http://127.0.0.1:8000/\" }) { userErrors { code } } }";
    assert_eq!(server.ask(&admin, query).await.data()["notificationChannelCreate"]["userErrors"][0]["code"], "INVALID_URL");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_settings_name_a_channel_that_goes_at_the_same_moment(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    for round in 0..15 {
        let channel = world.mail_channel(&world.ours.admin, &format!("channel{round}")).await;
        let named = format!("rules: [{{ severity: LOW, channelIds: [\"{channel}\"] }}]");
        let (settings, deletion) = futures::future::join(
            world.change("notificationSettingsUpdate", &named, "notificationSettings { updatedAt }"),
            world.change("notificationChannelDelete", &format!("id: \"{channel}\""), "deletedNotificationChannelId"),
        )
        .await;
        let done = |payload: &Value| payload["userErrors"] == json!([]);
        assert!(done(&settings) != done(&deletion), "round {round}: {settings} {deletion}");
        world.done("notificationSettingsUpdate", "rules: []", "notificationSettings { updatedAt }").await;
    }
}
