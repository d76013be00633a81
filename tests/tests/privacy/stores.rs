//! A shop is forgotten, with everybody in it.

use std::time::Duration;

use chrono::TimeDelta;
use commerce::imports::ImportError;
use entities::{PrivacyRequestKind, StoreId};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::inbox::SECRET;
use tests::harness::shopify::SessionToken;
use tests::harness::{Backend, installs, machinery, privacy, seed};

use crate::sweep::found;
use crate::world::{DOMAIN, MARKERS, World};

/// More orders than go in one batch have items.
const ROWS: usize = 600;

impl World {
    async fn rows_of(&self, table: &str, store: StoreId) -> i64 {
        let hex = store.uuid().simple();
        let id = if self.server.database.settings().is_postgres() { format!("'{hex}'") } else { format!("x'{hex}'") };
        self.number(&format!("select count(*) from {table} where store_id = {id}")).await
    }

    async fn uninstalled(&self, store: StoreId, at: TimeDelta) {
        let now = self.server.clock().now();
        let sql = "update stores set status = 'UNINSTALLED', uninstalled_at = $1, data_deletion_scheduled_at = $2 where id = $3";
        self.execute(sql, [now.into(), (now + at).into(), store.into()]).await;
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stores_data_is_deleted_when_its_time_has_come_wherever_the_work_was_broken_off(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let mut world = World::open(backend).await;
    let gone = seed::store(world.server.db(), world.tenant, "zzgone", ROWS).await;
    let kept = seed::store(world.server.db(), world.tenant, "kept", 3).await;
    let ours = (gone.store, kept.store);
    world.uninstalled(ours.0, TimeDelta::hours(48)).await;
    world.pass(TimeDelta::hours(47)).await;
    world.until("the watch has looked", "select count(*) from jobs where kind = 'privacy.watch' and status = 'DONE'", 1).await;
    assert_eq!(world.requests().await, Vec::<Value>::new(), "its time has not come");

    // Something is in the way half through: another store's order is a customer's of this one.
    let customer = gone.customers[0].id;
    world.execute("update orders set customer_id = $1 where id = $2", [customer.into(), kept.orders[0].id.into()]).await;
    world.pass(TimeDelta::hours(2)).await;
    world.until("it is stuck", "select count(*) from jobs where kind = 'privacy.work' and status = 'QUEUED' and last_error is not null", 1).await;
    let request = world.request().await;
    assert_eq!((&request["kind"], &request["status"], &request["completedAt"]), (&json!("STORE_DELETION"), &json!("PENDING"), &Value::Null));
    let done = json!({ "orderItems": 2 * ROWS, "orders": ROWS, "productVariants": 2 * ROWS, "products": ROWS });
    assert_eq!(request["evidence"], done, "what is done is done, and said");
    assert_eq!((world.rows_of("orders", ours.0).await, world.rows_of("customers", ours.0).await), (0, ROWS as i64));
    // The process ends, and another one goes on.
    world.server.background.take().unwrap().stop(Duration::from_secs(5)).await;
    world.execute("update orders set customer_id = null where id = $1", [kept.orders[0].id.into()]).await;
    world.server.work().await;
    world.pass(TimeDelta::minutes(2)).await;
    world.completed().await;

    let request = world.request().await;
    let mut evidence = done;
    evidence["customers"] = json!(ROWS);
    assert_eq!((&request["outcome"], &request["evidence"]), (&json!("ERASED"), &evidence));
    assert!(!request["store"]["dataDeletionCompletedAt"].is_null());
    for table in ["customers", "products", "product_variants", "orders", "order_items"] {
        assert_eq!(world.rows_of(table, ours.0).await, 0, "{table}");
        assert!(world.rows_of(table, ours.1).await > 0, "{table} of the other store");
    }
    assert_eq!(found(&world.server, &["@zzgone.example", "zzgone sells"]).await, vec![]);
    world.chains_hold().await;
    // It is done once.
    world.pass(TimeDelta::days(2)).await;
    world.until("the watch has looked again", "select count(*) from jobs where kind = 'privacy.watch' and status = 'DONE'", 3).await;
    assert_eq!(world.requests().await.len(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_asks_for_it_is_forgotten_with_everything_it_ever_told(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::open(backend).await;
    world.fill().await;
    let ask = json!({ "shop_id": 954_889, "shop_domain": DOMAIN });
    // The app is in the shop, and was let in today: what asks for the end of an earlier time is about that.
    world.deliver("shop/redact", &ask).await;
    world.completed().await;
    assert_eq!(world.request().await["outcome"], "INSTALLED_AGAIN");
    assert!(!world.shopify.heard().is_empty(), "whether the app is in the shop, the shop was asked");
    assert_eq!(world.number("select count(*) from orders").await, 4);

    world.uninstalled(world.store, TimeDelta::days(30)).await;
    let refused = world.try_import(&[]).await.unwrap_err();
    assert!(matches!(refused, ImportError::Uninstalled), "what is on its way out is not added to: {refused}");
    world.pass(TimeDelta::hours(48)).await;
    world.deliver("shop/redact", &ask).await;
    world.completed().await;
    let request = world.request().await;
    assert_eq!((&request["kind"], &request["outcome"]), (&json!("SHOP_REDACTION"), &json!("ERASED")), "{request:#}");
    assert_eq!((&request["evidence"]["orders"], &request["evidence"]["orderItems"], &request["evidence"]["customers"]), (&json!(4), &json!(8), &json!(2)));
    let everybody: Vec<&str> = MARKERS.into_iter().chain(["akiko", "teramachi"]).collect();
    assert_eq!(found(&world.server, &everybody).await, vec![]);
    let left = "select count(*) from stores where access_token_sealed is not null or api_secret_sealed is not null or api_key is not null";
    assert_eq!((world.number(left).await, world.books().await.iter().sum::<i64>()), (0, 0));
    let store = world.ask("{ stores { nodes { id name domain status dataDeletionCompletedAt } } }").await["stores"]["nodes"][0].clone();
    assert_eq!((&store["domain"], &store["status"]), (&json!(DOMAIN), &json!("UNINSTALLED")), "a tombstone stays");
    assert!(!store["dataDeletionCompletedAt"].is_null());
    world.chains_hold().await;

    // Late words about it are not kept, and asking again finds nothing.
    world.deliver("orders/create", &crate::world::order(crate::world::ORDERS[0], "#200", "2026-11-02T09:15:31+09:00")).await;
    world.pass(TimeDelta::minutes(1)).await;
    world.deliver("shop/redact", &ask).await;
    world.completed().await;
    assert_eq!(world.request().await["outcome"], "NOTHING_THERE");
    assert_eq!(found(&world.server, &MARKERS).await, vec![]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_installed_again_keeps_its_data(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::open(backend).await;
    world.fill().await;
    let before = world.books().await;
    let failed = privacy::failed(&world.server, world.tenant, Some(world.store), PrivacyRequestKind::StoreDeletion, "noren-tea").await;
    let retry = format!("mutation {{ privacyRequestRetry(input: {{ id: \"{failed}\" }}) {{ privacyRequest {{ status }} userErrors {{ code }} }} }}");
    assert_eq!(world.ask(&retry).await["privacyRequestRetry"], json!({ "privacyRequest": { "status": "PENDING" }, "userErrors": [] }));
    world.completed().await;
    let request = world.request().await;
    assert_eq!((&request["outcome"], &request["evidence"]), (&json!("INSTALLED_AGAIN"), &json!({})));
    assert_eq!(world.books().await, before);
    assert_eq!(world.ask(&retry).await["privacyRequestRetry"]["userErrors"], json!([{ "code": "NOT_ALLOWED" }]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_called_from_inside_of_a_shop_is_forgotten_with_it(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::open(backend).await;
    installs::installation(&world.server, world.tenant, world.store, world.connection, "tea").await;
    let run = machinery::sync_run(&world.server, world.tenant, world.store, "QUEUED").await;
    let merchant = SessionToken::new("tea-account", SECRET, DOMAIN, world.server.clock().now()).credentials();
    let cancel = format!("mutation {{ syncCancel(input: {{ id: \"{run}\" }}) {{ syncRun {{ status }} }} }}");
    assert_eq!(world.server.ask(&merchant, &cancel).await.data()["syncCancel"]["syncRun"]["status"], "CANCELLED");
    let entry = async || {
        let log = world.ask("{ auditEvents(filter: { actorKinds: [MERCHANT] }) { nodes { actor address after detailErasedAt } } }").await;
        log["auditEvents"]["nodes"][0].clone()
    };
    let before = entry().await;
    assert_eq!((&before["actor"], &before["address"]), (&json!(format!("{}/42", world.store)), &json!("127.0.0.1")));

    world.uninstalled(world.store, TimeDelta::hours(1)).await;
    world.pass(TimeDelta::hours(3)).await;
    world.until("the store is erased", "select count(*) from privacy_requests where status = 'COMPLETED'", 1).await;
    let after = entry().await;
    assert_eq!((&after["actor"], &after["address"], &after["after"]), (&before["actor"], &Value::Null, &Value::Null));
    assert!(after["detailErasedAt"].is_string());
    world.chains_hold().await;
}
