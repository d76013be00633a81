//! What becomes of rows: created, updated, left alone; whatever the order of the lines, and whatever they leave out.

use commerce::imports::Counts;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use tests::bulk::{customer, file, item, order, product, variant};
use tests::harness::Backend;

use crate::shop::Shop;

fn set(mut line: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

fn counts(created: u64, updated: u64, unchanged: u64) -> Counts {
    Counts { created, updated, unchanged, rejected: 0 }
}

#[rstest]
#[tokio::test]
async fn only_what_differs_is_updated_and_never_by_something_older(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    shop.import(file(&[order(1), item(11, 1), order(2), item(21, 2)])).await.unwrap();

    let newer = set(order(1), json!({"updatedAt": "2026-03-05T00:00:00Z", "cancelledAt": "2026-03-04T00:00:00Z", "displayFinancialStatus": "REFUNDED"}));
    let receipt = shop.import(file(&[newer, set(item(11, 1), json!({"quantity": 0})), order(2), item(21, 2), order(3)])).await.unwrap();
    assert_eq!((receipt.orders, receipt.order_items, receipt.customers), (counts(1, 1, 1), counts(0, 1, 1), counts(1, 0, 2)));
    let state = "select status || ' ' || financial_status || ' ' || cast(quantity as text) from {orders} o join {order_items} i on i.order_id = o.id where o.number = '#1'";
    assert_eq!(shop.text(state).await.unwrap(), "CANCELLED REFUNDED 0");

    // The first file again: its order 1 is older than what is known, and so are its items.
    let receipt = shop.import(file(&[order(1), item(11, 1), order(2), item(21, 2)])).await.unwrap();
    assert_eq!((receipt.orders, receipt.order_items), (counts(0, 0, 2), counts(0, 0, 2)));
    assert!(!receipt.changed_something());
    assert_eq!(shop.text(state).await.unwrap(), "CANCELLED REFUNDED 0");
    assert_eq!(shop.leftovers().await, 0);
}

#[rstest]
#[tokio::test]
async fn what_a_file_leaves_out_stays_known_and_what_it_says_is_null_goes(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let closed = set(order(1), json!({"closed": true, "customer": {"id": "gid://shopify/Customer/42"}}));
    shop.import(file(&[customer(42), closed, product(5), variant(51, 5)])).await.unwrap();
    let found = "select count(*) from {orders} o join {customers} c on c.id = o.customer_id where o.search_text like '%佐藤%' and c.external_id = '42'";
    assert_eq!(shop.number(found).await, 1, "an order is found by the names of a customer whom it only points to");
    assert_eq!(shop.number("select count(*) from {products} p join {product_variants} v on v.product_id = p.id and v.weight_thousandths = 100").await, 1);

    // Less was asked for this time.
    let short_order = json!({
        "id": "gid://shopify/Order/1", "name": "#1", "createdAt": "2026-03-01T00:00:00Z", "updatedAt": "2026-05-02T00:00:00Z",
        "totalPriceSet": {"shopMoney": {"amount": "30.00", "currencyCode": "USD"}},
    });
    let short_customer = json!({"id": "gid://shopify/Customer/42", "lastName": "鈴木", "defaultAddress": null, "updatedAt": "2026-05-01T00:00:00Z"});
    let short_product = json!({"id": "gid://shopify/Product/5", "title": "Sencha", "updatedAt": "2026-05-01T00:00:00Z"});
    let short_variant = json!({"id": "gid://shopify/ProductVariant/51", "price": "13", "sku": null, "__parentId": "gid://shopify/Product/5"});
    let receipt = shop.import(file(&[short_order, short_customer, short_product, short_variant])).await.unwrap();
    assert_eq!(
        (receipt.orders, receipt.customers, receipt.products, receipt.product_variants),
        (counts(0, 1, 0), counts(0, 1, 0), counts(0, 1, 0), counts(0, 1, 0))
    );
    let order =
        "select status || ' ' || email || ' ' || cast(total_price_minor as text) || ' ' || financial_status || ' ' || external_customer_id from {orders} o";
    assert_eq!(shop.text(order).await.unwrap(), "CLOSED buyer1@example.com 3000 PAID 42");
    let customer = "select first_name || last_name || ' ' || email_key || ' ' || coalesce(city, 'nowhere') || ' ' || cast(total_orders as text) || ' ' || search_text from {customers} c";
    assert_eq!(shop.text(customer).await.unwrap(), "花子鈴木 hanako@example.com nowhere 3 花子 鈴木 hanako@example.com +819012345678");
    assert_eq!(
        shop.number(
            "select count(*) from {customers} c where accepts_email_marketing and not accepts_sms_marketing and email_marketing_updated_at is not null"
        )
        .await,
        1
    );
    assert_eq!(shop.text("select title || ' ' || handle || ' ' || search_text from {products} p").await.unwrap(), "Sencha tea-5 sencha tea-5 noren tea");
    assert_eq!(
        shop.text("select coalesce(sku, 'none') || ' ' || barcode || ' ' || cast(price_minor as text) from {product_variants} v").await.unwrap(),
        "none 4901234567894 1300"
    );
}

#[rstest]
#[tokio::test]
async fn customers_come_before_with_or_after_their_orders(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let pointing = |number| set(order(number), json!({"customer": {"id": "gid://shopify/Customer/42"}}));
    let receipt = shop.import(file(&[pointing(1)])).await.unwrap();
    assert_eq!((receipt.customers, receipt.orders.created), (counts(0, 0, 0), 1));
    let linked = "select count(*) from {orders} o join {customers} c on c.id = o.customer_id";
    assert_eq!(shop.number(linked).await, 0);
    let mut nested = order(2);
    nested.as_object_mut().unwrap().remove("customer");
    nested["__parentId"] = json!("gid://shopify/Customer/42");
    let receipt = shop.import(file(&[nested, customer(42)])).await.unwrap();
    assert_eq!((receipt.customers.created, receipt.orders.created, receipt.orders_linked), (1, 1, 1));
    shop.import(file(&[pointing(3)])).await.unwrap();
    assert_eq!(shop.number(linked).await, 3);

    // Embedded: as old as the first of its orders; the older word of an order's file does not erase the newer one of a customers' file.
    let early = set(order(8), json!({"createdAt": "2024-01-01T00:00:00Z"}));
    let late = set(order(9), json!({"customer": early["customer"]}));
    let receipt = shop.import(file(&[late, early])).await.unwrap();
    assert_eq!(receipt.customers, counts(1, 0, 0));
    assert_eq!(shop.number("select count(*) from {customers} c where external_id = '7008' and cast(created_at as text) like '2024-01-01%'").await, 1);
    let mut stale = order(10);
    stale["customer"]["id"] = json!("gid://shopify/Customer/42");
    assert_eq!(shop.import(file(&[stale])).await.unwrap().customers, counts(0, 0, 1));
    assert_eq!(shop.text("select last_name from {customers} c where external_id = '42'").await.unwrap(), "佐藤");
}

#[rstest]
#[tokio::test]
async fn of_repeated_lines_the_last_counts_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let again = set(order(1), json!({"email": "last@example.com"}));
    let embedded = set(order(2), json!({"customer": {"id": "gid://shopify/Customer/42", "firstName": "Inside"}}));
    let receipt = shop.import(file(&[order(1), item(11, 1), item(11, 1), again, customer(42), embedded])).await.unwrap();
    assert_eq!((receipt.orders, receipt.order_items, receipt.customers), (counts(2, 0, 0), counts(1, 0, 0), counts(2, 0, 0)));
    assert_eq!(shop.text("select email from {orders} o where external_id = '1'").await.unwrap(), "last@example.com");
    assert_eq!(shop.text("select first_name from {customers} c where external_id = '42'").await.unwrap(), "花子", "a line of its own counts more");
}

