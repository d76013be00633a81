//! What becomes of a message when its provider fails, and when the program does.

use std::time::Duration;

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::smtp::{Fault, Step};
use crate::web::Does;
use crate::world::{World, at};

const NUMBER: &str = "+819012345678";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn slack_is_left_alone_for_as_long_as_it_asks(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.slack_channel(&world.ours.admin, "slack").await;
    world.web.then([Does::Answers("429 Too Many Requests", "retry-after: 600\r\n", "slow down"), Does::Answers("500 Internal Server Error", "", "oops")]);
    let began = world.now();
    world.raise("MEDIUM", "StockLow").await;
    let found = world.notifications_when("", |found| found.iter().any(|one| one["attempts"] == 1 && one["status"] == "PENDING")).await.remove(0);
    assert!(at(&found["dueAt"]) >= began + TimeDelta::seconds(600), "{found}");
    assert_eq!(found["errorMessage"], "answered 429: slow down");
    world.pass(TimeDelta::seconds(590));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(world.slack().len(), 1, "not before its time");
    world.pass(TimeDelta::seconds(90));
    world.notifications_when("", |found| found[0]["attempts"] == 2 && found[0]["status"] == "PENDING").await;
    world.pass(TimeDelta::hours(1));
    let found = world.notifications_when("", |found| found[0]["status"] == "SENT").await.remove(0);
    assert_eq!((&found["attempts"], &found["errorMessage"], &found["dueAt"]), (&json!(3), &Value::Null, &Value::Null));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_text_message_of_which_nobody_knows_is_never_sent_again(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.sms_channel(&world.ours.admin, "sms", &[NUMBER]).await;
    world.web.then([Does::Resets]);
    world.raise("CRITICAL", "One").await;
    let found = world.notifications_when("", |found| found.len() == 1 && found[0]["status"] == "UNKNOWN").await.remove(0);
    assert_eq!((&found["attempts"], &found["recipient"]), (&json!(1), &json!(NUMBER)));
    for _ in 0..5 {
        world.pass(TimeDelta::hours(5));
        world.quiesce().await;
    }
    assert_eq!(world.twilio().len(), 1);
    // What was certainly not sent is sent again.
    let sid = "{\"sid\":\"SM7\"}";
    world.web.then([Does::Answers("503 Service Unavailable", "retry-after: 1\r\n", ""), Does::Answers("201 Created", "", sid)]);
    let second = world.raise("CRITICAL", "Two").await;
    let filter = format!("alertIds: [\"{second}\"]");
    world.notifications_when(&filter, |found| found.iter().any(|one| one["attempts"] == 1 && one["status"] == "PENDING")).await;
    world.pass(TimeDelta::minutes(1));
    let found = world.notifications_when(&filter, |found| found[0]["status"] == "SENT").await.remove(0);
    assert_eq!((&found["attempts"], &found["providerMessageId"]), (&json!(2), &json!("SM7")));
    // And what is refused is refused.
    world.web.then([Does::Answers("400 Bad Request", "", "{\"code\":21211,\"message\":\"Invalid 'To'\"}")]);
    let third = world.raise("CRITICAL", "Three").await;
    let found = world.notifications_when(&format!("alertIds: [\"{third}\"]"), |found| found.iter().any(|one| one["status"] == "FAILED")).await.remove(0);
    assert!(found["errorMessage"].as_str().unwrap().contains("21211"), "{found}");
    assert_eq!(world.twilio().len(), 4);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn slack_may_show_a_message_twice_and_not_three_times(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.slack_channel(&world.ours.admin, "slack").await;
    world.web.always(Does::Resets);
    world.raise("MEDIUM", "StockLow").await;
    world.notifications_when("", |found| found.iter().any(|one| one["attempts"] == 1 && one["status"] == "PENDING")).await;
    world.pass(TimeDelta::minutes(10));
    let found = world.notifications_when("", |found| found[0]["status"] == "UNKNOWN").await.remove(0);
    assert_eq!(found["attempts"], 2);
    world.pass(TimeDelta::hours(5));
    world.quiesce().await;
    assert_eq!(world.slack().len(), 2);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_sent_again_says_so_by_its_message_id(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.mail_channel(&world.ours.admin, "mail").await;
    world.mail.then([(Step::Rcpt, Fault::Says("450 greylisted")), (Step::Message, Fault::Closes)]);
    world.raise("HIGH", "SyncSlow").await;
    world.notifications_when("", |found| found.iter().any(|one| one["attempts"] == 1 && one["status"] == "PENDING")).await;
    assert_eq!(world.mail.received().len(), 0);
    world.pass(TimeDelta::minutes(1));
    world.notifications_when("", |found| found[0]["attempts"] == 2 && found[0]["status"] == "PENDING").await;
    world.pass(TimeDelta::minutes(10));
    let found = world.notifications_when("", |found| found[0]["status"] == "SENT").await.remove(0);
    let mails = world.mail.receives(2).await;
    let id = format!("<{}@noren.example>", found["id"].as_str().unwrap());
    assert!(mails.iter().all(|mail| mail.header("Message-ID").as_deref() == Some(id.as_str())), "{mails:#?}");
    // Whom the server does not know will not get the next one either; others do.
    world
        .done(
            "notificationChannelUpdate",
            &format!("id: {}, emailAddresses: [\"mail@example.jp\", \"gone@example.jp\", \"slow@example.jp\"]", found["channel"]["id"]),
            "notificationChannel { id }",
        )
        .await;
    world.mail.refuse("gone@example.jp", Some("550 gone"));
    world.mail.refuse("slow@example.jp", Some("450 later"));
    let second = world.raise("HIGH", "Second").await;
    let filter = format!("alertIds: [\"{second}\"]");
    world.notifications_when(&filter, |found| found.iter().any(|one| one["attempts"] == 1 && one["status"] == "PENDING")).await;
    assert_eq!(world.mail.receives(3).await[2].to, ["mail@example.jp"]);
    world.mail.refuse("slow@example.jp", None);
    world.pass(TimeDelta::minutes(1));
    let found = world.notifications_when(&filter, |found| found[0]["status"] == "SENT").await.remove(0);
    let left_out = found["errorMessage"].as_str().unwrap();
    assert!(left_out.contains("gone@example.jp") && !left_out.contains("slow@example.jp"), "whom it reached in the end is not told of: {found}");
    assert_eq!(world.mail.receives(4).await[3].to, ["slow@example.jp"], "who has it does not get it again");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_is_given_up_after_some_hours(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.mail_channel(&world.ours.admin, "mail").await;
    world.mail.always(Some((Step::Greeting, Fault::Says("421 closed"))));
    world.raise("HIGH", "SyncSlow").await;
    for attempt in 1..=8 {
        world.notifications_when("", |found| found.iter().any(|one| one["attempts"] == attempt && one["status"] == "PENDING")).await;
        world.pass(TimeDelta::hours(3));
    }
    let found = world.notifications_when("", |found| found[0]["status"] == "FAILED").await.remove(0);
    assert_eq!(found["attempts"], 9);
    assert!(found["errorMessage"].as_str().unwrap().contains("421"), "{found}");
}

/// The program ends between sending and writing down that it did: as a process that is killed, it leaves an attempt without an end.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_without_an_end_is_not_made_twice_where_that_does_harm(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let mut world = World::new(backend).await;
    world.sms_channel(&world.ours.admin, "sms", &[NUMBER]).await;
    world.mail_channel(&world.ours.admin, "mail").await;
    world.web.then([Does::Silent]);
    world.mail.then([(Step::Message, Fault::Silent)]);
    world.raise("CRITICAL", "SyncStopped").await;
    world.mail.receives(1).await;
    world.web.hears(1).await;
    world.notifications_when("", |found| found.len() == 2 && found.iter().all(|one| one["status"] == "SENDING")).await;
    world.server.background.take().unwrap().stop(Duration::ZERO).await;
    assert!(world.notifications("").await.iter().all(|one| one["status"] == "SENDING"));
    world.server.work().await;
    world.pass(TimeDelta::minutes(1));
    let found = world.notifications_when("", |found| found.iter().all(|one| one["status"] != "SENDING" && one["status"] != "PENDING")).await;
    let of = |name: &str| found.iter().find(|one| one["channel"]["name"] == name).unwrap();
    assert_eq!((&of("sms")["status"], &of("mail")["status"]), (&json!("UNKNOWN"), &json!("SENT")));
    assert_eq!((world.twilio().len(), world.mail.received().len()), (1, 2));
    assert_eq!(world.mail.received()[0].header("Message-ID"), world.mail.received()[1].header("Message-ID"));
}
