//! What is wrong with a file is told by line and reason, and nothing of it is written, unless the good rows are asked for.

use std::sync::Arc;

use commerce::imports::{ImportError, ImportOptions, Imports, Receipt, Source, Unwatched};
use platform::SystemClock;
use platform::callers::{Caller, OpCtx, Origin};
use rstest::rstest;
use serde_json::{Value, json};
use tests::bulk::{customer, file, item, order, product, variant};
use tests::harness::Backend;

use crate::shop::{SHOPIFY, Shop, cdnow, gzip};

fn with(mut line: Value, path: &str, value: Value) -> Value {
    *line.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value;
    line
}

fn without(mut line: Value, name: &str) -> Value {
    line.as_object_mut().unwrap().remove(name).unwrap();
    line
}

fn rejected(result: Result<Receipt, ImportError>) -> Receipt {
    match result {
        Err(ImportError::Rejected(receipt)) => *receipt,
        other => panic!("{other:?}"),
    }
}

/// Bad lines, and what their reasons must hold.
fn faults() -> Vec<(String, &'static str)> {
    let line = |value: Value| value.to_string();
    let money = |amount: &str, currency: &str| json!({"shopMoney": {"amount": amount, "currencyCode": currency}});
    vec![
        ("{\"id\":\"gid://shopify/Order/1\",\"name\":}".into(), "not valid JSON at column 38"),
        ("nonsense".into(), "not valid JSON at column 2"),
        (line(without(order(1), "id")), "missing id"),
        (line(with(order(1), "/id", json!("gid://shopify/Order/"))), "has no number"),
        (line(with(order(1), "/id", json!("gid://shopify/Metafield/5"))), "lines of the kind `Metafield` are not imported"),
        (line(with(order(1), "/id", json!("order 5"))), "is not a Shopify id"),
        (line(with(order(1), "/totalPriceSet", money("29.00", "EUR"))), "wrong currency: totalPriceSet is in EUR, the order in USD"),
        (
            line(with(
                with(with(with(order(1), "/totalPriceSet", money("29", "JPY")), "/subtotalPriceSet", json!(null)), "/totalTaxSet", json!(null)),
                "/currencyCode",
                json!("JPY"),
            )),
            "wrong currency: totalPriceSet is in JPY, the store in USD",
        ),
        (line(with(order(1), "/customer/amountSpent/currencyCode", json!("JPY"))), "wrong currency: amountSpent is in JPY, the store in USD"),
        (line(with(order(1), "/currencyCode", json!("XXL"))), "`XXL` is not a currency"),
        (line(with(order(1), "/totalPriceSet", money("29.001", "USD"))), "USD has 2 decimals, `29.001` has more"),
        (line(with(order(1), "/totalPriceSet", money("1e3", "USD"))), "`1e3` is not a plain decimal"),
        (line(with(order(1), "/totalPriceSet", money("99999999999999999999", "USD"))), "too large"),
        (line(with(order(1), "/displayFinancialStatus", json!("GIFTED"))), "unknown financial status: `GIFTED`"),
        (line(with(order(1), "/displayFulfillmentStatus", json!("LOST"))), "unknown fulfillment status: `LOST`"),
        (line(without(order(1), "updatedAt")), "missing updatedAt"),
        (line(with(order(1), "/createdAt", json!("yesterday"))), "column"),
        (line(with(order(1), "/createdAt", json!("0000-01-01T00:00:00Z"))), "out of range"),
        (line(with(order(1), "/email", json!("a\u{0}b"))), "e-mail holds a NUL character"),
        (line(with(order(1), "/customer/firstName", json!("a\u{0}b"))), "firstName holds a NUL character"),
        (line(with(order(1), "/name", json!("#".repeat(5_000)))), "name is too long"),
        (line(with(item(1, 900), "/quantity", json!(-2))), "quantity is negative: -2"),
        (line(with(item(1, 900), "/discountedTotalSet", money("5.00", "EUR"))), "wrong currency: the total is in EUR, the price in USD"),
        (line(item(1, 555)), "its order 555 is not in the file"),
        (line(without(item(1, 900), "__parentId")), "missing __parentId"),
        (line(variant(1, 556)), "its product 556 is not in the file"),
        (line(with(variant(1, 901), "/price", json!("1.234"))), "price: USD has 2 decimals"),
        (line(without(product(1), "title")), "missing title"),
        (line(with(customer(1), "/tags", json!(["a", "b\u{0}"]))), "tags holds a NUL"),
        (line(with(customer(1), "/numberOfOrders", json!("many"))), "`many` is not a number"),
    ]
}

