//! What a query costs goes by what it asks for, never by how many rows there are.

use rstest::rstest;
use tests::harness::{Backend, Credentials, Town};

/// As deep as the limits allow, in both directions and through every relation.
const DEEPEST: &str = "{
  stores(first: 2) { totalCount nodes { tenant { id totalStores stores(first: 2) { nodes { id } } }
    orders(first: 10) { totalCount nodes {
      store { tenant { id } }
      customer { store { id } orders(first: 2) { totalCount nodes { customer { orders(first: 2) { nodes { id } } } } } }
      items(first: 4) { totalCount nodes { order { id } product { id }
        variant { product { variants(first: 2) { nodes { id } } store { tenant { stores(first: 1) { nodes { tenant { id } } } } } } } } } } }
    customers(first: 10) { nodes { orders(first: 2) { nodes { items(first: 2) { nodes { id } } } } } }
    products(first: 10) { edges { node { variants(first: 2) { edges { node { product { id } } } } } } } } }
}";

const RELATIONS: [&str; 12] = ["stores", "orders", "customers", "products", "items", "variants", "tenant", "store", "customer", "product", "variant", "order"];

/// How many relations, counts and summaries a query asks for.
fn asked(query: &str) -> u64 {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| RELATIONS.contains(word) || matches!(*word, "totalCount" | "totalStores"));
    words.count() as u64
}

async fn cost(town: &Town, who: &Credentials, query: &str) -> u64 {
    let before = town.server.db().statements();
    town.server.ask(who, query).await.data();
    town.server.db().statements() - before
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_deepest_query_costs_a_statement_for_each_relation(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (few, many) = (Town::new(backend, 3).await, Town::new(backend, 60).await);
    let costs = [cost(&few, &few.ours.admin.credentials, DEEPEST).await, cost(&many, &many.ours.admin.credentials, DEEPEST).await];
    assert_eq!(costs[0], costs[1], "more rows cost more statements");
    // One more finds out who is calling.
    assert!(costs[1] <= asked(DEEPEST) + 1, "{} statements for {} relations", costs[1], asked(DEEPEST));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn lookups_by_id_are_answered_together(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 20).await;
    let data = &town.ours.stores[0];
    let orders = data.orders.iter().enumerate().map(|(n, order)| format!("o{n}: order(id: \"{}\") {{ id number }}", order.id));
    let customers = data.customers.iter().take(9).enumerate().map(|(n, customer)| format!("c{n}: customer(id: \"{}\") {{ id }}", customer.id));
    let together = format!("{{ {} }}", orders.chain(customers).collect::<Vec<_>>().join(" "));
    assert_eq!(cost(&town, &town.ours.admin.credentials, &together).await, 3, "the caller, the orders, the customers");
    let ids: Vec<String> = data.orders.iter().map(|order| order.id.to_string()).chain(data.products.iter().map(|product| product.id.to_string())).collect();
    let nodes = format!("{{ nodes(ids: {ids:?}) {{ id }} }}");
    assert_eq!(cost(&town, &town.ours.admin.credentials, &nodes).await, 3, "the caller, the orders, the products");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_asked_for_costs_nothing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 3).await;
    for (query, statements) in [
        ("{ orders { nodes { id } } }", 2),
        ("{ orders { totalCount } }", 3),
        ("{ orders { nodes { id customer @skip(if: true) { id } } } }", 2),
        ("{ orders { nodes { id ... on Order @include(if: false) { items { totalCount } } } } }", 2),
        ("query ($with: Boolean = false) { orders { nodes { id customer @include(if: $with) { id } } } }", 2),
        ("query ($with: Boolean = true) { orders { nodes { id customer @include(if: $with) { id } } } }", 3),
        // One relation, however often and in whatever way it is asked for.
        ("{ orders { nodes { a: customer { id } b: customer { email } ... on Order { customer { city } } } edges { node { customer { phone } } } } }", 3),
    ] {
        assert_eq!(cost(&town, &town.ours.admin.credentials, query).await, statements, "{query}");
    }
}
