//! What nobody gets to see: the schema where it is closed, and what is inside when something breaks.

use platform::Database;
use platform::db::DatabaseSettings;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::harness::{Answer, Backend, Credentials, Server, Town};

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_schema_tells_nothing_about_itself() {
    let nobody = Credentials::default();
    let message = |answer: Answer| answer.body["errors"][0]["message"].as_str().unwrap().to_owned();
    let open = Server::start(Backend::Sqlite).await;
    open.ask(&nobody, "{ __schema { queryType { name } } }").await.data();
    assert!(message(open.ask(&nobody, "{ orderz { id } }").await).contains("Did you mean"));

    let closed = Server::with(Backend::Sqlite, [("introspection", "off".to_owned())].into()).await;
    for query in ["{ __schema { queryType { name } } }", "{ ...a } fragment a on Query { t: __type(name: \"Order\") { name } }"] {
        let answer = closed.ask(&nobody, query).await;
        assert!(answer.body["data"].is_null());
        assert_eq!(message(answer), "introspection is switched off; the schema is published as `schema.graphql`");
    }
    for query in
        ["{ orderz { id } }", "{ orders(firs: 1) { totalCount } }", "{ orders { nodez { id } } }", "{ orders(filter: {statuse: OPEN}) { totalCount } }"]
    {
        let told = message(closed.ask(&nobody, query).await);
        assert!(!told.contains("Did you mean"), "{told}");
    }
    closed.ask(&nobody, "{ __typename }").await.data();
}

#[tokio::test]
async fn answers_say_that_nothing_is_to_be_made_of_them() {
    let server = Server::start(Backend::Sqlite).await;
    for path in ["/graphql?query={__typename}", "/healthz", "/readyz", "/nowhere"] {
        let response = reqwest::get(server.url(path)).await.unwrap();
        for (name, value) in [
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(response.headers().get(name).map(|found| found.to_str().unwrap()), Some(value), "{path} {name}");
        }
    }
}

/// What would tell of the inside.
const INSIDE: [&str; 12] =
    ["select ", "insert ", "update ", "relation \\\"", "no such table", "sqlite", "postgres", "sqlx", "storage failed", ".rs:", "panicked", "database error"];

fn shows_nothing(answer: &Answer, who: &Credentials) {
    let text = answer.body.to_string().to_lowercase();
    for word in INSIDE {
        assert!(!text.contains(word), "an answer shows {word:?}: {text}");
    }
    assert!(!who.bearer.as_ref().is_some_and(|bearer| text.contains(&bearer.to_lowercase())), "an answer shows a secret: {text}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_inside_stays_inside(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 3).await;
    let (server, who) = (&town.server, &town.ours.admin.credentials);
    let (order, store) = (town.ours.stores[0].orders[0].id.to_string(), town.ours.store(0).to_string());
    let owner = Database::connect(&DatabaseSettings { role: None, max_connections: 1, ..server.database.settings().clone() }).await.unwrap();
    for table in ["orders", "order_items", "customers", "products", "product_variants", "stores", "tenant_memberships", "users"] {
        owner.pool().execute_unprepared(&format!("alter table {table} rename to {table}_elsewhere")).await.unwrap();
    }
    let broken = [
        ("{ orders { totalCount nodes { id } } }", json!({})),
        ("{ customers { nodes { id orders { nodes { id } } } } }", json!({})),
        ("{ products { nodes { id } } stores { nodes { id } } users { nodes { id } } }", json!({})),
        ("query($id: ID!) { order(id: $id) { id } node(id: $id) { id } }", json!({ "id": order })),
        ("mutation($id: ID!) { storeUpdate(input: {id: $id, description: \"new\"}) { store { id } userErrors { message } } }", json!({ "id": store })),
        ("mutation { userInvite(input: {email: \"x@example.jp\", role: TENANT_MEMBER}) { userErrors { message } } }", json!({})),
        ("mutation { signIn(input: {email: \"x@example.jp\", password: \"password1234\"}) { userErrors { message } } }", json!({})),
    ];
    // Who calls is known from a token alone.
    let token = Credentials::bearer(server.token(entities::TokenRole::TenantAdmin, Some(town.ours.tenant)).await);
    let mut internal = 0;
    for (query, variables) in broken {
        for caller in [&token, who] {
            let answer = server.post(caller, query, variables.clone()).await;
            shows_nothing(&answer, caller);
            let error = &answer.body["errors"][0];
            if error["extensions"]["code"] == "INTERNAL" {
                internal += 1;
                let request = error["extensions"]["requestId"].as_str().unwrap_or_else(|| panic!("{query}: {error}"));
                assert_eq!(request.len(), 36, "{request}");
            }
        }
    }
    assert!(internal >= 10, "{internal} of 14 were broken");
    owner.pool().execute_unprepared("alter table api_tokens rename to api_tokens_elsewhere").await.unwrap();
    let answer = server.ask(&token, "{ __typename }").await;
    assert_eq!((answer.status, answer.code()), (503, Some("INTERNAL")));
    shows_nothing(&answer, &token);
}
