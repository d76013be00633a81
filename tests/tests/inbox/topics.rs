//! What each topic of a shop's data does: customers, products, orders that are deleted; in any order, and for whom.

use chrono::TimeDelta;
use entities::{ApiScope, TokenRole};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;
use tests::harness::inbox;

use crate::shop::{Shop, order, order_with};

const CUSTOMERS: &str = "{ customers { nodes { externalId firstName lastName email city tags totalOrders acceptsEmailMarketing updatedAt } } }";
const PRODUCTS: &str = "{ products { nodes { externalId title vendor inventoryQuantity variants { nodes { externalId sku price { amount } options } } } } }";

/// A customer as Shopify tells of one since 2025: without tags, without counts of what they bought.
fn customer() -> Value {
    json!({
        "id": 706405506930370084_u64, "created_at": "2026-11-01T09:00:00+09:00", "updated_at": "2026-11-01T09:30:00+09:00", "first_name": "Bob", "last_name": "Biller",
        "state": "disabled", "note": "This customer loves tea", "verified_email": true, "multipass_identifier": null, "tax_exempt": false, "email": "bob@biller.example",
        "phone": null, "currency": "USD", "tax_exemptions": [], "admin_graphql_api_id": "gid://shopify/Customer/706405506930370084",
        "addresses": [],
        "default_address": {
            "id": 12321, "customer_id": 706405506930370084_u64, "first_name": "Bob", "last_name": "Biller", "company": null, "address1": "151 O'Connor Street", "address2": null,
            "city": "Ottawa", "province": "Ontario", "country": "Canada", "zip": "K2P 2L8", "phone": "555-555-5555", "name": "Bob Biller", "province_code": "ON", "country_code": "CA", "default": true,
        },
    })
}

/// A product as Shopify tells of one.
fn product() -> Value {
    let variant = |id: u64, title: &str, price: &str, position: u64| {
        json!({
            "id": id, "admin_graphql_api_id": format!("gid://shopify/ProductVariant/{id}"), "product_id": 788032119674292922_u64, "title": title, "price": price, "position": position,
            "inventory_policy": "deny", "compare_at_price": null, "option1": title, "option2": null, "option3": null, "taxable": true, "barcode": null, "sku": format!("TEA-{position}"),
            "inventory_item_id": null, "inventory_quantity": 75, "old_inventory_quantity": 75, "image_id": null, "created_at": "2026-11-01T09:00:00+09:00", "updated_at": "2026-11-01T09:00:00+09:00",
        })
    };
    json!({
        "id": 788032119674292922_u64, "admin_graphql_api_id": "gid://shopify/Product/788032119674292922", "title": "Example tea", "body_html": "A cup of tea", "vendor": "Acme",
        "product_type": "Tea", "handle": "example-tea", "created_at": "2026-11-01T09:00:00+09:00", "updated_at": "2026-11-01T09:00:00+09:00", "published_at": "2026-11-01T09:00:00+09:00",
        "template_suffix": null, "published_scope": "web", "tags": "example, mens", "status": "active",
        "variants": [variant(642667041472713922, "Small", "19.99", 1), variant(757650484644203962, "Medium", "24.99", 2)],
        "options": [{ "id": 1, "product_id": 788032119674292922_u64, "name": "Size", "position": 1, "values": ["Small", "Medium"] }],
        "images": [], "image": null, "media": [], "category": null,
        "variant_gids": [
            { "admin_graphql_api_id": "gid://shopify/ProductVariant/642667041472713922", "updated_at": "2026-11-01T00:00:00.000Z" },
            { "admin_graphql_api_id": "gid://shopify/ProductVariant/757650484644203962", "updated_at": "2026-11-01T00:00:00.000Z" },
        ],
    })
}

fn with(mut payload: Value, changes: Value) -> Value {
    payload.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    payload
}

impl Shop {
    /// Has something taken that the shop told at that second of 00:15 on November 2nd, and worked on.
    async fn told(&self, second: u32, topic: &str, body: &Value) {
        let mut delivery = self.delivery(topic, body);
        let at = format!("2026-11-02T00:15:{second:02}.5Z");
        delivery.headers.iter_mut().filter(|(name, _)| name == "x-shopify-triggered-at").for_each(|(_, value)| value.clone_from(&at));
        assert_eq!(delivery.send(&self.server).await, (200, String::new()));
        let events = self.settled().await;
        assert!(events.iter().all(|event| event["status"] == "PROCESSED"), "{events:?}");
    }

    async fn nodes(&self, query: &str) -> Value {
        let found = self.ask(query).await;
        found.as_object().unwrap().values().next().unwrap()["nodes"].clone()
    }

