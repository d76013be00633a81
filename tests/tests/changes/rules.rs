//! What becomes of an order that is told: created, updated, left alone, refused; in any order, any number of times.

use commerce::changes::{Applied, ChangeError};
use commerce::imports::ImportError;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;
use tests::bulk::{file, item, order};
use tests::harness::Backend;

use crate::shop::Shop;
use crate::teller::{Lines, dated, set};

const STATE: &str = "{orders} t join {order_items} i on i.order_id = t.id where i.external_id = '11'";

#[rstest]
#[tokio::test]
async fn created_then_updated_then_left_alone_by_what_is_older(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let first = [order(1), item(11, 1), item(12, 1)];
    let created = shop.try_tell(&first).await.unwrap();
    assert_eq!(created.outcome, Applied::Created);
    assert_eq!(shop.number("select count(*) from {orders} o join {customers} c on c.id = o.customer_id where o.search_text like '%山田%'").await, 1);
    let known = shop.told().await;
    assert_eq!(known.len(), 4);
    assert_eq!(shop.try_tell(&first).await.unwrap(), commerce::changes::Written { outcome: Applied::Unchanged, ..created });
    assert_eq!(shop.told().await, known);

    let refunded = set(order(1), json!({"updatedAt": "2026-03-05T00:00:00Z", "cancelledAt": "2026-03-04T00:00:00Z", "displayFinancialStatus": "REFUNDED"}));
    let newer = [refunded, set(item(11, 1), json!({"quantity": 0})), item(12, 1), item(13, 1)];
    assert_eq!(shop.try_tell(&newer).await.unwrap(), commerce::changes::Written { outcome: Applied::Updated, ..created });
    assert_eq!(shop.one("status || financial_status || i.quantity", STATE).await, "CANCELLEDREFUNDED0");
    let known = shop.told().await;
    assert_eq!(known.len(), 5);

    // The first again, and with an item and a customer's name that nobody knows: all of it is older.
    assert_eq!(shop.tell(&first).await, Applied::Unchanged);
    let mut stale = set(order(1), json!({"updatedAt": "2026-03-04T00:00:00Z"}));
    stale["customer"]["lastName"] = json!("Older");
    assert_eq!(shop.tell(&[stale, item(19, 1), set(item(11, 1), json!({"quantity": 9}))]).await, Applied::Unchanged);
    assert_eq!(shop.told().await, known);

    // Told without some of its items: they stay. An item alone makes a difference, too.
    assert_eq!(shop.tell(&[newer[0].clone(), item(12, 1)]).await, Applied::Unchanged);
    assert_eq!(shop.told().await, known);
    assert_eq!(shop.tell(&[newer[0].clone(), set(item(12, 1), json!({"quantity": 7})), set(item(12, 1), json!({"quantity": 5}))]).await, Applied::Updated);
    assert_eq!(shop.number("select quantity from {order_items} i where external_id = '12'").await, 5, "the last word on an item counts");
}

#[rstest]
#[tokio::test]
async fn what_is_absent_stays_known_and_customers_are_found_later(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let pointing = |number| set(order(number), json!({"customer": {"id": "gid://shopify/Customer/42"}}));
    assert_eq!(shop.tell(&[pointing(1), item(11, 1)]).await, Applied::Created);
    assert_eq!(shop.tell(&[pointing(2)]).await, Applied::Created);
    let linked = "select count(*) from {orders} o join {customers} c on c.id = o.customer_id and c.external_id = '42'";
    assert_eq!(shop.number(linked).await, 0);
    assert_eq!(shop.tell(&[dated(order(3), 42, "2026-03-01T00:00:00Z")]).await, Applied::Created);
    assert_eq!(shop.number(linked).await, 3, "earlier orders find the customer that they pointed to");

    let short = json!({
        "id": "gid://shopify/Order/1", "name": "#1-B", "createdAt": "2026-03-01T00:00:00Z", "updatedAt": "2026-05-02T00:00:00Z",
        "totalPriceSet": {"shopMoney": {"amount": "30.00", "currencyCode": "USD"}},
    });
    assert_eq!(shop.tell(&[short]).await, Applied::Updated);
    let now = shop
        .one(
            "t.number || ' ' || t.email || ' ' || t.total_price_minor || ' ' || t.financial_status || ' ' || t.external_customer_id || ' ' || t.search_text",
            STATE,
        )
        .await;
    assert_eq!(now, "#1-B buyer1@example.com 3000 PAID 42 #1-b buyer1@example.com 太郎 山田 taro3@example.com", "found by what is known and what is new");
    assert_eq!(shop.number(linked).await, 3);
    assert_eq!(shop.tell(&[set(pointing(2), json!({"customer": null, "updatedAt": "2026-05-02T00:00:00Z"}))]).await, Applied::Updated);
    assert_eq!(shop.number(linked).await, 2);

    // A customer without a date of their own is as of the order around; of two orders the later one knows better.
    let named = |number, name: &str, at: &str| {
        let mut line = set(order(number), json!({"updatedAt": at}));
        line["customer"] = json!({"id": "gid://shopify/Customer/77", "firstName": name});
        line
    };
    let (early, late) = (named(8, "Early", "2026-04-01T00:00:00Z"), named(9, "Late", "2026-04-02T00:00:00Z"));
    for line in [&late, &early, &late, &early] {
        shop.tell(std::slice::from_ref(line)).await;
        assert_eq!(shop.one("first_name", "{customers} c where external_id = '77'").await, "Late");
    }
}

