//! Orders that are told and orders that are imported: the same rows whichever way they come, and neither hurts the other.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use commerce::changes::{Applied, ChangeError};
use commerce::imports::{Receipt, Source};
use platform::db::Access;
use platform::{Clock, SystemClock};
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::bulk::{customer, file, item, order, product, variant, write_shop};
use tests::harness::Backend;

use crate::shop::{Shop, cdnow, import_into};
use crate::teller::{Lines, dated, set};

/// The first orders of the real shop.
fn real_orders(count: usize) -> Vec<Lines> {
    let mut orders: Vec<Lines> = Vec::new();
    let file = std::io::BufReader::new(flate2::read::MultiGzDecoder::new(std::fs::File::open(cdnow()).unwrap()));
    for line in std::io::BufRead::lines(file) {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if line.get("__parentId").is_none() {
            if orders.len() == count {
                break;
            }
            orders.push(Vec::new());
        }
        orders.last_mut().unwrap().push(line);
    }
    orders
}

fn changed(receipt: &Receipt) -> u64 {
    [receipt.customers, receipt.orders, receipt.order_items].iter().map(|counts| counts.created + counts.updated).sum::<u64>() + receipt.orders_linked
}

#[rstest]
#[tokio::test]
async fn the_real_orders_are_the_same_told_or_imported(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (told, imported) = (Shop::open(backend, "USD").await, Shop::open(backend, "USD").await);
    let orders = real_orders(250);
    let whole = file(&orders.concat());
    for lines in &orders {
        assert_eq!(told.tell(lines).await, Applied::Created);
    }
    imported.import(whole.clone()).await.unwrap();
    let rows = imported.told().await;
    assert!(rows.len() > 500, "{}", rows.len());
    assert_eq!(told.told().await, rows);

    // The other way over the same rows: nothing is different.
    let receipt = told.import(whole).await.unwrap();
    assert_eq!(changed(&receipt), 0, "{receipt}");
    for lines in &orders {
        assert_eq!(imported.tell(lines).await, Applied::Unchanged);
    }
    assert_eq!((told.told().await, imported.told().await), (rows.clone(), rows));
}

/// Lines that say much, little, null; text of any kind; customers before, with and after their orders.
fn many_sided() -> Vec<Lines> {
    let odd = "tab\there \\N back\\slash\nline 暖簾 🍵 \u{1}\u{7f} 'quote\" {run} {tenant} $1 \\.";
    let optional = json!({"customAttributes": null, "requiresShipping": null, "taxable": null, "sku": null});
    let mut named = set(dated(order(4), 42, "2026-03-03T00:00:00Z"), json!({"name": format!("#{odd}"), "updatedAt": "2026-03-03T00:00:00Z"}));
    named["customer"]["tags"] = json!([odd, "tea"]);
    named["customer"]["defaultAddress"] = json!({"city": odd, "company": null});
    let mut bare = order(5);
    for name in ["email", "customer", "displayFulfillmentStatus", "closed", "closedAt", "test", "processedAt", "subtotalPriceSet"] {
        bare.as_object_mut().unwrap().remove(name);
    }
    let mut nested = order(6);
    nested.as_object_mut().unwrap().remove("customer");
    nested["__parentId"] = json!("gid://shopify/Customer/42");
    vec![
        vec![set(order(1), json!({"customer": {"id": "gid://shopify/Customer/42"}})), item(11, 1)],
        vec![set(order(2), json!({"customer": null, "email": null, "cancelledAt": "2026-03-02T00:00:00.123456Z"}))],
        vec![order(3), set(item(31, 3), optional), set(item(32, 3), json!({"title": odd}))],
        vec![named, item(41, 4)],
        vec![set(bare.clone(), json!({"name": "#5a"})), item(51, 5)],
        vec![nested],
        vec![set(order(3), json!({"updatedAt": "2026-03-04T00:00:00Z"})), set(item(31, 3), json!({"quantity": 0})), item(33, 3)],
        vec![set(bare, json!({"updatedAt": "2026-03-04T00:00:00Z", "email": "late@example.com"}))],
    ]
}

