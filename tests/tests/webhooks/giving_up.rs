//! An endpoint that takes nothing for a day is disabled and said so; what it has missed can be sent again.

use std::time::Duration;

use chrono::TimeDelta;
use platform::db::Access;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::receiver::{Behaviour, Receiver};
use crate::world::{World, at};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_success_disables_and_all_of_it_can_be_sent_again(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (broken, watching) = (Receiver::start().await, Receiver::start().await);
    broken.always(Behaviour::Answer("500 Internal Server Error", ""));
    let endpoint = world.endpoint(&broken.url(), "[STORE_UPDATED, WEBHOOK_ENDPOINT_DISABLED]").await;
    world.endpoint(&watching.url(), "[WEBHOOK_ENDPOINT_DISABLED]").await;
    let began = world.now();
    world.store_changes("first").await;
    let mut next = began;
    for attempt in 1..=10 {
        world.pass(next - world.now());
        let found = world.deliveries_when(&endpoint, |found| found.iter().any(|one| one["attempts"] == attempt)).await;
        next = at(&found[0]["nextAttemptAt"]);
    }
    assert!(next - began > TimeDelta::hours(23) && next - began < TimeDelta::hours(27), "{}", next - began);
    // One more waits when the endpoint is disabled.
    world.pass(next - world.now() - TimeDelta::seconds(3));
    world.store_changes("second").await;
    world.deliveries_when(&endpoint, |found| found.len() == 2 && found[1]["attempts"] == 1).await;
    world.pass(TimeDelta::seconds(3));

    let given_up = world.deliveries_when(&endpoint, |found| found.iter().all(|one| one["status"] == "FAILED")).await;
    assert_eq!((&given_up[0]["attempts"], &given_up[0]["errorMessage"]), (&json!(11), &json!("answered 500")));
    assert_eq!((&given_up[1]["attempts"], &given_up[1]["errorMessage"]), (&json!(1), &json!("the endpoint is disabled")));
    let fields = world.fields(&endpoint).await;
    assert_eq!(fields["status"], "DISABLED");
    assert!(fields["disabledReason"].as_str().unwrap().starts_with("every delivery has failed since 2026-11-21T09:00:00"), "{fields}");
    let told = watching.hears(1).await[0].json();
    assert_eq!(told["type"], "webhook_endpoint.disabled");
    assert_eq!(told["data"], json!({ "webhookEndpointId": endpoint.id, "reason": fields["disabledReason"] }));

    // While it is disabled it hears nothing, not even on demand.
    let heard = broken.heard().len();
    world.store_changes("third").await;
    world.pass(TimeDelta::minutes(1));
    for (name, input) in [
        ("webhookDeliveryRedeliver", format!("id: {}", given_up[0]["id"])),
        ("webhookEndpointTest", format!("id: \"{}\"", endpoint.id)),
        ("webhookEndpointRedeliver", format!("id: \"{}\", since: \"{}\"", endpoint.id, began.to_rfc3339())),
    ] {
        let refused = world.change(name, &input, "").await;
        assert_eq!(refused["userErrors"][0]["code"], "ENDPOINT_DISABLED", "{refused}");
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(broken.heard().len(), heard);

    // Mended and enabled, it gets all that it has missed, each once: two deliveries, and two events of while it was disabled.
    broken.always(Behaviour::Answer("200 OK", ""));
    world.done("webhookEndpointUpdate", &format!("id: \"{}\", status: ENABLED", endpoint.id), "webhookEndpoint { id }").await;
    let fields = world.fields(&endpoint).await;
    assert_eq!([&fields["status"], &fields["disabledReason"], &fields["failingSinceAt"]], [&json!("ENABLED"), &Value::Null, &Value::Null]);
    let since = format!("id: \"{}\", since: \"{}\"", endpoint.id, began.to_rfc3339());
    let again = world.done("webhookEndpointRedeliver", &since, "deliveries continueSince").await;
    assert_eq!((&again["deliveries"], &again["continueSince"]), (&json!(4), &Value::Null));
    let delivered = async || {
        // Where every attempt has failed they are sent one by one: those that found no room come back after a while.
        for _ in 0..60 {
            world.pass(TimeDelta::seconds(1));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        world.deliveries_when(&endpoint, |found| found.len() == 4 && found.iter().all(|one| one["status"] == "DELIVERED")).await
    };
    let first = delivered().await;
    let mut kinds: Vec<&str> = first.iter().map(|one| one["eventType"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["STORE_UPDATED", "STORE_UPDATED", "STORE_UPDATED", "WEBHOOK_ENDPOINT_DISABLED"]);
    broken.hears(heard + 4).await;
    let again = world.done("webhookEndpointRedeliver", &since, "deliveries").await;
    assert_eq!(again["deliveries"], 0);

    // What was taken is sent again when it is asked for, under its old id.
    let one = &first[0];
    world.done("webhookDeliveryRedeliver", &format!("id: {}", one["id"]), "webhookDelivery { status }").await;
    let repeated = broken.hears(heard + 5).await.pop().unwrap();
    assert_eq!((repeated.header("webhook-id"), repeated.signatures_under(&endpoint.secret)), (one["eventId"].as_str().unwrap(), 1));
    delivered().await;
    let again = world.done("webhookEndpointRedeliver", &format!("{since}, onlyFailed: false"), "deliveries").await;
    assert_eq!(again["deliveries"], 4);
    broken.hears(heard + 9).await;
    assert_eq!(watching.heard().len(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn gone_disables_at_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (gone, watching) = (Receiver::start().await, Receiver::start().await);
    gone.always(Behaviour::Answer("410 Gone", ""));
    let endpoint = world.endpoint(&gone.url(), "[STORE_UPDATED, WEBHOOK_ENDPOINT_DISABLED]").await;
    world.endpoint(&watching.url(), "[WEBHOOK_ENDPOINT_DISABLED]").await;
    world.store_changes("once").await;
    assert_eq!(watching.hears(1).await[0].json()["data"]["reason"], "it answered 410 Gone");
    let fields = world.fields(&endpoint).await;
    assert_eq!((&fields["status"], &fields["disabledReason"]), (&json!("DISABLED"), &json!("it answered 410 Gone")));
    let deliveries = world.deliveries(&endpoint).await;
    assert_eq!((deliveries.len(), &deliveries[0]["status"], &deliveries[0]["responseStatus"]), (1, &json!("FAILED"), &json!(410)));
    world.pass(TimeDelta::days(2));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(gone.heard().len(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_waits_can_be_sent_now_and_a_deleted_endpoint_hears_nothing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let receiver = Receiver::start().await;
    receiver.then([Behaviour::Answer("500 Internal Server Error", ""), Behaviour::Answer("200 OK", ""), Behaviour::Answer("500 Internal Server Error", "")]);
    let endpoint = world.endpoint(&receiver.url(), "[ORDER_CREATED]").await;
    let test = world.done("webhookEndpointTest", &format!("id: \"{}\"", endpoint.id), "webhookDelivery { id eventType }").await;
    assert_eq!(test["webhookDelivery"]["eventType"], "WEBHOOK_ENDPOINT_TEST");
    world.deliveries_when(&endpoint, |found| found[0]["attempts"] == 1).await;
    world.done("webhookDeliveryRedeliver", &format!("id: {}", test["webhookDelivery"]["id"]), "webhookDelivery { id }").await;
    let heard = receiver.hears(2).await;
    assert_eq!(heard[1].json()["data"], json!({ "webhookEndpointId": endpoint.id }));
    world.deliveries_when(&endpoint, |found| found[0]["status"] == "DELIVERED" && found[0]["attempts"] == 2).await;

    world.done("webhookEndpointTest", &format!("id: \"{}\"", endpoint.id), "webhookDelivery { id }").await;
    world.deliveries_when(&endpoint, |found| found.len() == 2 && found.iter().any(|one| one["attempts"] == 1)).await;
    let deleted = world.done("webhookEndpointDelete", &format!("id: \"{}\"", endpoint.id), "deletedWebhookEndpointId").await;
    assert_eq!(deleted["deletedWebhookEndpointId"], endpoint.id);
    world.pass(TimeDelta::days(1));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(receiver.heard().len(), 3);
    assert_eq!(world.ask("{ webhookEndpoints { totalCount } webhookDeliveries { totalCount } }").await["webhookDeliveries"]["totalCount"], 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_whose_process_died_each_time_has_failed_and_counts(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (broken, watching) = (Receiver::start().await, Receiver::start().await);
    broken.always(Behaviour::Answer("500 Internal Server Error", ""));
    let endpoint = world.endpoint(&broken.url(), "[STORE_UPDATED]").await;
    world.endpoint(&watching.url(), "[WEBHOOK_ENDPOINT_DISABLED]").await;
    // The process that makes the last attempt dies, which shows after a time.
    let dies = async |after: TimeDelta| {
        let sql =
            "update jobs set status = 'RUNNING', attempts = max_attempts, lease = id, lease_until = $1 where kind = 'webhook.deliver' and status = 'QUEUED'";
        let tx = world.server.db().write(Access::Worker).await.unwrap();
        let died = tx.execute_raw(world.server.db().statement(sql, [(world.now() + after - TimeDelta::minutes(1)).into()])).await.unwrap().rows_affected();
        tx.commit().await.unwrap();
        assert_eq!(died, 1);
        world.pass(after);
    };
    world.store_changes("once").await;
    world.deliveries_when(&endpoint, |found| found.iter().any(|one| one["attempts"] == 1 && one["status"] == "PENDING")).await;
    dies(TimeDelta::minutes(2)).await;
    world.comes_to("select count(*) from webhook_deliveries where status = 'FAILED'", 1).await;
    let failed = world.deliveries_when(&endpoint, |found| found[0]["status"] == "FAILED").await.remove(0);
    assert_eq!((&failed["errorMessage"], &failed["nextAttemptAt"]), (&json!("sending it took too long or ended in the middle each time"), &Value::Null));
    assert_eq!(world.fields(&endpoint).await["status"], "ENABLED", "it has not failed for long");

    // It can be sent again.
    world.done("webhookDeliveryRedeliver", &format!("id: {}", failed["id"]), "webhookDelivery { id }").await;
    world.deliveries_when(&endpoint, |found| found[0]["attempts"] == 2 && found[0]["status"] == "PENDING").await;

    // The one that comes after a day of failures disables the endpoint.
    dies(TimeDelta::hours(24)).await;
    world.comes_to("select count(*) from webhook_endpoints where status = 'DISABLED'", 1).await;
    let told = watching.hears(1).await[0].json();
    assert_eq!(told["data"]["webhookEndpointId"], endpoint.id);
    assert!(told["data"]["reason"].as_str().unwrap().starts_with("every delivery has failed since 2026-11-21T09:00:00"), "{told}");
    assert_eq!(world.fields(&endpoint).await["status"], "DISABLED");
}
