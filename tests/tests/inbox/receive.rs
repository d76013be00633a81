//! The door: what is let in, once, and what is not.

use std::time::Duration;

use futures::future::join_all;
use rstest::rstest;
use serde_json::json;
use tests::harness::Backend;
use tests::harness::inbox::{self, SECRET, ShopifyDelivery};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::shop::{DOMAIN, Shop, order};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_kept_byte_for_byte_and_without_its_signature(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::idle(backend).await;
    shop.connect_store("USD").await;
    let mut delivery = shop.delivery("orders/create", &order());
    delivery.body.extend_from_slice(b" \n");
    delivery.headers.push(("x-forwarded-for".into(), "192.0.2.1".into()));
    assert_eq!(delivery.send(&shop.server).await, (200, String::new()));

    let events = shop.events().await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((event["status"].as_str(), event["attempts"].as_i64()), (Some("PENDING"), Some(0)));
    assert_eq!((event["topic"].as_str(), event["account"].as_str()), (Some("orders/create"), Some(DOMAIN)));
    assert_eq!(event["store"], json!({ "domain": DOMAIN }));
    assert_eq!(event["triggeredAt"], "2026-11-02T00:15:31.877041+00:00");
    assert_eq!((&event["receivedAt"], &event["payloadDeletionAt"]), (&json!("2026-11-21T09:00:00+00:00"), &json!("2026-12-21T09:00:00+00:00")));
    assert_eq!((event["apiVersion"].as_str(), event["payloadBytes"].as_u64()), (Some("2026-10"), Some(delivery.body.len() as u64)));
    assert_eq!(event["connection"]["webhookUrl"], format!("/webhooks/shopify/{}", shop.connection));
    assert_eq!(event["content"]["payload"].as_str().unwrap().as_bytes(), delivery.body);
    let headers: Vec<(String, String)> = serde_json::from_value(event["content"]["headers"].clone()).unwrap();
    assert!(headers.contains(&("x-shopify-topic".into(), "orders/create".into())), "{headers:?}");
    assert!(headers.iter().all(|(name, _)| name.starts_with("x-shopify-") && !name.contains("hmac")), "{headers:?}");
    assert_eq!(shop.number("select count(*) from jobs where kind = 'webhook_event.process' and status = 'QUEUED'", []).await, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn repeats_of_a_delivery_at_the_same_moment_are_stored_and_worked_on_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    let delivery = shop.delivery("orders/create", &order());
    let repeats = [delivery.clone(), delivery.in_new_spelling()];
    let answers = join_all((0..20).map(|n| repeats[n % 2].send(&shop.server))).await;
    assert!(answers.iter().all(|answer| *answer == (200, String::new())), "{answers:?}");
    let events = shop.settled().await;
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["status"], &events[0]["attempts"]), (&json!("PROCESSED"), &json!(1)));
    assert_eq!(shop.announced("order.created").await, 1);
    // Another delivery that tells the same is stored, and tells nothing new.
    shop.deliver("orders/updated", &order()).await;
    assert_eq!(shop.settled().await.len(), 2);
    assert_eq!((shop.announced("order.created").await, shop.announced("order.updated").await), (1, 0));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_properly_signed_or_not_to_be_used_is_refused_and_not_stored(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::idle(backend).await;
    let good = shop.delivery("orders/create", &order());
    let mut unsigned = good.clone();
    unsigned.signature = "x-other".into();
    let mut changed = good.clone();
    changed.signature = "x-other".into();
    changed.headers.push(("x-shopify-hmac-sha256".into(), good.signature()));
    changed.body[20] ^= 1;
    for delivery in [&good.signed_with("another"), &unsigned, &changed] {
        let (status, body) = delivery.send(&shop.server).await;
        assert_eq!((status, body.contains("signature")), (401, true), "{body}");
    }
    let mut rubbish = good.clone();
    rubbish.body = b"not json".into();
    let mut nameless = good.clone();
    nameless.headers.retain(|(name, _)| name != "x-shopify-webhook-id");
    for (delivery, why) in [(rubbish, "JSON"), (nameless, "x-shopify-webhook-id")] {
        let (status, body) = delivery.send(&shop.server).await;
        assert_eq!((status, body.contains(why)), (400, true), "{body}");
    }
    let mut large = good.clone();
    large.body = vec![b' '; 2 * 1024 * 1024 + 1];
    assert_eq!(large.send(&shop.server).await.0, 413);
    let get = reqwest::get(shop.server.url(&good.path)).await.unwrap();
    assert_eq!(get.status(), 405);
    assert_eq!(shop.number("select count(*) from webhook_events", []).await, 0);
    assert_eq!(shop.number("select count(*) from jobs where kind like 'webhook_event.%'", []).await, 0);

    let mut fits = good;
    fits.body.resize(2 * 1024 * 1024, b' ');
    assert_eq!(fits.send(&shop.server).await.0, 200);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_take_nothing_answer_as_those_that_are_not_there(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::idle(backend).await;
    let good = shop.delivery("orders/create", &order());
    let disabled = inbox::connection(&shop.server, shop.tenant, "disabled").await;
    shop.ask(&format!("mutation {{ connectionUpdate(input: {{ id: \"{disabled}\", status: DISABLED }}) {{ userErrors {{ code }} }} }}")).await;
    let gone = shop.people.tenant("Gone").await;
    let of_gone = inbox::connection(&shop.server, gone, "gone").await;
    shop.execute("update tenants set status = 'DELETED', deleted_at = created_at where id = $1", [gone.into()]).await;
    let missing = shop.connection.to_string().replace(|c: char| c.is_ascii_digit(), "0");
    let mut answers = Vec::new();
    for path in [
        format!("/webhooks/shopify/{missing}"),
        format!("/webhooks/paypay/{}", shop.connection),
        format!("/webhooks/shopify/{}", shop.tenant),
        "/webhooks/shopify/nonsense".to_owned(),
        format!("/webhooks/shopify/{disabled}"),
        format!("/webhooks/shopify/{of_gone}"),
    ] {
        let mut delivery = good.clone();
        delivery.path = path;
        answers.push(delivery.send(&shop.server).await);
    }
    assert_eq!(answers[0].0, 404);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(shop.number("select count(*) from webhook_events", []).await, 0);
    assert_eq!(good.send(&shop.server).await.0, 200);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_shop_tells_of_a_suspended_tenant_is_not_lost(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.people.suspend(shop.tenant).await;
    shop.deliver("orders/create", &order()).await;
    assert_eq!(shop.settled().await[0]["status"], "PROCESSED");
    assert_eq!(shop.orders().await[0]["number"], "#1042");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_same_shop_and_id_by_another_tenants_connection_is_another_delivery(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    let other = shop.people.tenant("Another").await;
    let connection = inbox::connection(&shop.server, other, "another").await;
    let ours = shop.delivery("orders/create", &order());
    let mut theirs = ours.clone();
    theirs.path = format!("/webhooks/shopify/{connection}");
    assert_eq!((theirs.send(&shop.server).await.0, ours.send(&shop.server).await.0), (200, 200));
    let events = shop.settled().await;
    assert_eq!((events.len(), &events[0]["status"]), (1, &json!("PROCESSED")));
    let sql = "select count(*) from webhook_events where tenant_id = $1 and store_id is null";
    assert_eq!(shop.number(sql, [other.into()]).await, 1);
    assert_eq!(shop.number("select count(*) from orders where tenant_id = $1", [other.into()]).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let shop = Shop::idle(Backend::Sqlite).await;
    let mut connection = TcpStream::connect(shop.server.address).await.unwrap();
    let head = format!("POST /webhooks/shopify/{} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{", shop.connection);
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 64];
    let read = tokio::time::timeout(Duration::from_secs(15), connection.read(&mut answer)).await.expect("an answer").unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_cuts_nothing_short() {
    let shop = Shop::idle(Backend::Postgres).await;
    let delivery = shop.delivery("orders/create", &order());
    assert_eq!(delivery.secret, SECRET);
    let headers: String = delivery.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\n{headers}{}: {}\r\ncontent-length: {}\r\n\r\n",
        delivery.path,
        delivery.signature,
        delivery.signature(),
        delivery.body.len()
    );
    for wait in [0, 1, 2, 4, 8, 16] {
        let mut connection = TcpStream::connect(shop.server.address).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&delivery.body).await.unwrap();
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    // Whatever came of those, no connection was left in the middle of a transaction, and the delivery is there once.
    assert_eq!(delivery.send(&shop.server).await.0, 200);
    assert_eq!(shop.number("select count(*) from webhook_events", []).await, 1);
    assert_eq!(shop.number("select count(*) from jobs where kind = 'webhook_event.process'", []).await, 1);
    let idle = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%' and pid <> pg_backend_pid()";
    for attempt in 0.. {
        if shop.number(idle, []).await == 0 {
            break;
        }
        assert!(attempt < 50, "a transaction was left open");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_too_much_rubbish_waits_and_holds_up_no_other_connection() {
    let shop = Shop::throttled(Backend::Sqlite).await;
    let other = inbox::connection(&shop.server, shop.tenant, "other").await;
    let (good, mut theirs) = (shop.delivery("orders/create", &order()), shop.delivery("orders/create", &order()));
    theirs.path = format!("/webhooks/shopify/{other}");
    assert_eq!((good.send(&shop.server).await.0, theirs.send(&shop.server).await.0), (200, 200));
    let until_throttled = async |delivery: &ShopifyDelivery, refused: u16| {
        for _ in 0..1_000 {
            match delivery.send(&shop.server).await {
                (status, _) if status == refused => {}
                (429, body) => return assert!(body.contains("try again in"), "{body}"),
                answer => panic!("{answer:?}"),
            }
        }
        panic!("never throttled");
    };
    // Nothing at this address may try connections that are not there, and those that are there take what they took.
    let mut nowhere = good.clone();
    nowhere.path = "/webhooks/shopify/nonsense".into();
    until_throttled(&nowhere, 404).await;
    nowhere.path = format!("/webhooks/shopify/{}", shop.connection.to_string().replace(|c: char| c.is_ascii_digit(), "0"));
    assert_eq!(nowhere.send(&shop.server).await.0, 429);
    assert_eq!(shop.delivery("orders/create", &order()).send(&shop.server).await.0, 200);
    until_throttled(&good.signed_with("another"), 401).await;
    assert_eq!(good.send(&shop.server).await.0, 429);
    let again = reqwest::Client::builder().build().unwrap().post(shop.server.url(&good.path)).send().await.unwrap();
    assert!(again.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(theirs.send(&shop.server).await.0, 200);
    shop.server.clock.advance(chrono::TimeDelta::minutes(5));
    assert_eq!(good.send(&shop.server).await.0, 200);
}
