//! Many deliveries at the same moment: each order ends as it was last, once, and nobody is told of a conflict.

use std::sync::Arc;

use commerce::changes::Applied;
use futures::future::join_all;
use rstest::rstest;
use serde_json::json;
use tests::bulk::{item, order};
use tests::harness::Backend;

use crate::shop::Shop;
use crate::teller::{dated, set};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_same_moment(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Arc::new(Shop::open(backend, "USD").await);
    // Two orders of one new customer and two that only point to them, each in six versions, three times.
    for round in 1..=5_u64 {
        let (customer, mut deliveries) = (100 + round, Vec::new());
        for copy in 0..3_u64 {
            for version in 1..=6_u64 {
                for place in 1..=4_u64 {
                    let (number, at) = (round * 10 + place, format!("2026-04-{:02}T00:00:{place:02}Z", (version + copy * 2) % 6 + 1));
                    let line = set(dated(order(number), customer, &at), json!({"updatedAt": at, "email": at}));
                    let line = if place <= 2 { line } else { set(line, json!({"customer": {"id": format!("gid://shopify/Customer/{customer}")}})) };
                    deliveries.push(vec![line, set(item(number * 10, number), json!({"sku": at})), item(number * 10 + 1, number)]);
                }
            }
        }
        let tellers = deliveries.into_iter().map(|lines| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.try_tell(&lines).await.map(|applied| applied.outcome) })
        });
        let outcomes: Vec<Applied> = join_all(tellers).await.into_iter().map(|outcome| outcome.unwrap().unwrap()).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Applied::Created).count(), 4);
        for place in 1..=4_u64 {
            let (number, last) = (round * 10 + place, format!("2026-04-06T00:00:{place:02}Z"));
            let state = format!(
                "{{orders}} t join {{customers}} c on c.id = t.customer_id join {{order_items}} i on i.order_id = t.id
                where t.external_id = '{number}' and c.external_id = '{customer}' and i.external_id = '{}'",
                number * 10
            );
            assert_eq!(shop.one("t.email || ' ' || i.sku || ' ' || t.number", &state).await, format!("{last} {last} #{number}"));
        }
    }
    assert_eq!(shop.number("select count(*) from {orders} o").await, 20);
    assert_eq!(shop.number("select count(*) from {order_items} i").await, 40);
    assert_eq!(shop.number("select count(*) from {customers} c where cast(updated_at as text) like '2026-04-06%'").await, 5);
}