#[rstest]
#[tokio::test]
async fn text_of_any_kind_survives(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let odd = "tab\there \\N back\\slash\nnew\r\nline 暖簾 🍵 \u{1}\u{7f} 'quote\" {run} $1 \\.";
    let mut line = order(1);
    line["customer"]["firstName"] = json!(odd);
    line["name"] = json!(format!("#{odd}"));
    let mut tagged = customer(42);
    tagged["tags"] = json!([odd]);
    shop.import(file(&[line, set(item(11, 1), json!({"title": odd})), tagged])).await.unwrap();
    assert_eq!(shop.text("select first_name from {customers} c where external_id = '7001'").await.unwrap(), odd);
    assert_eq!(shop.text("select number from {orders} o").await.unwrap(), format!("#{odd}"));
    assert_eq!(shop.text("select product_title from {order_items} i").await.unwrap(), odd);
    let tags = shop.text("select cast(tags as text) from {customers} c where external_id = '42'").await.unwrap();
    assert_eq!(serde_json::from_str::<Vec<String>>(&tags).unwrap(), [odd]);
}

#[rstest]
#[tokio::test]
async fn kinds_of_status(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let cancelled = set(order(2), json!({"cancelledAt": "2026-03-02T00:00:00Z", "closed": true}));
    shop.import(file(&[
        order(1),
        cancelled,
        set(order(3), json!({"closedAt": "2026-03-02T00:00:00Z"})),
        set(order(4), json!({"displayFulfillmentStatus": "FULFILLMENT_NOT_REQUIRED"})),
    ]))
    .await
    .unwrap();
    let states: Vec<String> = shop.see("select status from {orders} o order by external_id").await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(states, ["OPEN", "CANCELLED", "CLOSED", "OPEN"]);
}

/// A small shop's lines, each order and product with its children.
fn some_lines() -> Vec<Value> {
    let mut lines = vec![customer(7_003)];
    for number in 1..=6 {
        lines.push(order(number));
        lines.extend((1..=number % 4).map(|child| item(number * 10 + child, number)));
        lines.push(product(number));
        lines.push(variant(number * 10, number));
    }
    lines
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn rows_of(backend: Backend, lines: &[Value]) -> Vec<String> {
    runtime().block_on(async {
        let shop = Shop::open(backend, "USD").await;
        shop.import(file(lines)).await.unwrap();
        shop.rows().await
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_the_lines_gives_the_same_rows(shuffled in Just(some_lines()).prop_shuffle(), sqlite in any::<bool>()) {
        let backend = if sqlite { Backend::Sqlite } else { Backend::Postgres };
        prop_assert_eq!(rows_of(backend, &shuffled), rows_of(backend, &some_lines()));
    }
}