#[rstest]
#[tokio::test]
async fn what_the_store_cannot_take_is_refused_whole_in_an_imports_words(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let yen = json!({"shopMoney": {"amount": "2900", "currencyCode": "JPY"}});
    let in_yen = set(order(1), json!({"currencyCode": "JPY", "totalPriceSet": yen, "subtotalPriceSet": yen, "totalTaxSet": yen}));
    let mut nul = order(1);
    nul["customer"]["firstName"] = json!("a\0b");
    let bad = [
        vec![in_yen],
        vec![nul],
        vec![set(order(1), json!({"name": "#".repeat(2_000)}))],
        vec![order(1), item(11, 1), set(item(12, 1), json!({"originalUnitPriceSet": yen, "discountedTotalSet": yen}))],
    ];
    for lines in bad {
        let error = shop.try_tell(&lines).await.unwrap_err();
        assert!(matches!(error, ChangeError::Rejected(_)) && !error.is_worth_a_retry(), "{error:?}");
        let Err(ImportError::Rejected(receipt)) = shop.import(file(&lines)).await else { panic!("an import takes it") };
        assert_eq!(error.to_string(), receipt.rejections[0].reason);
        assert!(shop.told().await.is_empty());
    }
    let error = shop.try_tell(&[order(1), item(21, 2)]).await.unwrap_err();
    assert_eq!(error.to_string(), "it belongs to the order 2, not to 1");
    assert_eq!(shop.number("select count(*) from stores where last_sync_at is not null").await, 0, "an order is not a sync");
}

/// Three orders of two customers, each told at four moments.
fn versions() -> Vec<Lines> {
    let mut all = Vec::new();
    for number in 1..=3_u64 {
        for version in 1..=4 {
            let at = format!("2026-04-{:02}T00:00:00Z", version * 3 + number);
            let mut line = set(dated(order(number), 40 + number % 2, &at), json!({"updatedAt": at, "email": format!("v{version}@example.com")}));
            line["customer"]["lastName"] = json!(format!("Name {at}"));
            line["displayFinancialStatus"] = json!(if version < 3 { "PAID" } else { "REFUNDED" });
            let items = (1..=version).map(|child| set(item(number * 10 + child, number), json!({"quantity": version})));
            all.push([line].into_iter().chain(items).collect());
        }
    }
    all
}

fn told_in(backend: Backend, deliveries: &[Lines]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let shop = Shop::open(backend, "USD").await;
        for lines in deliveries {
            shop.tell(lines).await;
        }
        shop.told().await
    })
}

fn deliveries() -> impl Strategy<Value = Vec<Lines>> {
    let all = versions();
    proptest::sample::subsequence(all.clone(), 0..=all.len()).prop_map(move |again| all.iter().cloned().chain(again).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_number_of_deliveries_end_in_the_same_rows(deliveries in deliveries(), sqlite in any::<bool>()) {
        let backend = if sqlite { Backend::Sqlite } else { Backend::Postgres };
        prop_assert_eq!(told_in(backend, &deliveries), told_in(backend, &versions()));
    }
}

#[rstest]
#[tokio::test]
async fn of_one_second_the_later_telling_holds(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let at = |second: u32| Some(format!("2026-03-01T00:00:{second:02}.5Z").parse().unwrap());
    let status = |status: &str| [set(order(1), json!({ "displayFinancialStatus": status }))];
    let read = async || shop.one("t.financial_status", "{orders} t where t.external_id is not null").await;
    assert_eq!(shop.try_tell_at(&status("PENDING"), at(1)).await.unwrap().outcome, Applied::Created);
    assert_eq!(shop.try_tell_at(&status("PAID"), at(2)).await.unwrap().outcome, Applied::Updated);
    // The first again, or late: both bear the same `updatedAt`.
    assert_eq!(shop.try_tell_at(&status("PENDING"), at(1)).await.unwrap().outcome, Applied::Unchanged);
    assert_eq!(read().await, "PAID");
    assert_eq!(shop.try_tell_at(&status("PAID"), at(2)).await.unwrap().outcome, Applied::Unchanged);
    assert_eq!(shop.try_tell_at(&status("REFUNDED"), at(3)).await.unwrap().outcome, Applied::Updated);
    assert_eq!(read().await, "REFUNDED");
}
