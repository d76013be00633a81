//! Who is told of what: by severity as Noren comes, and as a tenant has changed it.

use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::world::{World, text_of};

fn kinds(found: &[Value]) -> Vec<(&str, &str)> {
    let mut kinds: Vec<(&str, &str)> = found.iter().map(|one| (one["kind"].as_str().unwrap(), one["channel"]["name"].as_str().unwrap())).collect();
    kinds.sort_unstable();
    kinds
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn severities_take_the_ways_of_the_seed_and_the_end_is_told_to_whom_the_beginning_was(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let ours = &world.ours.admin;
    world.mail_channel(ours, "mail").await;
    world.slack_channel(ours, "slack").await;
    world.sms_channel(ours, "sms", &["+81 90-1234-5678", "+819099999999"]).await;
    world.mail_channel(&world.theirs.admin, "theirs").await;
    let critical = world.raise("CRITICAL", "SyncStopped").await;
    world.raise("HIGH", "SyncSlow").await;
    let medium = world.raise("MEDIUM", "StockLow").await;
    world.raise("LOW", "Noted").await;
    let found = world.sent("", 2 + 3 + 2).await;
    assert_eq!(
        kinds(&found),
        [("RAISED", "mail"), ("RAISED", "mail"), ("RAISED", "slack"), ("RAISED", "slack"), ("RAISED", "slack"), ("RAISED", "sms"), ("RAISED", "sms")]
    );
    assert!(found.iter().filter(|one| one["channel"]["name"] == "sms").all(|one| one["severity"] == "CRITICAL" && one["recipient"] != Value::Null));
    let mails = world.mail.receives(2).await;
    let mail = mails.iter().find(|mail| mail.header("Subject").unwrap() == "[CRITICAL] ours: SyncStopped went <wrong>").expect("the critical mail");
    assert_eq!((mail.to.as_slice(), mail.from.as_str()), (["mail@example.jp".to_owned()].as_slice(), "alerts@noren.example"));
    let text = text_of(&mail.data);
    for part in ["Type: SyncStopped", "First seen: 2026-11-21 18:00:00 JST", "https://noren.example/graphiql?query=", "SyncStopped went &lt;wrong&gt;"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let sms: Vec<Vec<(String, String)>> =
        world.twilio().iter().map(|request| url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect()).collect();
    let mut numbers: Vec<&str> = sms.iter().map(|form| form[0].1.as_str()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["+819012345678", "+819099999999"]);
    assert!(sms[0][2].1.starts_with("[CRITICAL] ours: SyncStopped went <wrong>"), "{sms:?}");
    assert!(world.slack()[0].body.contains("&lt;wrong&gt;"));

    world.done("alertResolve", &format!("id: \"{medium}\", notes: \"refilled\""), "alert { id }").await;
    world.done("alertAcknowledge", &format!("id: \"{critical}\""), "alert { id }").await;
    let found = world.sent(&format!("alertIds: [\"{medium}\"]"), 2).await;
    assert_eq!(kinds(&found), [("RAISED", "slack"), ("RESOLVED", "slack")]);
    assert!(world.slack().last().unwrap().body.contains("[RESOLVED] ours: StockLow"));
    world.quiesce().await;
    assert_eq!((world.mail.received().len(), world.count("").await), (2, 8), "an acknowledgement is told to nobody, and others hear nothing");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_own_rules_hold_for_what_comes_and_nobody_is_told_of_what_is_silenced(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let ours = &world.ours.admin;
    world.mail_channel(ours, "mail").await;
    let night = world.mail_channel(ours, "night").await;
    world.slack_channel(ours, "slack").await;
    let rules = format!("rules: [{{ severity: LOW, channelIds: [\"{night}\"] }}, {{ severity: MEDIUM, kinds: [EMAIL] }}, {{ severity: HIGH }}]");
    let selected = "notificationSettings { rules { severity kinds channelIds } updatedAt }";
    let settings = world.done("notificationSettingsUpdate", &rules, selected).await["notificationSettings"].clone();
    assert_eq!(settings["rules"][0], json!({ "severity": "CRITICAL", "kinds": ["EMAIL", "SLACK", "SMS"], "channelIds": [] }));
    assert_eq!(settings["rules"][3], json!({ "severity": "LOW", "kinds": [], "channelIds": [night] }));
    world.raise("LOW", "Noted").await;
    world.raise("HIGH", "NotTold").await;
    let medium = world.raise("MEDIUM", "StockLow").await;
    let found = world.sent("", 3).await;
    assert_eq!(kinds(&found), [("RAISED", "mail"), ("RAISED", "night"), ("RAISED", "night")]);

    // It becomes worse: those for whom it is bad enough now are told.
    let again = world.raise("CRITICAL", "StockLow").await;
    assert_eq!(again, medium);
    let found = world.sent(&format!("alertIds: [\"{medium}\"], kinds: [WORSE]"), 3).await;
    assert_eq!(kinds(&found), [("WORSE", "mail"), ("WORSE", "night"), ("WORSE", "slack")]);

    let until = (world.now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    world.done("alertSilence", &format!("type: \"Planned\", until: \"{until}\", reason: \"planned\""), "alertSilence { id }").await;
    world.raise("CRITICAL", "Planned").await;
    // A channel that is disabled is left out.
    world.done("notificationChannelUpdate", &format!("id: \"{night}\", status: DISABLED"), "notificationChannel { id }").await;
    let last = world.raise("MEDIUM", "Last").await;
    assert_eq!(kinds(&world.sent(&format!("alertIds: [\"{last}\"]"), 1).await), [("RAISED", "mail")]);
    world.quiesce().await;
    assert_eq!(world.count("").await, 3 + 3 + 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_silence_kept_from_people_they_are_told_when_it_is_over(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let ours = &world.ours.admin;
    let mail = world.mail_channel(ours, "mail").await;
    world.slack_channel(ours, "slack").await;
    let rules = format!(
        "rules: [{{ severity: HIGH, kinds: [EMAIL, SLACK] }}, {{ severity: MEDIUM, kinds: [SLACK] }}], escalation: [{{ afterMinutes: 5, channelIds: [\"{mail}\"] }}]"
    );
    world.done("notificationSettingsUpdate", &rules, "notificationSettings { updatedAt }").await;
    let silence = async |kind: &str, hours: i64| {
        let until = (world.now() + chrono::TimeDelta::hours(hours)).to_rfc3339();
        let input = format!("type: \"{kind}\", until: \"{until}\", reason: \"planned\"");
        world.done("alertSilence", &input, "alertSilence { id }").await["alertSilence"]["id"].clone()
    };
    let of = async |alert: &str| {
        kinds(&world.notifications(&format!("alertIds: [\"{alert}\"]")).await).iter().map(|(kind, name)| format!("{kind} {name}")).collect::<Vec<_>>()
    };

    let known = world.raise("MEDIUM", "Planned").await;
    world.quiesce().await;
    assert_eq!(of(&known).await, ["RAISED slack"]);
    let planned = silence("Planned", 24 * 30).await;
    let (running_out, acknowledged) = (silence("RunsOut", 1).await, silence("Looked", 1).await);
    world.raise("HIGH", "Planned").await;
    let (late, looked_after) = (world.raise("HIGH", "RunsOut").await, world.raise("HIGH", "Looked").await);
    world.done("alertAcknowledge", &format!("id: \"{looked_after}\""), "alert { id }").await;
    world.pass(chrono::TimeDelta::minutes(30));
    world.quiesce().await;
    assert_eq!(world.count("").await, 1, "{running_out} {acknowledged}");

    // Ended long before its time: who knew hears that it is worse, who did not that it is there.
    world.done("alertSilenceEnd", &format!("id: {planned}"), "alertSilence { id }").await;
    world.quiesce().await;
    assert_eq!(of(&known).await, ["RAISED mail", "RAISED slack", "WORSE slack"]);
    // They have their time before the next level hears of it.
    world.pass(chrono::TimeDelta::minutes(4));
    world.quiesce().await;
    assert_eq!(of(&known).await.len(), 3);
    world.pass(chrono::TimeDelta::minutes(2));
    world.quiesce().await;
    assert_eq!(of(&known).await, ["ESCALATED mail", "RAISED mail", "RAISED slack", "WORSE slack"]);
    // A silence that comes and goes tells nobody anything twice.
    let again = silence("Planned", 1).await;
    world.done("alertSilenceEnd", &format!("id: {again}"), "alertSilence { id }").await;
    world.quiesce().await;
    assert_eq!((of(&known).await.len(), of(&late).await.len()), (4, 0));

    // One that runs out; and nobody is called for what is looked after.
    world.pass(chrono::TimeDelta::minutes(30));
    world.look().await;
    world.quiesce().await;
    assert_eq!(of(&late).await, ["RAISED mail", "RAISED slack"]);
    assert!(of(&looked_after).await.is_empty());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_above_all_tenants_is_told_by_the_platforms_own_channels(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.mail_channel(&world.ours.admin, "mail").await;
    world.mail_channel(&world.platform, "operators").await;
    world.slack_channel(&world.platform, "operations").await;
    world.raise_as(&world.platform, "HIGH", "DiskFull").await;
    let mail = world.mail.receives(1).await.remove(0);
    assert_eq!((mail.header("Subject").unwrap().as_str(), mail.to), ("[HIGH] Noren: DiskFull went <wrong>", vec!["operators@example.jp".to_owned()]));
    let slack = world.web.hears(1).await.remove(0);
    assert!(slack.head.starts_with("POST /slack/operations/secret-of-the-hook "), "{}", slack.head);
    // A tenant's alert is the tenant's, although the platform's feed has a copy of it.
    world.raise("HIGH", "SyncSlow").await;
    world.mail.receives(2).await;
    world.quiesce().await;
    assert_eq!(world.mail.received()[1].to, ["mail@example.jp"]);
    assert_eq!((world.mail.received().len(), world.slack().len()), (2, 1));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_japanese_tenant_is_told_in_japanese(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.done("tenantUpdate", &format!("id: \"{}\", locale: \"ja\"", world.ours.tenant), "tenant { id }").await;
    world.mail_channel(&world.ours.admin, "mail").await;
    world.raise("HIGH", "SyncSlow").await;
    let text = text_of(&world.mail.receives(1).await[0].data);
    for part in ["種類: SyncSlow", "初回発生: 2026-11-21 18:00:00 JST", "lang=\"ja\""] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
