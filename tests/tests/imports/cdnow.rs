//! The real shop: 6,919 orders, 2,357 customers, 244,091.94 USD.

use commerce::imports::{Counts, Source};
use rstest::rstest;
use tests::harness::Backend;

use crate::shop::{Shop, cdnow};

#[rstest]
#[tokio::test]
async fn the_real_shop_comes_in_whole_and_again_changes_nothing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let receipt = shop.import_with(Source::file(&cdnow()).unwrap(), false).await.unwrap();
    let created = |created| Counts { created, ..Counts::default() };
    assert_eq!(receipt.lines, 13_838);
    assert_eq!((receipt.orders, receipt.order_items, receipt.customers), (created(6_919), created(6_919), created(2_357)), "{receipt}");
    assert_eq!(shop.number("select count(*) from {orders} o").await, 6_919);
    assert_eq!(shop.number("select count(*) from {order_items} i").await, 6_919);
    assert_eq!(shop.number("select count(*) from {customers} c").await, 2_357);
    assert_eq!(shop.number("select cast(sum(total_price_minor) as bigint) from {orders} o").await, 24_409_194);
    assert_eq!(shop.number("select count(*) from {orders} o join {customers} c on c.id = o.customer_id").await, 6_919);
    assert_eq!(
        shop.number("select count(*) from {order_items} i join {orders} o on o.id = i.order_id and o.total_price_minor = i.total_price_minor").await,
        6_919
    );
    assert_eq!(shop.number("select count(*) from stores where last_sync_at is not null").await, 1);
    assert_eq!(shop.leftovers().await, 0);
    let before = shop.rows().await;

    let again = shop.import_with(Source::file(&cdnow()).unwrap(), false).await.unwrap();
    let unchanged = |unchanged| Counts { unchanged, ..Counts::default() };
    assert_eq!((again.orders, again.order_items, again.customers), (unchanged(6_919), unchanged(6_919), unchanged(2_357)), "{again}");
    assert!(!again.changed_something() && again.to_string().ends_with("Nothing had changed."), "{again}");
    assert_eq!(shop.rows().await, before);
    assert_eq!(shop.number("select count(*) from import_runs where status = 'DONE' and receipt is not null and cleaned").await, 2);
    assert_eq!(shop.leftovers().await, 0);
}
