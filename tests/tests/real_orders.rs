//! A real shop, from nothing to its orders over GraphQL.

use std::path::Path;

use commerce::imports::{ImportOptions, Imports, Source, Unwatched};
use entities::{Currency, Money, StoreId, TenantId, TokenRole};
use platform::callers::Origin;
use platform::{Caller, OpCtx};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, Credentials, Server};

const PAGE: &str = "query Page($after: String) {
  orders(first: 250, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { totalPrice { amount currencyCode } } }
}";

async fn import(server: &Server, store: StoreId) {
    let ctx = OpCtx::new(server.db().clone(), server.clock(), Caller::System, None, Origin::default()).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cdnow/orders.jsonl.gz");
    let shopify = integrations::registry::commerce("shopify").unwrap();
    let imports = Imports::new(server.clock());
    imports.run(&ctx, store, shopify, Source::file(&file).unwrap(), ImportOptions { keep_going: false, objects: Some(13_838) }, &Unwatched).await.unwrap();
}

async fn all_orders(server: &Server, who: &Credentials) -> (u64, Money) {
    let (mut seen, mut total, mut after) = (0, Money::from_minor(0, Currency::USD), Value::Null);
    loop {
        let answer = server.post(who, PAGE, json!({ "after": after })).await;
        let page = &answer.data()["orders"];
        assert_eq!(page["totalCount"], 6_919);
        for order in page["nodes"].as_array().unwrap() {
            let price = &order["totalPrice"];
            let currency = price["currencyCode"].as_str().unwrap().parse().unwrap();
            total = total.checked_add(Money::parse(price["amount"].as_str().unwrap(), currency).unwrap()).unwrap();
            seen += 1;
        }
        if page["pageInfo"]["hasNextPage"] == false {
            return (seen, total);
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_real_shop_is_read_to_the_cent_by_its_tenant_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let platform = Credentials::bearer(server.token(TokenRole::PlatformAdmin, None).await);
    let tenant_of = async |name: &str| -> TenantId {
        let create =
            "mutation($name: String!) { tenantCreate(input: {companyName: $name, contactEmail: \"shop@example.com\"}) { tenant { id } userErrors { code } } }";
        let answer = server.post(&platform, create, json!({ "name": name })).await;
        answer.data()["tenantCreate"]["tenant"]["id"].as_str().unwrap().parse().unwrap()
    };
    let (ours, theirs) = (tenant_of("CDNOW").await, tenant_of("Somebody else").await);
    let admin = Credentials::bearer(server.token(TokenRole::TenantAdmin, Some(ours)).await);
    let connect = "mutation { storeConnect(input: {domain: \"CDNOW.myshopify.com\", accessToken: \"shpat_secret\", currencyCode: \"USD\"}) { store { id domain } userErrors { code message } } }";
    let connected = server.ask(&admin, connect).await;
    let store = &connected.data()["storeConnect"]["store"];
    assert_eq!(store["domain"], "cdnow.myshopify.com", "{:?}", connected.body);
    import(&server, store["id"].as_str().unwrap().parse().unwrap()).await;

    let (orders, total) = all_orders(&server, &admin).await;
    assert_eq!((orders, total.amount().as_str()), (6_919, "244091.94"));
    let customers = server.ask(&admin, "{ customers(first: 0) { totalCount } }").await;
    assert_eq!(customers.data()["customers"]["totalCount"], 2_357);
    let stranger = Credentials::bearer(server.token(TokenRole::TenantAdmin, Some(theirs)).await);
    let nothing = server.ask(&stranger, "{ orders { totalCount } customers { totalCount } stores { totalCount } }").await;
    assert_eq!(nothing.body, json!({ "data": { "orders": { "totalCount": 0 }, "customers": { "totalCount": 0 }, "stores": { "totalCount": 0 } } }));
}

/// What is rendered at once and what async-graphql resolves field by field must be the same: a response key that is given
/// twice is resolved.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn rendered_pages_are_what_resolving_gives(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = tests::harness::Town::new(backend, 6).await;
    let fragments = "
      fragment Orders on OrderConnection { __typename totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { ...Order } } nodes { ...Order } }
      fragment Order on Order {
        __typename id externalId number email status financialStatus fulfillmentStatus currencyCode test processedAt cancelledAt createdAt
        totalPrice { __typename amount currencyCode } subtotalPrice { amount } taxPrice { amount }
        store { id name settings scopes status tenant { id companyName totalStores } }
        customer { id firstName tags totalSpent { amount } ... on Node { id } newest: orders(first: 1) { nodes { id } } }
        two: items(first: 2) { totalCount nodes { ...Item } } last: items(last: 1) { edges { node { ...Item } } }
      }
      fragment Item on OrderItem { id quantity options price { amount } compareAtPrice { amount } order { id } product { id title variants { nodes { sku weight price { amount } product { id } } } } variant { sku } }";
    let query = format!(
        "{{ rendered: orders(first: 4) {{ ...Orders }} resolved: orders(first: 4) {{ ...Orders }} resolved: orders(first: 4) {{ ...Orders }} }} {fragments}"
    );
    let answer = town.server.ask(&town.ours.admin.credentials, &query).await;
    let data = answer.data();
    assert!(data["rendered"]["nodes"].as_array().is_some_and(|nodes| nodes.len() == 4), "{data}");
    assert_eq!(data["rendered"].to_string(), data["resolved"].to_string());
}