    async fn all_announced(&self, noun: &str) -> [i64; 3] {
        let mut counts = [0; 3];
        for (count, verb) in counts.iter_mut().zip(["created", "updated", "deleted"]) {
            *count = self.announced(&format!("{noun}.{verb}")).await;
        }
        counts
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_comes_changes_and_goes_and_their_orders_stay(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    // What only a sync tells, and no webhook since 2025.
    shop.told(
        1,
        "customers/create",
        &with(customer(), json!({ "tags": "tea, b2b", "email_marketing_consent": { "state": "subscribed", "consent_updated_at": null } })),
    )
    .await;
    let bought = order_with(json!({ "customer": { "id": customer()["id"] } }));
    shop.told(2, "orders/create", &bought).await;
    assert_eq!(shop.orders().await[0]["customer"]["lastName"], "Biller");
    let newer = with(customer(), json!({ "updated_at": "2026-11-02T09:15:03+09:00", "last_name": "Payer", "default_address": null }));
    shop.told(3, "customers/update", &newer).await;
    let known = shop.nodes(CUSTOMERS).await;
    assert_eq!(
        (&known[0]["lastName"], &known[0]["city"], &known[0]["tags"]),
        (&json!("Payer"), &json!(null), &json!(["tea", "b2b"])),
        "what is not said stays"
    );
    assert_eq!((known.as_array().unwrap().len(), &known[0]["acceptsEmailMarketing"], &known[0]["totalOrders"]), (1, &json!(true), &json!(0)));

    // Late, and again.
    shop.told(1, "customers/update", &customer()).await;
    shop.told(3, "customers/enable", &newer).await;
    assert_eq!((shop.nodes(CUSTOMERS).await, shop.all_announced("customer").await), (known, [1, 1, 0]));

    let gone = json!({ "id": customer()["id"], "phone": null, "addresses": [], "tax_exemptions": [], "admin_graphql_api_id": "gid://shopify/Customer/706405506930370084" });
    shop.told(9, "customers/delete", &gone).await;
    shop.told(10, "customers/delete", &gone).await;
    // A change of before, told late; an order that still names them.
    shop.told(8, "customers/update", &with(newer, json!({ "updated_at": "2026-11-02T09:15:08+09:00" }))).await;
    shop.told(12, "orders/updated", &with(bought, json!({ "updated_at": "2026-11-02T09:59:00+09:00", "customer": customer() }))).await;
    assert_eq!((shop.nodes(CUSTOMERS).await, shop.all_announced("customer").await), (json!([]), [1, 1, 1]));
    let orders = shop.orders().await;
    assert_eq!((&orders[0]["totalPrice"]["amount"], &orders[0]["customer"]), (&json!("84.15"), &json!(null)), "money stays");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_product_comes_loses_a_variant_and_goes(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.told(1, "products/create", &product()).await;
    let known = shop.nodes(PRODUCTS).await;
    assert_eq!((&known[0]["title"], &known[0]["inventoryQuantity"]), (&json!("Example tea"), &json!(150)));
    assert_eq!(known[0]["variants"]["nodes"].as_array().unwrap().len(), 2);
    let small = known[0]["variants"]["nodes"].as_array().unwrap().iter().find(|variant| variant["sku"] == "TEA-1").unwrap();
    assert_eq!(small["options"], json!([{ "name": "Size", "value": "Small" }]));

    // The same second, told later: one variant is dearer, the other is gone.
    let mut fewer = with(product(), json!({ "title": "Better tea" }));
    fewer["variants"].as_array_mut().unwrap().truncate(1);
    fewer["variant_gids"].as_array_mut().unwrap().truncate(1);
    fewer["variants"][0]["price"] = json!("21.00");
    shop.told(5, "products/update", &fewer).await;
    let known = shop.nodes(PRODUCTS).await;
    assert_eq!((&known[0]["title"], &known[0]["inventoryQuantity"]), (&json!("Better tea"), &json!(75)));
    assert_eq!(known[0]["variants"]["nodes"].as_array().unwrap().iter().map(|variant| &variant["price"]["amount"]).collect::<Vec<_>>(), ["21.00"]);
    // What was told before that comes late, and does not bring the variant back.
    shop.told(3, "products/update", &product()).await;
    shop.told(5, "products/update", &fewer).await;
    assert_eq!((shop.nodes(PRODUCTS).await, shop.all_announced("product").await), (known, [1, 1, 0]));

    shop.told(9, "products/delete", &json!({ "id": product()["id"] })).await;
    shop.told(9, "products/delete", &json!({ "id": product()["id"] })).await;
    shop.told(8, "products/update", &with(fewer, json!({ "updated_at": "2026-11-02T09:15:08+09:00" }))).await;
    assert_eq!((shop.nodes(PRODUCTS).await, shop.all_announced("product").await), (json!([]), [1, 1, 1]));
    assert_eq!(shop.number("select count(*) from product_variants where deleted_at is null", []).await, 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_before_it_is_known_never_comes(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    for (topic, id) in [("orders/delete", &order()["id"]), ("products/delete", &product()["id"]), ("customers/delete", &customer()["id"])] {
        shop.told(9, topic, &json!({ "id": id })).await;
    }
    for (topic, body) in [("orders/create", order()), ("products/create", product()), ("customers/create", customer())] {
        shop.told(1, topic, &body).await;
        shop.told(1, topic, &body).await;
    }
    // Even what was triggered later does not revive it: no id is given twice.
    shop.told(20, "orders/updated", &order_with(json!({ "updated_at": "2026-11-02T09:15:20+09:00", "customer": customer() }))).await;
    assert_eq!((shop.orders().await, shop.nodes(PRODUCTS).await, shop.nodes(CUSTOMERS).await), (json!([]), json!([]), json!([])));
    for noun in ["order", "product", "customer"] {
        assert_eq!(shop.all_announced(noun).await, [0, 0, 0], "{noun}");
    }

    // An order that is known goes with its lines.
    let other = order_with(json!({ "id": 77, "name": "#77" }));
    shop.told(1, "orders/create", &other).await;
    shop.told(2, "orders/delete", &json!({ "id": 77 })).await;
    shop.told(1, "orders/updated", &other).await;
    assert_eq!((shop.orders().await, shop.all_announced("order").await), (json!([]), [1, 0, 1]));
    assert_eq!(shop.number("select count(*) from order_items where deleted_at is null", []).await, 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn shops_are_heard_by_the_app_that_is_installed_in_them_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    let other = inbox::connection(&shop.server, shop.tenant, "other").await;
    let sql = "insert into installations (id, tenant_id, connection_id, missing_scopes, refused_topics, generation, set_up_at, created_at, updated_at)
               select id, tenant_id, $1, '[]', '[]', 1, created_at, created_at, updated_at from stores";
    shop.execute(sql, [other.into()]).await;
    for (topic, body) in [
        ("orders/create", order()),
        ("customers/create", customer()),
        ("products/delete", json!({ "id": 1 })),
        ("refunds/create", json!({ "id": 1, "order_id": 2, "created_at": "2026-11-02T09:00:00+09:00" })),
    ] {
        shop.deliver(topic, &body).await;
    }
    let events = shop.settled().await;
    for event in &events {
        assert_eq!((&event["status"], &event["errorMessage"]), (&json!("IGNORED"), &json!("the shop is installed under another connection")), "{event}");
    }
    assert_eq!((events.len(), shop.orders().await, shop.nodes(CUSTOMERS).await), (4, json!([]), json!([])));
    shop.server.clock.advance(TimeDelta::seconds(1));
    let mut by_the_other = shop.delivery("orders/create", &order());
    by_the_other.path = format!("/webhooks/shopify/{other}");
    assert_eq!(by_the_other.send(&shop.server).await.0, 200);
    assert_eq!(shop.settled().await.last().unwrap()["status"], "PROCESSED");
    assert_eq!(shop.orders().await[0]["number"], "#1042");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_to_a_store_whose_app_was_removed(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.execute("update stores set status = 'UNINSTALLED' where tenant_id = $1", [shop.tenant.into()]).await;
    let refund = json!({ "id": 1, "order_id": 2, "created_at": "2026-11-02T09:00:00+09:00" });
    let finish = json!({ "admin_graphql_api_id": "gid://shopify/BulkOperation/7", "status": "completed" });
    for (topic, body) in [
        ("customers/create", customer()),
        ("customers/delete", json!({ "id": 1 })),
        ("products/update", product()),
        ("products/delete", json!({ "id": 1 })),
        ("orders/delete", json!({ "id": 1 })),
        ("refunds/create", refund),
        ("bulk_operations/finish", finish),
    ] {
        shop.deliver(topic, &body).await;
    }
    let events = shop.settled().await;
    for event in &events {
        assert_eq!((&event["status"], &event["errorMessage"]), (&json!("IGNORED"), &json!("the app was removed from the shop")), "{event}");
    }
    assert_eq!(events.len(), 7);
    for table in ["customers", "products", "deletions", "jobs where kind = 'delivery.fetch'"] {
        assert_eq!(shop.number(&format!("select count(*) from {table}"), []).await, 0, "{table}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_integration_needs_the_scope_of_what_it_is_told(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend).await;
    let (_, integration) = shop.people.token(TokenRole::Integration, Some(shop.tenant), &[ApiScope::WebhooksWrite, ApiScope::ProductsRead]).await;
    let create = |event: &str| {
        format!("mutation {{ webhookEndpointCreate(input: {{ url: \"https://partner.example/hooks\", eventTypes: [{event}] }}) {{ userErrors {{ code }} }} }}")
    };
    let product = shop.server.ask(&integration, &create("PRODUCT_DELETED")).await;
    assert_eq!(product.data()["webhookEndpointCreate"]["userErrors"], json!([]));
    let customer = shop.server.ask(&integration, &create("CUSTOMER_CREATED")).await;
    assert_eq!(customer.data()["webhookEndpointCreate"]["userErrors"][0]["code"], "SCOPE_MISSING");
}
