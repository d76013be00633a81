//! Every way in which a call can fail: it is told why, tried again in time, and in the end delivered under the same id.

use std::time::Duration;

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;
use tokio::net::TcpListener;

use crate::receiver::{Behaviour, Receiver};
use crate::world::{World, at};

/// What goes wrong, the HTTP status, what the error says, and the least wait in seconds until the next attempt.
const FAULTS: [(Behaviour, Option<u16>, &str, i64); 9] = [
    (Behaviour::Answer("500 Internal Server Error", ""), Some(500), "answered 500", 5),
    (Behaviour::Answer("429 Too Many Requests", "retry-after: 600\r\n"), Some(429), "answered 429", 600),
    (Behaviour::Answer("503 Service Unavailable", "retry-after: 1\r\n"), Some(503), "answered 503", 120),
    (Behaviour::Reset, None, "the connection broke before an answer came", 600),
    (Behaviour::Cut, None, "the connection broke before an answer came", 1_800),
    (Behaviour::Garbage, None, "the answer is not HTTP", 3_600),
    (Behaviour::Silence, None, "no answer came within 400 ms", 7_200),
    (Behaviour::Answer("302 Found", "location: http://127.0.0.1:1/\r\n"), Some(302), "redirects are not followed", 14_400),
    (Behaviour::Answer("429 Too Many Requests", "retry-after: 9999999\r\n"), Some(429), "answered 429", 28_800),
];

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_is_told_and_tried_again(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::patient_for(backend, Duration::from_millis(400)).await;
    let receiver = Receiver::start().await;
    receiver.then(FAULTS.map(|(behaviour, ..)| behaviour));
    let endpoint = world.endpoint(&receiver.url(), "[STORE_UPDATED]").await;
    let began = world.now();
    world.store_changes("once").await;
    for (number, (behaviour, status, error, wait)) in FAULTS.into_iter().enumerate() {
        let attempts = json!(number + 1);
        let delivery = world.deliveries_when(&endpoint, |found| found.iter().any(|one| one["attempts"] == attempts)).await.remove(0);
        assert_eq!((&delivery["status"], &delivery["responseStatus"]), (&json!("PENDING"), &json!(status)), "{behaviour:?}: {delivery}");
        assert!(delivery["errorMessage"].as_str().unwrap().contains(error), "{behaviour:?}: {delivery}");
        assert_eq!(at(&delivery["lastAttemptAt"]), world.now(), "{behaviour:?}");
        let next = at(&delivery["nextAttemptAt"]);
        let waits = (next - world.now()).as_seconds_f64();
        // By chance a tenth longer, so that not all come at once.
        assert!(waits >= wait as f64 && waits <= wait as f64 * 1.1 + 0.001, "{behaviour:?}: {waits}");
        assert_eq!(at(&world.fields(&endpoint).await["failingSinceAt"]), began);
        if number == 1 {
            // Nothing is sent before its time.
            world.pass(TimeDelta::seconds(599));
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            assert_eq!(receiver.heard().len(), number + 1);
        }
        world.pass(next - world.now());
    }
    let heard = receiver.hears(FAULTS.len() + 1).await;
    let delivery = world.deliveries_when(&endpoint, |found| found[0]["status"] == "DELIVERED").await.remove(0);
    assert_eq!((&delivery["attempts"], &delivery["errorMessage"], &delivery["nextAttemptAt"]), (&json!(10), &Value::Null, &Value::Null));
    let fields = world.fields(&endpoint).await;
    assert_eq!((&fields["failingSinceAt"], at(&fields["lastSuccessAt"]), &fields["status"]), (&Value::Null, world.now(), &json!("ENABLED")));
    // The same message every time, signed for the time of the attempt.
    let mut times: Vec<i64> = heard.iter().map(|one| one.header("webhook-timestamp").parse().unwrap()).collect();
    assert!(times.is_sorted() && times[9] == world.now().timestamp(), "{times:?}");
    times.dedup();
    assert_eq!(times.len(), 10);
    for one in &heard {
        assert_eq!((one.header("webhook-id"), &one.body, one.signatures_under(&endpoint.secret)), (heard[0].header("webhook-id"), &heard[0].body, 1));
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_home_and_no_such_host_are_tried_again(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = world.endpoint(&format!("http://{closed}/hooks"), "[STORE_UPDATED]").await;
    let unknown = world.endpoint("https://hooks.noren.invalid/hooks", "[STORE_UPDATED]").await;
    world.store_changes("once").await;
    for (endpoint, error) in [(&refused, "no connection could be made"), (&unknown, "the host's name leads nowhere that may be dialled")] {
        let delivery = world.deliveries_when(endpoint, |found| found.iter().any(|one| one["attempts"] == 1)).await.remove(0);
        assert!(delivery["errorMessage"].as_str().unwrap().starts_with(error), "{delivery}");
        assert_eq!((&delivery["status"], &delivery["responseStatus"]), (&json!("PENDING"), &Value::Null));
    }
    // Somebody moves in, and the address is mended.
    let receiver = Receiver::start().await;
    world.done("webhookEndpointUpdate", &format!("id: \"{}\", url: \"{}\"", refused.id, receiver.url()), "webhookEndpoint { id }").await;
    world.pass(TimeDelta::seconds(6));
    assert_eq!(receiver.hears(1).await[0].signatures_under(&refused.secret), 1);
}