#[rstest]
#[tokio::test]
async fn every_fault_is_told_and_nothing_is_written(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let good = file(&[order(900), item(9_001, 900), product(901), variant(9_011, 901)]);
    let faults = faults();
    let bad: String = faults.iter().map(|(line, _)| format!("{line}\n")).collect();
    let receipt = rejected(shop.import(good.clone() + &bad).await);
    assert_eq!((receipt.lines, receipt.rejected), (4 + faults.len() as u64, faults.len() as u64));
    for (rejection, (line, reason)) in receipt.rejections.iter().zip(&faults) {
        assert!(rejection.reason.contains(reason), "{line}: {rejection:?}");
    }
    assert_eq!(receipt.rejections.iter().map(|r| r.line).collect::<Vec<_>>(), (5..5 + faults.len() as u64).collect::<Vec<_>>());
    assert!(receipt.to_string().contains("line 5, order 1: not valid JSON"), "{receipt}");
    assert!(receipt.to_string().contains("Nothing was written"), "{receipt}");
    assert_eq!((shop.rows().await, shop.leftovers().await), (Vec::<String>::new(), 0));
    assert_eq!(shop.number("select count(*) from import_runs where status = 'FAILED' and receipt is not null").await, 1);
    assert_eq!(shop.number("select count(*) from stores where last_sync_at is null").await, 1);

    let receipt = shop.import_keeping_going(good + &bad).await.unwrap();
    assert_eq!((receipt.orders.created, receipt.order_items.created, receipt.products.created, receipt.product_variants.created), (1, 1, 1, 1));
    assert_eq!(receipt.rejected, faults.len() as u64);
    assert_eq!(shop.number("select count(*) from {orders} o").await, 1);
    assert_eq!(shop.leftovers().await, 0);
}

#[rstest]
#[tokio::test]
async fn children_go_with_their_rejected_parent(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let broken = with(order(1), "/displayFinancialStatus", json!("GIFTED"));
    let receipt = shop.import_keeping_going(file(&[item(11, 1), broken, item(12, 1), order(2), item(21, 2)])).await.unwrap();
    let reasons: Vec<(u64, &str)> = receipt.rejections.iter().map(|r| (r.line, r.reason.as_str())).collect();
    assert_eq!((reasons[0], reasons[2]), ((1, "its order 1 was rejected"), (3, "its order 1 was rejected")));
    assert_eq!((receipt.orders.created, receipt.orders.rejected, receipt.order_items.created, receipt.order_items.rejected), (1, 1, 1, 2));
    // The broken order's customer did not come either.
    assert_eq!(shop.number("select count(*) from {customers} c").await, 1);
}

#[rstest]
#[tokio::test]
async fn many_rejections_are_counted_and_the_first_listed(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let receipt = rejected(shop.import("nonsense\n".repeat(3_000)).await);
    assert_eq!((receipt.rejected, receipt.rejections.len()), (3_000, 1_000));
    assert!(receipt.to_string().contains("and 2,000 more rejected lines"), "{receipt}");
}

