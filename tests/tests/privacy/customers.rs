//! A customer asks what is kept of them, and to be forgotten.

use chrono::TimeDelta;
use entities::{PrivacyRequestKind, TokenRole};
use platform::db::Access;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::{Backend, privacy};

use crate::sweep::found;
use crate::world::{CUSTOMER, DOMAIN, GUEST_ORDER, MARKERS, ORDERS, World, customer, data_request, guest_order, order, redact};

impl World {
    async fn export(&self, id: &Value) -> Value {
        let selected = "privacyRequest { bundleFetchedAt bundleDeletionAt } bundle userErrors { code field }";
        self.ask(&format!("mutation {{ privacyRequestExport(input: {{ id: {id} }}) {{ {selected} }} }}")).await["privacyRequestExport"].clone()
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_forgotten_everywhere_and_does_not_come_back(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::open(backend).await;
    world.fill().await;
    let (books, before) = (world.books().await, found(&world.server, &MARKERS).await);
    for marker in MARKERS {
        assert!(before.iter().any(|(_, text)| text == marker), "{marker} is in no row, so that nothing would be proved: {before:?}");
    }
    for table in ["customers", "orders", "webhook_events", "audit_details"] {
        assert!(before.iter().any(|(name, _)| name == table), "{table} names nobody: {before:?}");
    }

    world.deliver("customers/redact", &redact()).await;
    world.completed().await;
    assert_eq!(found(&world.server, &MARKERS).await, vec![], "what is left of the person");
    assert_eq!(world.books().await, books, "money and counts stay");
    assert!(world.chains_hold().await >= 2, "details were erased, and the chain holds");
    let request = world.request().await;
    assert_eq!((&request["kind"], &request["status"], &request["outcome"]), (&json!("CUSTOMER_REDACTION"), &json!("COMPLETED"), &json!("ERASED")));
    assert_eq!(request["evidence"], json!({ "auditDetails": 3, "customers": 1, "orders": 3, "webhookEvents": 3 }));
    assert_eq!((&request["externalCustomerId"], &request["store"]["id"]), (&Value::Null, &json!(world.store)));
    // Somebody else's order is as it was.
    let others = world.ask("{ orders(filter: { text: \"#1042\" }) { nodes { email customer { lastName } } } }").await;
    assert_eq!(others["orders"]["nodes"], json!([{ "email": "akiko@example.jp", "customer": { "lastName": "Mori" } }]));

    // Whatever comes later, by whichever way, brings numbers and no person.
    let mut late = order(ORDERS[0], "#200", "2026-11-10T09:15:31+09:00");
    late["total_price"] = json!("65.00");
    late["total_price_set"]["shop_money"]["amount"] = json!("65.00");
    world.deliver("orders/updated", &late).await;
    world.deliver("orders/create", &order(ORDERS[0] + 7, "#207", "2026-11-10T09:15:31+09:00")).await;
    let mut guest = guest_order();
    guest["updated_at"] = json!("2026-11-10T09:15:31+09:00");
    world.deliver("orders/updated", &guest).await;
    // One that cannot be taken does not wait for a replay either.
    let odd = order(ORDERS[0] + 8, "#208", "2026-11-10T09:15:31+09:00").to_string().replace("\"USD\"", "\"EUR\"");
    world.deliver("orders/paid", &serde_json::from_str(&odd).unwrap()).await;
    let receipt = world.import(&[customer("2026-11-11T00:00:00Z")]).await;
    assert_eq!((receipt.customers.created, receipt.rejected), (0, 0), "{receipt}");
    let named = json!({
        "id": CUSTOMER, "first_name": "zzfirst", "last_name": "zzlast", "email": "zzbuyer@example.jp", "phone": "+819076543210", "tags": "zznote",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-11-12T00:00:00Z", "default_address": { "company": "zzcompany", "city": "Kyoto" },
    });
    world.deliver("customers/update", &named).await;
    assert_eq!(found(&world.server, &MARKERS).await, vec![], "what came back");
    let query = r##"{ orders(filter: { text: "#200" }) { nodes { number email totalPrice { amount } customer { externalId email } } }
                      stores { nodes { orders { totalCount } } } }"##;
    let now = world.ask(query).await;
    let expected =
        json!([{ "number": "#200", "email": null, "totalPrice": { "amount": "65.00" }, "customer": { "externalId": CUSTOMER.to_string(), "email": null } }]);
    assert_eq!(now["orders"]["nodes"], expected);
    assert_eq!(now["stores"]["nodes"][0]["orders"]["totalCount"], 5);
    let emptied = world.ask("{ webhookEvents { nodes { status payloadDeletedAt topic } } }").await;
    let late = emptied["webhookEvents"]["nodes"].as_array().unwrap().iter().filter(|event| event["topic"] == "orders/updated");
    assert_eq!(late.map(|event| (event["status"].clone(), event["payloadDeletedAt"].is_null())).collect::<Vec<_>>(), vec![(json!("PROCESSED"), false); 2]);

    // Asked again, there is nothing to be done, and no harm in it.
    world.deliver("customers/redact", &redact()).await;
    world.completed().await;
    assert_eq!((world.requests().await.len(), found(&world.server, &MARKERS).await), (2, vec![]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_gets_what_is_kept_of_them(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::open(backend).await;
    world.fill().await;
    let delivery = world.delivery(DOMAIN, "customers/data_request", &data_request(9_999));
    assert_eq!(delivery.signed_with("another secret").send(&world.server).await.0, 401, "whoever cannot sign cannot ask");
    assert_eq!(world.requests().await, Vec::<Value>::new());
    // The same delivery again, and the same request by another delivery.
    for _ in 0..2 {
        assert_eq!(delivery.send(&world.server).await.0, 200);
        world.deliver("customers/data_request", &data_request(9_999)).await;
    }
    world.completed().await;
    let requests = world.requests().await;
    assert_eq!(requests.len(), 1, "{requests:#?}");
    let request = &requests[0];
    assert_eq!((&request["status"], &request["outcome"], &request["providerRequestId"]), (&json!("COMPLETED"), &json!("EXPORTED"), &json!("9999")));
    assert_eq!((&request["receivedAt"], &request["dueAt"]), (&json!("2026-11-21T09:00:00+00:00"), &json!("2026-12-21T09:00:00+00:00")));
    assert_eq!(request["externalCustomerId"], CUSTOMER.to_string(), "the tenant has to know whom to answer");
    assert_eq!((&request["evidence"]["customers"], &request["evidence"]["orders"]), (&json!(1), &json!(3)));

    let (_, platform) = world.people.token(TokenRole::PlatformAdmin, None, &[]).await;
    let (_, member) = world.people.token(TokenRole::TenantMember, Some(world.tenant), &[]).await;
    let text = format!("mutation {{ privacyRequestExport(input: {{ id: {} }}) {{ bundle userErrors {{ code }} }} }}", request["id"]);
    for who in [platform.choosing(world.tenant), platform, member] {
        assert_eq!(world.server.ask(&who, &text).await.code(), Some("FORBIDDEN"), "the tenant's administrators alone");
    }
    let exported = world.export(&request["id"]).await;
    assert_eq!(exported["userErrors"], json!([]));
    let bundle = &exported["bundle"];
    let told = bundle.to_string().to_lowercase();
    for marker in MARKERS {
        assert!(told.contains(marker), "{marker} is not in what they get");
    }
    assert!(!told.contains("akiko"), "somebody else is in what they get");
    assert_eq!((&bundle["customers"][0]["firstName"], bundle["orders"].as_array().unwrap().len()), (&json!("Zzfirst"), 3));
    assert!(bundle["orders"].as_array().unwrap().iter().all(|order| order["items"].as_array().unwrap().len() == 2), "{bundle:#}");
    let log = world.ask("{ auditEvents(filter: { actions: [\"privacyRequestExport\"] }) { nodes { subject } } }").await;
    assert_eq!(log["auditEvents"]["nodes"], json!([{ "subject": request["id"] }]));

    // An answer may get lost: for a day it can be had again, and then it is gone.
    world.pass(TimeDelta::hours(23)).await;
    assert_eq!(world.export(&request["id"]).await["bundle"], *bundle);
    world.pass(TimeDelta::hours(2)).await;
    assert_eq!(world.export(&request["id"]).await["userErrors"], json!([{ "code": "PAYLOAD_DELETED", "field": ["input", "id"] }]));
    world.until("the bundle is deleted", "select count(*) from privacy_requests where bundle_sealed is not null", 0).await;

    // Who is forgotten is forgotten here as well.
    world.deliver("customers/data_request", &data_request(10_000)).await;
    world.completed().await;
    world.deliver("customers/redact", &redact()).await;
    world.completed().await;
    let requests = world.requests().await;
    assert!(requests.len() == 3 && requests.iter().all(|request| request["externalCustomerId"].is_null() && request["bundleBytes"].is_null()), "{requests:#?}");
    for request in &requests {
        let code = if request["kind"] == "DATA_REQUEST" { "PAYLOAD_DELETED" } else { "NOT_ALLOWED" };
        assert_eq!(world.export(&request["id"]).await["userErrors"][0]["code"], code);
    }
    assert_eq!(found(&world.server, &MARKERS).await, vec![]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn requests_about_shops_that_are_gone_or_were_never_there_are_done_too(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::open(backend).await;
    world.fill().await;
    world.execute("update stores set status = 'UNINSTALLED' where id = $1", [world.store.into()]).await;
    world.deliver("customers/redact", &redact()).await;
    world.completed().await;
    assert_eq!(found(&world.server, &MARKERS).await, vec![]);
    let mut elsewhere = redact();
    elsewhere["shop_domain"] = json!("nobody-knows.myshopify.com");
    // The header is not signed: the shop is the body's.
    world.deliver("customers/redact", &elsewhere).await;
    world.completed().await;
    for topic in ["customers/data_request", "shop/redact"] {
        let mut asked = data_request(1);
        asked["shop_domain"] = json!("nobody-knows.myshopify.com");
        if topic == "shop/redact" {
            asked["customer"] = Value::Null;
        }
        world.delivery("nobody-knows.myshopify.com", topic, &asked).send(&world.server).await;
        world.completed().await;
    }
    world.completed().await;
    assert_eq!(found(&world.server, &MARKERS).await, vec![], "what was asked names nobody either");
    let requests = world.requests().await;
    assert_eq!(requests.len(), 4);
    let unknown: Vec<_> = requests.iter().filter(|request| request["shopDomain"] == "nobody-knows.myshopify.com").collect();
    assert_eq!(unknown.len(), 3);
    for request in unknown {
        assert_eq!((&request["outcome"], &request["store"], &request["evidence"]), (&json!("NOTHING_THERE"), &Value::Null, &json!({})), "{request:#}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_is_forgotten_is_forgotten_in_what_was_put_together_and_in_no_redaction_that_waits(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::open(backend).await;
    world.fill().await;
    // A shop that is no store, of which the inbox alone knows something.
    let of = |mut body: Value| {
        body["shop_domain"] = json!("nobody-knows.myshopify.com");
        body
    };
    let told = order(ORDERS[0], "#200", "2026-11-02T09:15:31+09:00");
    world.delivery("nobody-knows.myshopify.com", "orders/create", &told).send(&world.server).await;
    world.deliver("customers/data_request", &of(data_request(77))).await;
    world.completed().await;
    assert_eq!(world.request().await["outcome"], "EXPORTED");
    assert_eq!(world.number("select count(*) from privacy_requests where bundle_sealed is not null").await, 1);
    let waiting = privacy::failed(&world.server, world.tenant, Some(world.store), PrivacyRequestKind::CustomerRedaction, "tea").await;
    let sql = "update privacy_requests set external_customer_id = $1, external_order_ids = $2, shop_domain = $3 where id = $4";
    world.execute(sql, [CUSTOMER.to_string().into(), json!([GUEST_ORDER.to_string()]).into(), DOMAIN.into(), waiting.into()]).await;

    for body in [redact(), of(redact())] {
        world.deliver("customers/redact", &body).await;
        world.until("it is done", "select count(*) from privacy_requests where status = 'PENDING'", 0).await;
    }
    assert_eq!(world.number("select count(*) from privacy_requests where bundle_sealed is not null").await, 0);
    let left = "select count(*) from privacy_requests where status = 'FAILED' and external_customer_id is not null";
    assert_eq!(world.number(left).await, 1, "what it has to erase it still knows");
    let retry = format!("mutation {{ privacyRequestRetry(input: {{ id: \"{waiting}\" }}) {{ userErrors {{ code }} }} }}");
    world.ask(&retry).await;
    world.completed().await;
    assert_eq!(world.number("select count(*) from privacy_requests where external_customer_id is not null").await, 0);
    assert_eq!(found(&world.server, &MARKERS).await, vec![]);
}

/// An import that began before knows nobody who is forgotten: it is waited for, and if it died, what it had read goes too.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_forgotten_does_not_come_out_of_an_import_that_was_under_way(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::open(backend).await;
    world.fill().await;
    let (run, now) = (uuid::Uuid::from_u128(77), world.server.clock().now());
    let sql = "insert into import_runs (id, tenant_id, store_id, provider, source, status, keep_going, lease_until, created_at, cleaned)
               values ($1, $2, $3, 'shopify', 'orders.jsonl', 'STAGING', false, $4, $5, false)";
    world.execute(sql, [run.into(), world.tenant.into(), world.store.into(), (now + TimeDelta::seconds(10)).into(), now.into()]).await;
    let (db, staged) = (
        world.server.db(),
        "insert into staged_customers (run_id, tenant_id, line, id, external_id, first_name, search_text, carried)
               values ($1, $2, 1, $3, $4, 'Zzfirst', 'zzfirst', 1)",
    );
    let tx = db.write(Access::Import).await.unwrap();
    tx.execute_raw(db.statement(staged, [run.into(), world.tenant.into(), run.into(), CUSTOMER.to_string().into()])).await.unwrap();
    tx.commit().await.unwrap();

    world.deliver("customers/redact", &redact()).await;
    world.until("it waits", "select count(*) from jobs where kind = 'privacy.work' and status = 'QUEUED' and last_error is not null", 1).await;
    assert!(found(&world.server, &["zzfirst"]).await.iter().any(|(table, _)| table == "staged_customers"));
    // The import is never heard of again.
    world.pass(TimeDelta::minutes(2)).await;
    world.completed().await;
    assert_eq!(found(&world.server, &MARKERS).await, vec![]);
    assert_eq!(world.number("select count(*) from import_runs where status = 'FAILED' and cleaned").await, 1);
}
