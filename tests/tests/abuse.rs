//! What a caller may not do to the others, whatever the request says: it is refused in its own words, and nothing breaks.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, Town};

fn refused(answer: &tests::harness::Answer, because: &str) {
    let body: String = answer.body.to_string().chars().take(600).collect();
    assert_eq!(answer.code(), Some("BAD_USER_INPUT"), "{body}");
    assert!(answer.body.to_string().contains(because), "{body}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn searches_text_and_dates_are_bounded(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 3).await;
    let (server, who) = (&town.server, &town.ours.admin.credentials);
    for (list, kind) in [("orders", "Order"), ("customers", "Customer"), ("products", "Product"), ("stores", "Store"), ("tenants", "Tenant")] {
        let query = format!("query($f: {kind}Filter) {{ {list}(filter: $f) {{ totalCount }} }}");
        let search = async |text: String| server.post(who, &query, json!({ "f": { "text": text } })).await;
        refused(&search("a ".repeat(120)).await, "words");
        refused(&search("x".repeat(100_000)).await, "characters");
        refused(&search("nul\0".to_owned()).await, "U+0000");
        assert!(search("a b c d e".to_owned()).await.data()[list]["totalCount"].is_number());
    }
    let dates = "query($from: DateTime) { orders(filter: {processedAt: {from: $from}}) { totalCount } }";
    for year in ["-4800-01-01T00:00:00Z", "+10000-01-01T00:00:00Z"] {
        refused(&server.post(who, dates, json!({ "from": year })).await, "");
    }
    let states = server.post(who, "query($s: [OrderStatus!]) { orders(filter: {statuses: $s}) { totalCount } }", json!({ "s": vec!["OPEN"; 5_000] })).await;
    assert!(states.data()["orders"]["totalCount"].is_number());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn cursors_that_were_tampered_with_are_no_cursors(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 3).await;
    let id = "01908c5e-0000-7000-8000-000000000000";
    for value in [json!({"int": 5}), json!({"text": "2026"}), json!({"at": "+262142-01-01T00:00:00Z"}), json!({"at": "'; drop table orders"}), json!(null)] {
        let cursor = URL_SAFE_NO_PAD.encode(json!(["processed_at", value, id]).to_string());
        let answer =
            town.server.post(&town.ours.admin.credentials, "query($c: String) { orders(first: 1, after: $c) { nodes { id } } }", json!({ "c": cursor })).await;
        refused(&answer, "cursor");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn many_nodes_cost_no_more_statements_than_one(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 12).await;
    let (server, who) = (&town.server, &town.ours.admin.credentials);
    let listed = server.ask(who, "{ orders(first: 12) { nodes { id } } customers(first: 12) { nodes { id } } }").await;
    let ids = |list: &str| listed.data()[list]["nodes"].as_array().unwrap().iter().map(|node| node["id"].clone()).collect::<Vec<Value>>();
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Order { customer { id } store { id } items { nodes { id } } } ... on Customer { orders { nodes { id } } } } }";
    let cost = async |ids: Vec<Value>| {
        let before = server.db().statements();
        let answer = server.post(who, query, json!({ "ids": ids })).await;
        let found: Vec<Value> = answer.data()["nodes"].as_array().unwrap().iter().map(|node| node["id"].clone()).collect();
        assert_eq!(found, ids, "in the order of the ids, repeated where they are");
        server.db().statements() - before
    };
    let (orders, customers) = (ids("orders"), ids("customers"));
    let few = cost(vec![orders[0].clone(), customers[0].clone()]).await;
    let many = cost([orders.clone(), customers, orders].concat()).await;
    assert_eq!(few, many);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_needs_too_many_statements_is_stopped(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 3).await;
    let of_store = "store { orders(first: 1) { totalCount } customers(first: 1) { totalCount } products(first: 1) { totalCount } }";
    let of_customer = format!("customer {{ {of_store} orders(first: 1) {{ totalCount nodes {{ {of_store} items(first: 1) {{ totalCount }} }} }} }}");
    let lists: String = (0..29).map(|n| format!("l{n}: orders(first: 1) {{ totalCount nodes {{ {of_store} {of_customer} }} }} ")).collect();
    let query = format!("{{ {lists} }}");
    refused(&town.server.ask(&town.ours.admin.credentials, &query).await, "too many statements");
    assert!(town.server.ask(&town.ours.admin.credentials, "{ orders { totalCount } }").await.data()["orders"]["totalCount"].is_number());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_somebody_who_is_shut_out_end_with_them(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 3).await;
    let server = &town.server;
    let second = town.people.person(town.ours.tenant, "second-admin@example.jp", entities::MembershipRole::TenantAdmin, None).await;
    let create = "mutation { apiTokenCreate(input: {name: \"mine\", scopes: [ORDERS_READ]}) { secret userErrors { code } } }";
    let made = server.ask(&second.credentials, create).await;
    let token = tests::harness::Credentials::bearer(made.data()["apiTokenCreate"]["secret"].as_str().unwrap());
    assert!(server.ask(&token, "{ orders { totalCount } }").await.data()["orders"]["totalCount"].is_number());
    let disable = "mutation($id: ID!) { userDisable(input: {userId: $id}) { userErrors { code message } } }";
    let disabled = server.post(&town.ours.admin.credentials, disable, json!({ "id": second.id.to_string() })).await;
    assert_eq!(disabled.data()["userDisable"]["userErrors"], json!([]));
    assert_eq!(server.ask(&token, "{ orders { totalCount } }").await.status, 401);
}