#[rstest]
#[tokio::test]
async fn a_cut_file_says_so(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let whole = file(&[order(1), item(11, 1), order(2)]);
    for cut in [whole.len() - 2, whole.len() - 40, whole.len() - 300] {
        let receipt = rejected(shop.import(&whole.as_bytes()[..cut]).await);
        assert_eq!((receipt.lines, receipt.rejected, receipt.rejections[0].line), (3, 1, 3));
        assert!(receipt.rejections[0].reason.contains("cut off in the middle of this line"), "{receipt}");
    }
    let compressed = std::fs::read(cdnow()).unwrap();
    for cut in [compressed.len() - 1, compressed.len() - 9, compressed.len() / 2] {
        let receipt = rejected(shop.import(&compressed[..cut]).await);
        assert!(receipt.rejections.iter().any(|r| r.reason.contains("gzip stream ends early")), "{receipt}");
    }
    let mut damaged = gzip(whole.repeat(50).as_bytes());
    let middle = damaged.len() - 6;
    damaged[middle] ^= 0xff;
    let receipt = rejected(shop.import(damaged).await);
    assert!(receipt.rejections[0].reason.contains("gzip stream is damaged"), "{receipt}");
    assert_eq!((shop.rows().await, shop.leftovers().await), (Vec::<String>::new(), 0));

    // The last line may lack its newline; gzip members may follow each other; an empty file is no fault.
    let receipt = shop.import(&whole.as_bytes()[..whole.len() - 1]).await.unwrap();
    assert_eq!(receipt.orders.created, 2);
    let receipt = shop.import([gzip(file(&[order(3)]).as_bytes()), gzip(file(&[order(4)]).as_bytes())].concat()).await.unwrap();
    assert_eq!((receipt.lines, receipt.orders.created), (2, 2));
    assert_eq!(shop.import("").await.unwrap().lines, 0);
    assert_eq!(shop.import(format!("\u{feff}{}\r\n\n", order(5))).await.unwrap().orders.created, 1);
}

#[rstest]
#[tokio::test]
async fn only_platform_administrators_import_and_only_into_stores_that_are_there(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let clock: std::sync::Arc<dyn platform::Clock> = std::sync::Arc::new(platform::SystemClock);
    let imports = commerce::imports::Imports::new(clock.clone());
    let source = || Source::new("x", None, std::io::empty());
    let run = async |ctx: OpCtx, store| imports.run(&ctx, store, crate::shop::SHOPIFY, source(), Default::default(), &commerce::imports::Unwatched).await;
    let nobody = OpCtx::new(shop.db.clone(), clock.clone(), Caller::Anonymous, None, Origin::default()).unwrap();
    assert!(matches!(run(nobody, shop.store).await, Err(ImportError::Denied(_))));
    let missing = entities::StoreId::from(uuid::Uuid::from_u128(5));
    for tenant in [None, Some(shop.tenant), Some(entities::TenantId::from(uuid::Uuid::from_u128(6)))] {
        let system = OpCtx::new(shop.db.clone(), clock.clone(), Caller::System, tenant, Origin::default()).unwrap();
        assert!(matches!(run(system, missing).await, Err(ImportError::StoreNotFound(_))));
    }
    let other =
        OpCtx::new(shop.db.clone(), clock.clone(), Caller::System, Some(entities::TenantId::from(uuid::Uuid::from_u128(6))), Origin::default()).unwrap();
    assert!(matches!(run(other, shop.store).await, Err(ImportError::StoreNotFound(_))));
}

#[rstest]
#[tokio::test]
async fn a_file_cut_between_two_lines_is_told_by_the_providers_count(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let ctx = OpCtx::new(shop.db.clone(), Arc::new(SystemClock), Caller::System, None, Origin::default()).unwrap();
    let imports = Imports::new(Arc::new(SystemClock));
    let options = ImportOptions { keep_going: true, objects: Some(13_839) };
    let outcome = imports.run(&ctx, shop.store, SHOPIFY, Source::file(&cdnow()).unwrap(), options, &Unwatched).await;
    assert!(matches!(outcome, Err(ImportError::Incomplete { expected: 13_839, found: 13_838 })), "{outcome:?}");
    assert_eq!((shop.number("select count(*) from {orders} o").await, shop.leftovers().await), (0, 0));
}
