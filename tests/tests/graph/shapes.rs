//! Selections of every shape answer what they would answer one by one.

use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, Town};

async fn town(backend: Backend) -> Town {
    Town::new(backend, 12).await
}

async fn ask(town: &Town, query: &str) -> Value {
    town.server.ask(&town.ours.admin.credentials, query).await.data().clone()
}

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(path).unwrap_or_else(|| panic!("{path} is not in {value}"))
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_list_can_be_asked_for_with_many_arguments(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let store = town.ours.store(0);
    let lists = [
        "orders(first: 2, orderBy: { field: TOTAL_PRICE }) { totalCount nodes { id totalPrice { amount } } }",
        "orders(last: 2, orderBy: { field: TOTAL_PRICE }) { totalCount nodes { id } }",
        "orders(filter: { test: true }) { totalCount nodes { id } }",
        "orders { totalCount nodes { id items(first: 1) { nodes { id } } } }",
    ];
    // By id, and in a page, which is written down in another way.
    for (around, path) in [(format!("store(id: \"{store}\")"), "/store"), ("stores(first: 1) { nodes".to_owned(), "/stores/nodes/0")] {
        let close = "}".repeat(around.matches('{').count());
        let query = |inner: &str| format!("{{ {around} {{ {inner} }} {close} }}");
        let together: Vec<String> = lists.iter().enumerate().map(|(n, list)| format!("list{n}: {list}")).collect();
        let together = ask(&town, &query(&together.join(" "))).await;
        for (n, list) in lists.iter().enumerate() {
            let alone = ask(&town, &query(list)).await;
            assert_eq!(at(at(&together, path), &format!("/list{n}")), at(at(&alone, path), "/orders"), "{list}");
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_list_can_have_other_arguments_on_another_path(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let order = &town.ours.stores[0].orders[0];
    let by_price = "orders(orderBy: { field: TOTAL_PRICE }, first: 3)";
    // The same response key below `edges` and below `nodes`, and below two aliases of one relation.
    let page = ask(
        &town,
        &format!("{{ {by_price} {{ edges {{ node {{ id items(first: 1) {{ nodes {{ id }} }} }} }} nodes {{ items(last: 1) {{ nodes {{ id }} }} }} }} }}"),
    )
    .await;
    let first = ask(&town, &format!("{{ {by_price} {{ edges {{ node {{ id items(first: 1) {{ nodes {{ id }} }} }} }} }} }}")).await;
    let last = ask(&town, &format!("{{ {by_price} {{ nodes {{ items(last: 1) {{ nodes {{ id }} }} }} }} }}")).await;
    assert_eq!(at(&page, "/orders/edges"), at(&first, "/orders/edges"));
    assert_eq!(at(&page, "/orders/nodes"), at(&last, "/orders/nodes"));
    assert_ne!(at(&page, "/orders/edges/0/node/items"), at(&page, "/orders/nodes/0/items"));

    let stores = "a: store { orders(first: 1) { nodes { id } } } b: store { orders(last: 1) { nodes { id } } }";
    let found = ask(&town, &format!("{{ order(id: \"{}\") {{ {stores} }} }}", order.id)).await;
    assert_ne!(at(&found, "/order/a/orders/nodes/0/id"), at(&found, "/order/b/orders/nodes/0/id"));
    let in_page = ask(&town, &format!("{{ {by_price} {{ nodes {{ {stores} }} }} }}")).await;
    assert_ne!(at(&in_page, "/orders/nodes/0/a"), at(&in_page, "/orders/nodes/0/b"));
    // By variables as well.
    let query = format!(
        "query ($one: Int = 1, $two: Int = 2) {{ order(id: \"{}\") {{ a: items(first: $one) {{ nodes {{ id }} }} b: items(first: $two) {{ nodes {{ id }} }} }} }}",
        order.id
    );
    let found = ask(&town, &query).await;
    assert_eq!((at(&found, "/order/a/nodes").as_array().unwrap().len(), at(&found, "/order/b/nodes").as_array().unwrap().len()), (1, 2));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn fragments_meet_their_own_type_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let data = &town.ours.stores[0];
    let (order, product, customer) = (&data.orders[0], &data.products[0], &data.customers[0]);
    let missing = entities::OrderId::from(uuid::Uuid::from_u128(7));
    let query = format!(
        "query {{ nodes(ids: [\"{0}\", \"{1}\", \"{0}\", \"{missing}\", \"{2}\", \"{3}\"]) {{ __typename id ...Sold
            ... on Product {{ title variants(first: 1) {{ totalCount }} store {{ id }} }}
            ... on Tenant {{ companyName stores(first: 1) {{ totalCount }} }}
            ... on Node {{ ... on Customer {{ orders {{ totalCount }} }} }} }} }}
         fragment Sold on Order {{ number store {{ name }} items(first: 1) {{ ...Lines }} }}
         fragment Lines on OrderItemConnection {{ totalCount nodes {{ order {{ number }} }} }}",
        order.id, product.id, customer.id, town.ours.tenant
    );
    let found = ask(&town, &query).await;
    let of_customer = data.orders.iter().filter(|order| order.customer_id == Some(customer.id)).count();
    let name = &data.row.name;
    let expected_order = json!({ "__typename": "Order", "id": order.id.to_string(), "number": order.number, "store": { "name": name },
        "items": { "totalCount": 2, "nodes": [{ "order": { "number": order.number } }] } });
    assert_eq!(
        found["nodes"],
        json!([
            expected_order,
            { "__typename": "Product", "id": product.id.to_string(), "title": product.title, "variants": { "totalCount": 2 }, "store": { "id": data.store.to_string() } },
            expected_order,
            null,
            { "__typename": "Customer", "id": customer.id.to_string(), "orders": { "totalCount": of_customer } },
            { "__typename": "Tenant", "id": town.ours.tenant.to_string(), "companyName": "oursmark K.K.", "stores": { "totalCount": 2 } },
        ])
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn fields_that_are_asked_for_twice_are_answered_once_and_whole(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let order = town.ours.stores[0].orders[0].id;
    let merged = ask(
        &town,
        &format!(
            "query ($yes: Boolean = true, $no: Boolean = false) {{
               order(id: \"{order}\") {{ items(first: 1) {{ nodes {{ id }} }} store {{ id }} }}
               order(id: \"{order}\") {{ items(first: 1) {{ totalCount nodes {{ quantity product @include(if: $no) {{ id }} }} }} ... on Order {{ store {{ name }} }} }}
               orders(first: 2) {{ nodes {{ id }} }}
               orders(first: 2) {{ nodes {{ number customer @include(if: $yes) {{ id }} }} pageInfo {{ hasNextPage }} }} }}"
        ),
    )
    .await;
    let whole = ask(
        &town,
        &format!(
            "{{ order(id: \"{order}\") {{ items(first: 1) {{ nodes {{ id quantity }} totalCount }} store {{ id name }} }}
                orders(first: 2) {{ nodes {{ id number customer {{ id }} }} pageInfo {{ hasNextPage }} }} }}"
        ),
    )
    .await;
    assert_eq!(merged, whole);
}
