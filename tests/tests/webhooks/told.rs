//! What happens is told once, to whom it concerns.

use std::time::Duration;

use platform::db::Access;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::receiver::{Behaviour, Receiver};
use crate::world::World;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_told_once_to_those_who_want_it(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (all, some, other, foreign) = (Receiver::start().await, Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let endpoint = world.endpoint(&all.url(), "[]").await;
    world.endpoint(&some.url(), "[STORE_UPDATED, ORDER_CREATED]").await;
    let deaf = world.endpoint(&other.url(), "[ORDER_CREATED]").await;
    world.endpoint_of(&world.theirs, &foreign.url(), "[]").await;

    world.store_changes("new curtains").await;
    let heard = all.hears(1).await.remove(0);
    some.hears(1).await;
    assert_eq!(heard.signatures_under(&endpoint.secret), 1);
    assert_eq!(heard.signatures(), 1);
    assert_eq!(heard.header("content-type"), "application/json");
    assert_eq!(heard.header("webhook-timestamp"), world.now().timestamp().to_string());
    let expected = format!(
        "{{\"type\":\"store.updated\",\"version\":1,\"timestamp\":\"{}\",\"data\":{{\"storeId\":\"{}\"}}}}",
        world.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        world.ours.store
    );
    assert_eq!(String::from_utf8(heard.body.clone()).unwrap(), expected);

    let delivery = world.deliveries_when(&endpoint, |found| found.iter().all(|one| one["status"] == "DELIVERED")).await.remove(0);
    assert_eq!(delivery["eventId"], heard.header("webhook-id"));
    assert_eq!(delivery["body"], expected);
    let facts = ["eventType", "attempts", "responseStatus", "responseBody", "errorMessage", "nextAttemptAt"].map(|key| delivery[key].clone());
    assert_eq!(facts, [json!("STORE_UPDATED"), json!(1), json!(204), json!(""), Value::Null, Value::Null]);
    assert_eq!(delivery["endpoint"]["id"], endpoint.id);
    assert!(delivery["durationMs"].as_i64().unwrap() < 10_000 && delivery["deliveredAt"] == delivery["lastAttemptAt"], "{delivery}");

    // Nothing comes twice, late, or to others.
    world.pass(chrono::TimeDelta::hours(30));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!([all.heard().len(), some.heard().len(), other.heard().len(), foreign.heard().len()], [1, 1, 0, 0]);
    assert!(world.deliveries(&deaf).await.is_empty());
    let theirs =
        world.server.ask(&world.theirs.admin, &format!("{{ webhookEndpoint(id: \"{}\") {{ id }} webhookDeliveries {{ totalCount }} }}", endpoint.id)).await;
    assert_eq!(theirs.data(), &json!({ "webhookEndpoint": null, "webhookDeliveries": { "totalCount": 0 } }));
    // Filters find it.
    let found = world.ask(&format!("{{ webhookDeliveries(filter: {{ endpointIds: [\"{}\"], eventTypes: [STORE_UPDATED], statuses: [DELIVERED], createdAt: {{ from: \"2026-01-01T00:00:00Z\" }} }}) {{ totalCount }} }}", endpoint.id)).await;
    assert_eq!(found["webhookDeliveries"]["totalCount"], 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_sign_while_one_takes_over_from_the_other(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let receiver = Receiver::start().await;
    let endpoint = world.endpoint(&receiver.url(), "[STORE_UPDATED]").await;
    let rotate = async |hours: i64| {
        let input = format!("id: \"{}\", previousValidHours: {hours}", endpoint.id);
        world.change("webhookEndpointSecretRotate", &input, "webhookEndpoint { previousSecretUntil } secret").await
    };
    let first = rotate(24).await;
    let new = first["secret"].as_str().unwrap();
    assert_eq!(crate::world::at(&first["webhookEndpoint"]["previousSecretUntil"]), world.now() + chrono::TimeDelta::hours(24));

    world.store_changes("a").await;
    let heard = receiver.hears(1).await.remove(0);
    assert_eq!((heard.signatures(), heard.signatures_under(new), heard.signatures_under(&endpoint.secret)), (2, 1, 1));
    world.pass(chrono::TimeDelta::hours(24));
    world.store_changes("b").await;
    let heard = receiver.hears(2).await.remove(1);
    assert_eq!((heard.signatures(), heard.signatures_under(new), heard.signatures_under(&endpoint.secret)), (1, 1, 0));

    // One that leaked is gone at once.
    let second = rotate(0).await;
    world.store_changes("c").await;
    let heard = receiver.hears(3).await.remove(2);
    assert_eq!((heard.signatures(), heard.signatures_under(second["secret"].as_str().unwrap()), heard.signatures_under(new)), (1, 1, 0));
    for hours in [-1, 169] {
        assert_eq!(rotate(hours).await["userErrors"][0]["field"], json!(["input", "previousValidHours"]));
    }

    // Neither the audit log nor the rows tell a secret.
    let tx = world.server.db().read(Access::Platform).await.unwrap();
    for sql in ["select detail from audit_details", "select data from events", "select cast(payload as text) from jobs", "select body from webhook_deliveries"]
    {
        for row in tx.query_all_raw(world.server.db().statement(sql, [])).await.unwrap() {
            let text: Option<String> = row.try_get_by_index(0).unwrap();
            assert!(!text.unwrap_or_default().contains("whsec_"), "{sql}");
        }
    }
    let audited =
        tx.query_all_raw(world.server.db().statement("select action from audit_events where action like 'webhookEndpoint%' order by seq", [])).await.unwrap();
    let actions: Vec<String> = audited.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(actions, ["webhookEndpointCreate", "webhookEndpointSecretRotate", "webhookEndpointSecretRotate"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_slow_keeps_no_other_waiting(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::patient_for(backend, Duration::from_secs(6)).await;
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    slow.always(Behaviour::Silence);
    let behind = world.endpoint(&slow.url(), "[STORE_UPDATED]").await;
    let began = std::time::Instant::now();
    for number in 0..20 {
        world.store_changes(&number.to_string()).await;
    }
    world.endpoint(&quick.url(), "[STORE_UPDATED]").await;
    world.store_changes("last").await;
    quick.hears(1).await;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(slow.most_at_once(), 4);
    // Those that found no room have lost no attempt.
    let waiting = world.deliveries(&behind).await;
    assert!(waiting.iter().all(|one| one["status"] == "PENDING" && one["attempts"] == 0), "{waiting:#?}");
    let jobs = "select count(*) from jobs where kind = 'webhook.deliver' and status = 'QUEUED' and attempts > 0";
    let tx = world.server.db().read(Access::Platform).await.unwrap();
    let lost: i64 = tx.query_one_raw(world.server.db().statement(jobs, [])).await.unwrap().unwrap().try_get_by_index(0).unwrap();
    assert_eq!(lost, 0);
}