#[rstest]
#[tokio::test]
async fn many_sided_orders_are_the_same_told_or_imported_one_by_one(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (told, imported) = (Shop::open(backend, "USD").await, Shop::open(backend, "USD").await);
    let before = file(&[customer(7_003), product(5), variant(51, 5)]);
    told.import(before.clone()).await.unwrap();
    imported.import(before).await.unwrap();
    for lines in many_sided() {
        let receipt = imported.import(file(&lines)).await.unwrap();
        let expected = match (receipt.orders.created, receipt.orders.updated + receipt.order_items.created + receipt.order_items.updated) {
            (1, _) => Applied::Created,
            (_, 0) => Applied::Unchanged,
            (_, _) => Applied::Updated,
        };
        assert_eq!(told.tell(&lines).await, expected);
        assert_eq!(told.told().await, imported.told().await, "after {lines:?}");
    }
    assert_eq!(told.leftovers().await, 0);
}

/// While an import changes rows, orders are told, some newer than in its file, some older, some that are in neither.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_told_during_an_import_are_not_lost_and_do_not_hurt_it(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let (mut large, orders) = (Vec::new(), 4_000);
    write_shop(&mut large, orders).unwrap();
    let (db, store) = (shop.db.clone(), shop.store);
    let import = tokio::spawn(async move { import_into(&db, store, Source::new("large", None, std::io::Cursor::new(large)), false).await });
    let numbered = |index: u64, at: &str, email: &str| {
        let mut line = set(dated(order(5_000_000_000 + index), 7_000_000_000 + index, at), json!({"updatedAt": at, "email": email}));
        line["createdAt"] = json!("2019-01-01T00:00:00Z");
        [line, item(1_000_000 + index, 5_000_000_000 + index)]
    };
    let (mut told, mut put_off, mut after, mut longest) = (0, 0, 0, Duration::ZERO);
    while after < 40 {
        after += u64::from(import.is_finished());
        let began = Instant::now();
        let index = told * 97 % (orders + 400) + 1;
        let (at, email) = if told % 2 == 0 { ("2030-01-01T00:00:00Z", "newer") } else { ("2020-01-01T00:00:00Z", "older") };
        let outcome = shop.try_tell(&numbered(index, at, email)).await;
        longest = longest.max(began.elapsed());
        match outcome {
            Ok(_) => told += 1,
            Err(ChangeError::Importing) => {
                put_off += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let receipt = import.await.unwrap().unwrap();
    println!("{backend:?}: {told} orders told, put off {put_off} times, the longest took {longest:?}");
    assert!(longest < Duration::from_secs(5), "beside many rows that have just come, {longest:?}");
    assert_eq!(receipt.rejected, 0);
    for index in (0..told).map(|told| (told, told * 97 % (orders + 400) + 1)) {
        let email = shop.one("email", &format!("{{orders}} o where external_id = '{}'", 5_000_000_000 + index.1)).await;
        match (index.0 % 2 == 0, index.1 <= orders) {
            (true, _) => assert_eq!(email, "newer", "{index:?}"),
            (false, true) => assert!(email.starts_with("buyer") || email == "newer", "{index:?} {email}"),
            (false, false) => assert!(email == "older" || email == "newer", "{index:?} {email}"),
        }
    }
    assert_eq!(shop.number("select count(*) from {orders} o where cast(external_id as bigint) <= 5000004000").await, 4_000);
    assert_eq!(shop.number("select count(*) from {orders} o where customer_id is null").await, 0);
    assert_eq!(shop.leftovers().await, 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_an_import_is_merged_an_order_is_put_off_at_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    shop.tell(&[order(1)]).await;
    let newer = set(order(1), json!({"updatedAt": "2026-03-09T00:00:00Z", "email": "imported@example.com"}));
    if shop.on_sqlite() {
        let at = SystemClock.now();
        insert_run(&shop, "MERGING", at + TimeDelta::seconds(10)).await;
        let error = shop.try_tell(&[order(2)]).await.unwrap_err();
        assert!(matches!(error, ChangeError::Importing) && error.is_worth_a_retry());
        shop.execute("update import_runs set status = 'DONE'", None).await;
    } else {
        // A reader of the row holds the merge up.
        let holder = shop.db.write(Access::Tenant(shop.tenant)).await.unwrap();
        holder.query_all_raw(shop.db.statement("select id from orders for update", [])).await.unwrap();
        let (db, store, lines) = (shop.db.clone(), shop.store, file(std::slice::from_ref(&newer)));
        let import = tokio::spawn(async move { import_into(&db, store, Source::new("held", None, std::io::Cursor::new(lines)), false).await });
        let mut others = 10..10_000;
        let error = loop {
            if let Err(error) = shop.try_tell(&[order(others.next().unwrap())]).await {
                break error;
            }
        };
        assert!(matches!(error, ChangeError::Importing) && error.is_worth_a_retry());
        drop(holder);
        assert_eq!(import.await.unwrap().unwrap().orders.updated, 1);
    }
    assert_eq!(shop.tell(&[order(2)]).await, Applied::Created);
}

async fn insert_run(shop: &Shop, status: &str, lease_until: chrono::DateTime<Utc>) {
    let sql = format!(
        "insert into import_runs (id, tenant_id, store_id, provider, source, status, keep_going, lease_until, created_at, cleaned)
         select randomblob(16), tenant_id, id, 'shopify', 'earlier', '{status}', false, $1, $1, false from stores"
    );
    shop.execute(&sql, Some(lease_until)).await;
}

/// SQLite: what an import left behind that failed, or died, is in nobody's way.
#[rstest]
#[tokio::test]
async fn rows_that_a_dead_import_left_make_way(#[values("FAILED", "MERGING")] status: &str) {
    let shop = Shop::open(Backend::Sqlite, "USD").await;
    let left = |number| dated(order(number), 42, "2026-03-02T00:00:00Z");
    shop.import(file(&[left(1), item(11, 1), item(12, 1), left(2), item(21, 2)])).await.unwrap();
    // As if it had not come to its end.
    let past = SystemClock.now() - TimeDelta::minutes(5);
    shop.execute(&format!("update import_runs set status = '{status}', cleaned = false, lease_until = $1"), Some(past)).await;
    for table in ["customers", "orders", "order_items"] {
        shop.execute(&format!("update {table} set pending_import_id = (select id from import_runs)"), None).await;
    }
    assert!(shop.told().await.is_empty());

    let older = set(left(1), json!({"updatedAt": "2026-03-01T12:00:00Z", "email": "told@example.com"}));
    assert_eq!(shop.tell(&[older, item(12, 1)]).await, Applied::Created, "nobody has seen what the import knew");
    assert_eq!(shop.told().await.len(), 3, "the order, its item and its customer");
    assert_eq!(shop.one("t.email || ' ' || c.external_id", "{orders} t join {customers} c on c.id = t.customer_id").await, "told@example.com 42");
    assert_eq!(shop.number("select count(*) from import_runs where status = 'FAILED'").await, 1);

    // An order that points to nobody's rows but the dead import's has no customer yet.
    let pointing = set(order(2), json!({"customer": {"id": "gid://shopify/Customer/42"}}));
    assert_eq!(shop.tell(&[pointing]).await, Applied::Created);
    let receipt = shop.import(file(&[left(1), item(11, 1), left(2), item(21, 2)])).await.unwrap();
    assert_eq!((receipt.orders.created, receipt.orders.updated, receipt.order_items.created), (0, 2, 2), "{receipt}");
    assert_eq!(shop.told().await.len(), 6);
    assert_eq!(shop.leftovers().await, 0);
}
