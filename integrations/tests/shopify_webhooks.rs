//! Shopify's deliveries: whose are taken, and what an order of theirs says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use entities::{Currency, FinancialStatus, FulfillmentStatus, Money, OrderStatus};
use hmac::{Hmac, KeyInit, Mac};
use integrations::ports::commerce::{BulkRecord, CommerceEvent, CommerceProvider, Field, OrderChange, PrivacyKind, PrivacyRequest, PrivacySubject};
use integrations::ports::delivery::{Delivery, DeliveryError, DeliveryParts, Verified, WebhookSource};
use integrations::registry;
use proptest::prelude::*;
use rstest::rstest;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;

const CREATE: &str = include_str!("../src/shopify/fixtures/orders_create.json");
const CANCELLED: &str = include_str!("../src/shopify/fixtures/orders_cancelled.json");
const SECRET: &str = "hush-of-the-noren-app";
const SIGNATURE: &str = "x-shopify-hmac-sha256";

fn shopify() -> &'static dyn CommerceProvider {
    registry::commerce("shopify").unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn signature(secret: &str, body: &[u8]) -> String {
    STANDARD.encode(Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body).finalize().into_bytes())
}

fn headers(body: &[u8]) -> Vec<(String, String)> {
    [
        ("host", "hooks.noren.example"),
        ("x-shopify-topic", "orders/create"),
        ("x-shopify-shop-domain", "Noren-Tea.myshopify.com"),
        ("x-shopify-webhook-id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
        ("x-shopify-event-id", "98880550-7158-44d4-b7cd-2c97c8a091b5"),
        ("x-shopify-triggered-at", "2026-11-02T00:15:31.877041743Z"),
        ("x-shopify-api-version", "2026-10"),
        (SIGNATURE, &signature(SECRET, body)),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn with(mut headers: Vec<(String, String)>, name: &str, value: Option<&str>) -> Vec<(String, String)> {
    headers.retain(|(other, _)| other != name);
    headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    headers
}

fn verify(headers: &[(String, String)], body: &[u8], secrets: &[&str]) -> Result<Verified, DeliveryError> {
    let secrets: Vec<SecretString> = secrets.iter().copied().map(SecretString::from).collect();
    let source: &dyn WebhookSource = registry::webhooks("shopify").unwrap();
    source.verify(&Delivery { headers, body }, &secrets, at("2026-11-02T00:15:32Z"))
}

fn parse(topic: &str, body: &[u8]) -> Result<CommerceEvent, String> {
    let mut parts = verify(&headers(b"{}"), b"{}", &[SECRET]).unwrap().into_parts();
    (parts.topic, parts.body) = (topic.to_owned(), body.to_vec().into());
    shopify().parse(&Verified::stored(parts)).map_err(|error| error.reason)
}

fn order(body: &[u8]) -> OrderChange {
    match parse("orders/updated", body).unwrap() {
        CommerceEvent::OrderChanged(change) => *change,
        other => panic!("{other:?}"),
    }
}

/// The first fixture with one place in it changed.
fn changed(pointer: &str, value: Value) -> Vec<u8> {
    let mut order: Value = serde_json::from_str(CREATE).unwrap();
    *order.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    serde_json::to_vec(&order).unwrap()
}

#[test]
fn a_signed_delivery_is_told_by_its_headers_in_both_spellings() {
    let body = CREATE.as_bytes();
    let expected = DeliveryParts {
        event_id: "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043".into(),
        topic: "orders/create".into(),
        account: Some("noren-tea.myshopify.com".into()),
        triggered_at: Some(at("2026-11-02T00:15:31.877041Z")),
        api_version: Some("2026-10".into()),
        provider_event_id: Some("98880550-7158-44d4-b7cd-2c97c8a091b5".into()),
        headers: headers(body)[1..7].to_vec(),
        body: body.to_vec().into(),
    };
    assert_eq!(verify(&headers(body), body, &[SECRET]).unwrap().into_parts(), expected);
    let short: Vec<_> = headers(body).into_iter().map(|(name, value)| (name.trim_start_matches("x-").to_owned(), value)).collect();
    assert_eq!(verify(&short, body, &[SECRET]).unwrap().into_parts(), DeliveryParts { headers: short[1..7].to_vec(), ..expected });
}

#[test]
fn old_and_new_secret_are_accepted_while_a_rotation_lasts_and_no_other() {
    let (headers, body) = (headers(b"{}"), b"{}");
    assert!(verify(&headers, body, &["next", SECRET]).is_ok());
    assert!(verify(&headers, body, &[SECRET, "next"]).is_ok());
    for wrong in [&[][..], &["next"], &["", "next"], &["hush-of-the-noren-apq"], &["hush-of-the-noren-app "]] {
        assert_eq!(verify(&headers, body, wrong), Err(DeliveryError::BadSignature), "{wrong:?}");
    }
    let unkeyed = with(headers.clone(), SIGNATURE, Some(&signature("", body)));
    assert_eq!(verify(&unkeyed, body, &[""]), Err(DeliveryError::BadSignature), "an empty secret is none");
}

#[test]
fn no_byte_of_the_body_or_the_signature_can_be_changed() {
    let body = changed("/note", json!("short"));
    let body = &body[..];
    let good = headers(body);
    let signature = good.last().unwrap().1.clone();
    for index in 0..body.len() {
        let mut other = body.to_vec();
        other[index] ^= 1 << (index % 8);
        assert_eq!(verify(&good, &other, &[SECRET]), Err(DeliveryError::BadSignature), "byte {index}");
    }
    for index in 0..signature.len() {
        for byte in (0x20..0x7f).filter(|byte| *byte != signature.as_bytes()[index]) {
            let mut other = signature.clone().into_bytes();
            other[index] = byte;
            let other = with(good.clone(), SIGNATURE, Some(std::str::from_utf8(&other).unwrap()));
            assert_eq!(verify(&other, body, &[SECRET]), Err(DeliveryError::BadSignature), "{index}: {byte}");
        }
    }
    for other in [None, Some(""), Some(&signature[..43]), Some(&signature[..22]), Some(&format!("{signature}{signature}")), Some(&format!(" {signature}"))] {
        assert_eq!(verify(&with(good.clone(), SIGNATURE, other), body, &[SECRET]), Err(DeliveryError::BadSignature), "{other:?}");
    }
    let mut twice = good.clone();
    twice.push((SIGNATURE.into(), signature.replace(['A', 'a'], "B")));
    assert_eq!(verify(&twice, body, &[SECRET]), Err(DeliveryError::BadSignature), "two signatures");
}

#[rstest]
#[case::not_json(b"orders", "JSON")]
#[case::cut(b"{\"id\":1", "JSON")]
#[case::empty(b"", "JSON")]
#[case::list(b"[{\"id\":1}]", "object")]
#[case::text(b"\"{}\"", "object")]
#[case::bytes(b"{\"id\":\"\xff\"}", "UTF-8")]
fn a_signed_body_that_is_no_object_is_malformed(#[case] body: &[u8], #[case] why: &str) {
    match verify(&headers(body), body, &[SECRET]) {
        Err(DeliveryError::Malformed(reason)) => assert!(reason.contains(why), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case("x-shopify-topic", None)]
#[case("x-shopify-topic", Some("orders create"))]
#[case("x-shopify-webhook-id", None)]
#[case("x-shopify-webhook-id", Some(""))]
#[case("x-shopify-shop-domain", None)]
#[case("x-shopify-shop-domain", Some("noren-tea.myshopify.com.evil.jp"))]
#[case("x-shopify-triggered-at", Some("yesterday"))]
fn a_signed_delivery_without_what_tells_it_is_malformed(#[case] name: &str, #[case] value: Option<&str>) {
    match verify(&with(headers(b"{}"), name, value), b"{}", &[SECRET]) {
        Err(DeliveryError::Malformed(reason)) => assert!(reason.contains(name), "{reason}"),
        other => panic!("{other:?}"),
    }
    let long = "x".repeat(256);
    assert!(verify(&with(headers(b"{}"), "x-shopify-webhook-id", Some(&long)), b"{}", &[SECRET]).is_err());
}

#[test]
fn an_order_reads_as_the_line_of_an_export_that_says_the_same() {
    let change = order(CREATE.as_bytes());
    let line = json!({
        "id": "gid://shopify/Order/6105550012345", "name": "#1042", "createdAt": "2026-11-02T00:15:30Z", "updatedAt": "2026-11-02T00:15:31Z",
        "processedAt": "2026-11-02T00:15:28.123456Z", "cancelledAt": null, "closedAt": null, "currencyCode": "USD", "test": false,
        "displayFinancialStatus": "PARTIALLY_REFUNDED", "displayFulfillmentStatus": "UNFULFILLED", "email": "akiko@example.jp",
        "totalPriceSet": {"shopMoney": {"amount": "84.15", "currencyCode": "USD"}},
        "subtotalPriceSet": {"shopMoney": {"amount": "76.5", "currencyCode": "USD"}},
        "totalTaxSet": {"shopMoney": {"amount": "7.65", "currencyCode": "USD"}},
        "customer": {
            "id": "gid://shopify/Customer/7712345009876", "firstName": "Akiko", "lastName": "Mori", "taxExempt": false, "tags": ["wholesale", "tea rooms"],
            "createdAt": "2025-04-01T01:00:00Z", "updatedAt": "2026-11-02T00:15:31Z",
            "defaultEmailAddress": {"emailAddress": "akiko@example.jp", "marketingState": "SUBSCRIBED", "marketingUpdatedAt": "2025-04-01T01:00:05Z"},
            "defaultPhoneNumber": {"phoneNumber": "+81755550101", "smsMarketingConsent": null, "marketingState": null, "marketingUpdatedAt": null},
            "defaultAddress": {"company": "Mori Tea Rooms", "city": "Kyoto", "provinceCode": "JP-26", "countryCodeV2": "JP", "phone": "+81 75 555 0101"},
        },
    });
    let BulkRecord::Order(expected) = shopify().read_line(line.to_string().as_bytes()).unwrap() else { panic!() };
    assert_eq!(change.order, *expected);

    let lines = [
        json!({
            "id": "gid://shopify/LineItem/15500000000101", "__parentId": "gid://shopify/Order/6105550012345", "title": "Gyokuro tin", "quantity": 2,
            "sku": "GYO-50", "vendor": "Noren Tea House", "variantTitle": "50 g", "requiresShipping": true, "taxable": true,
            "originalUnitPriceSet": {"shopMoney": {"amount": "27.50", "currencyCode": "USD"}},
            "discountedTotalSet": {"shopMoney": {"amount": "49.50", "currencyCode": "USD"}},
            "product": {"id": "gid://shopify/Product/8800000000011"}, "variant": {"id": "gid://shopify/ProductVariant/45000000000021"},
        }),
        json!({
            "id": "gid://shopify/LineItem/15500000000102", "__parentId": "gid://shopify/Order/6105550012345", "title": "Bamboo whisk", "quantity": 1,
            "sku": null, "vendor": "Noren Tea House", "variantTitle": null, "requiresShipping": true, "taxable": true,
            "originalUnitPriceSet": {"shopMoney": {"amount": "33.00", "currencyCode": "USD"}},
            "discountedTotalSet": {"shopMoney": {"amount": "33.00", "currencyCode": "USD"}},
            "product": {"id": "gid://shopify/Product/8800000000012"}, "variant": {"id": "gid://shopify/ProductVariant/45000000000022"},
        }),
    ];
    let expected: Vec<_> = lines.iter().map(|line| shopify().read_line(line.to_string().as_bytes()).unwrap()).collect();
    let items: Vec<_> = change.items.into_iter().map(|item| BulkRecord::OrderItem(Box::new(item))).collect();
    assert_eq!(items, expected);
}

#[test]
fn what_is_null_is_null_and_what_is_absent_stays_unsaid() {
    let OrderChange { order: cancelled, items, .. } = order(CANCELLED.as_bytes());
    assert_eq!(cancelled.status, Field::Value(OrderStatus::Cancelled));
    assert_eq!(cancelled.financial_status, Field::Value(FinancialStatus::Voided));
    assert_eq!(cancelled.fulfillment_status, Field::Value(FulfillmentStatus::Restocked));
    assert_eq!((cancelled.total, cancelled.tax), (Money::from_minor(6600, Currency::JPY), Field::Value(Money::from_minor(600, Currency::JPY))));
    assert_eq!((cancelled.email, cancelled.processed_at, cancelled.customer, cancelled.embedded), (Field::Null, Field::Null, Field::Null, None));
    assert_eq!(cancelled.created_at, at("2026-11-02T04:59:59Z"));
    assert_eq!((items[0].quantity, items[0].total), (2, Money::from_minor(6000, Currency::JPY)));
    assert_eq!((&items[0].external_product_id, &items[0].sku, &items[0].vendor), (&Field::Null, &Field::Null, &Field::Null));

    // As little as an order can be, its numbers as numbers or as text.
    let bare = json!({"id": "77", "name": "#7", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "total_price": 12.3, "currency": "USD",
        "customer": {"id": 5}, "line_items": [{"id": "9", "title": "Tea", "quantity": "3", "price": 4.1}]});
    let OrderChange { order: bare, items, .. } = order(bare.to_string().as_bytes());
    assert_eq!((bare.external_id.as_str(), bare.total), ("77", Money::from_minor(1230, Currency::USD)));
    assert_eq!((bare.customer, bare.embedded), (Field::Value("5".into()), None));
    assert_eq!((bare.subtotal, bare.tax, bare.test), (Field::Absent, Field::Absent, Field::Absent));
    assert_eq!((bare.email, bare.cancelled_at), (Field::Absent, Field::Absent));
    assert_eq!((bare.status, bare.financial_status, bare.fulfillment_status), (Field::Absent, Field::Absent, Field::Absent));
    assert_eq!((items[0].parent.as_str(), items[0].total.minor(), &items[0].sku), ("77", 1230, &Field::Absent));
}

#[rstest]
#[case("/id", json!(-5))]
#[case("/id", json!(18446744073709551616.0))]
#[case("/id", json!("12; drop"))]
#[case("/name", json!(null))]
#[case("/created_at", json!("last week"))]
#[case("/updated_at", json!(null))]
#[case("/cancelled_at", json!("-0044-03-15T00:00:00Z"))]
#[case("/currency", json!("BEANS"))]
#[case("/currency", json!("JPY"))]
#[case("/financial_status", json!("bartered"))]
#[case("/fulfillment_status", json!("teleported"))]
#[case("/total_price_set/shop_money/amount", json!("92233720368547758.08"))]
#[case("/total_price_set/shop_money/amount", json!("-1.00"))]
#[case("/total_price_set/shop_money/amount", json!("1.005"))]
#[case("/total_price_set/shop_money/amount", json!(1e300))]
#[case("/total_tax_set/shop_money/currency_code", json!("EUR"))]
#[case("/customer/id", json!(null))]
#[case("/line_items/0/id", json!(u64::MAX))]
#[case("/line_items/1/id", json!(15500000000101_u64))]
#[case("/line_items/0/quantity", json!(-1))]
#[case("/line_items/0/quantity", json!(1.5))]
#[case("/line_items/0/quantity", json!(i64::MAX))]
#[case("/line_items/0/price_set/shop_money/amount", json!("-27.50"))]
#[case("/line_items/0/total_discount_set/shop_money/amount", json!("55.01"))]
#[case("/line_items/0/discount_allocations/0/amount_set/shop_money/amount", json!("-1"))]
#[case("/line_items/0/discount_allocations/0/amount_set/shop_money/amount", json!("92233720368547758.07"))]
fn an_order_that_cannot_be_is_an_error_in_a_few_words(#[case] pointer: &str, #[case] value: Value) {
    let reason = parse("orders/updated", &changed(pointer, value)).unwrap_err();
    assert!(!reason.is_empty() && reason.len() < 400, "{reason}");
}

#[test]
fn what_nothing_is_done_with_is_ignored_whatever_its_body() {
    for topic in ["orders/edited", "customers/merge", "brand/new"] {
        assert_eq!(parse(topic, b"{}"), Ok(CommerceEvent::Ignored { topic: topic.into() }));
    }
}

#[test]
fn a_product_reads_as_the_lines_of_an_export_that_say_the_same() {
    let payload = json!({
        "id": 632910392, "title": "Gyokuro", "handle": "gyokuro", "body_html": "<p>Shaded</p>", "vendor": "Noren Tea House", "product_type": "Tea", "category": {"name": "Tea"},
        "created_at": "2026-01-01T09:00:00+09:00", "updated_at": "2026-02-01T09:00:00.5+09:00", "status": "active",
        "variants": [
            {"id": 1, "product_id": 632910392, "title": "50 g", "sku": "GYO-50", "barcode": "", "price": "27.50", "compare_at_price": null, "inventory_quantity": 6, "taxable": true, "option1": "50 g", "option2": null, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z"},
            {"id": 2, "title": "100 g", "sku": null, "barcode": null, "price": 50, "compare_at_price": "60.00", "inventory_quantity": -1, "taxable": false, "option1": "100 g", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z"},
        ],
        "options": [{"name": "Weight", "position": 1}],
        "variant_gids": [{"admin_graphql_api_id": "gid://shopify/ProductVariant/1"}, {"admin_graphql_api_id": "gid://shopify/ProductVariant/2"}],
    });
    let CommerceEvent::ProductChanged(change) = parse("products/update", payload.to_string().as_bytes()).unwrap() else { panic!() };
    let line = json!({
        "id": "gid://shopify/Product/632910392", "title": "Gyokuro", "handle": "gyokuro", "descriptionHtml": "<p>Shaded</p>", "vendor": "Noren Tea House", "productType": "Tea",
        "category": {"name": "Tea"}, "totalInventory": 5, "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-02-01T00:00:00.5Z",
    });
    assert_eq!(BulkRecord::Product(Box::new(change.product)), shopify().read_line(line.to_string().as_bytes()).unwrap());
    let line = json!({
        "id": "gid://shopify/ProductVariant/1", "__parentId": "gid://shopify/Product/632910392", "title": "50 g", "sku": "GYO-50", "barcode": null, "price": "27.50", "compareAtPrice": null,
        "inventoryQuantity": 6, "selectedOptions": [{"name": "Weight", "value": "50 g"}], "taxable": true, "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-02T00:00:00Z",
    });
    assert_eq!(BulkRecord::ProductVariant(Box::new(change.variants[0].clone())), shopify().read_line(line.to_string().as_bytes()).unwrap());
    assert_eq!((change.variants.len(), change.complete), (2, true));

    let mut more = payload.clone();
    more["variant_gids"].as_array_mut().unwrap().push(json!({"admin_graphql_api_id": "gid://shopify/ProductVariant/3"}));
    let CommerceEvent::ProductChanged(change) = parse("products/create", more.to_string().as_bytes()).unwrap() else { panic!() };
    assert!(!change.complete, "a variant that is not written out is not gone");
    assert_eq!(change.product.inventory_quantity, Field::Absent);
}

#[test]
fn a_customer_reads_as_the_one_inside_of_an_order() {
    let inside: Value = serde_json::from_str::<Value>(CREATE).unwrap()["customer"].take();
    let CommerceEvent::CustomerChanged(customer) = parse("customers/update", inside.to_string().as_bytes()).unwrap() else { panic!() };
    assert_eq!(Some(*customer), order(CREATE.as_bytes()).order.embedded);
}

#[test]
fn what_is_gone_given_back_or_ended_is_told_by_its_id() {
    let gone = br#"{"id": 820982911946154508}"#;
    let id = "820982911946154508".to_owned();
    assert_eq!(parse("orders/delete", gone), Ok(CommerceEvent::OrderDeleted { external_id: id.clone() }));
    assert_eq!(parse("customers/delete", gone), Ok(CommerceEvent::CustomerDeleted { external_id: id.clone() }));
    assert_eq!(parse("products/delete", gone), Ok(CommerceEvent::ProductDeleted { external_id: id }));
    assert!(parse("products/delete", b"{}").unwrap_err().contains("id"));
    let refund = json!({"id": 890, "order_id": 450, "created_at": "2026-11-02T09:00:00+09:00", "transactions": [
        {"kind": "refund", "status": "success", "amount": "41.94", "currency": "USD"}, {"kind": "refund", "status": "failure", "amount": "1.00", "currency": "USD"},
        {"kind": "refund", "status": "success", "amount": "0.06", "currency": "USD"},
    ]});
    let CommerceEvent::RefundCreated(refund) = parse("refunds/create", refund.to_string().as_bytes()).unwrap() else { panic!() };
    assert_eq!(
        (refund.order.as_str(), refund.amount, refund.created_at),
        ("450", Field::Value(Money::from_minor(4200, Currency::USD)), at("2026-11-02T00:00:00Z"))
    );
    for (body, shop) in [
        (r#"{"myshopify_domain": "Noren-Tea.myshopify.com", "domain": "tea.example"}"#, Some("noren-tea.myshopify.com")),
        (r#"{"domain": "noren-tea.myshopify.com"}"#, Some("noren-tea.myshopify.com")),
        (r#"{"domain": "tea.example"}"#, None),
        ("{}", None),
    ] {
        assert_eq!(parse("app/uninstalled", body.as_bytes()), Ok(CommerceEvent::AppUninstalled { shop: shop.map(str::to_owned) }));
    }
    let scopes = br#"{"id": 1, "previous": ["read_orders", "read_products"], "current": ["read_orders"]}"#;
    assert_eq!(parse("app/scopes_update", scopes), Ok(CommerceEvent::ScopesChanged { granted: vec!["read_orders".into()] }));
    let ended = br#"{"admin_graphql_api_id": "gid://shopify/BulkOperation/7", "status": "completed"}"#;
    assert_eq!(parse("bulk_operations/finish", ended), Ok(CommerceEvent::ExportEnded { id: "gid://shopify/BulkOperation/7".into() }));
}

#[test]
fn a_request_about_data_names_whose_it_is_and_what() {
    let privacy = |topic: &str, body: Value| match parse(topic, body.to_string().as_bytes()).unwrap() {
        CommerceEvent::Privacy(request) => *request,
        other => panic!("{other:?}"),
    };
    let relabelled = json!({"shop_id": 954889, "shop_domain": "noren-tea.myshopify.com", "customer": {"id": 191167}, "orders_to_redact": []});
    assert!(parse("shop/redact", relabelled.to_string().as_bytes()).is_err(), "the topic is not signed");
    let customer = json!({"id": 191167, "email": "john@example.com", "phone": ""});
    let asked = privacy(
        "customers/data_request",
        json!({"shop_id": 954889, "shop_domain": "Noren-Tea.myshopify.com", "orders_requested": [299938, 280263], "customer": customer, "data_request": {"id": 9999}}),
    );
    let subject = PrivacySubject { external_id: Some("191167".into()), email: Some("john@example.com".into()), phone: None };
    let expected = PrivacyRequest {
        kind: PrivacyKind::CustomerData,
        shop: "noren-tea.myshopify.com".into(),
        request_id: Some("9999".into()),
        customer: Some(subject.clone()),
        orders: vec!["299938".into(), "280263".into()],
    };
    assert_eq!(asked, expected);
    let erased = privacy("customers/redact", json!({"shop_domain": "noren-tea.myshopify.com", "customer": customer, "orders_to_redact": [1]}));
    assert_eq!((erased.kind, erased.customer, erased.orders), (PrivacyKind::CustomerErasure, Some(subject), vec!["1".to_owned()]));
    let shop = privacy("shop/redact", json!({"shop_id": 954889, "shop_domain": "noren-tea.myshopify.com"}));
    assert_eq!((shop.kind, shop.customer), (PrivacyKind::ShopErasure, None));
    for body in [
        json!({"shop_domain": "noren-tea.myshopify.com"}),
        json!({"shop_domain": "evil.example", "customer": customer}),
        json!({"shop_domain": "noren-tea.myshopify.com", "customer": {"email": " "}}),
    ] {
        assert!(parse("customers/redact", body.to_string().as_bytes()).is_err(), "{body}");
    }
}

/// Any value that a hostile or broken sender may put in a place.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[-0-9.eE:TZ+]{0,30}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from), inner.prop_map(|v| json!({ "id": v }))]
    })
}

/// Every place in a value.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, inner)| places(inner, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, inner)| places(inner, &format!("{at}/{index}"), found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn reading_never_panics_and_never_changes_its_mind(places_and_values in proptest::collection::vec((any::<prop::sample::Index>(), anything()), 1..4), cancelled: bool) {
        let mut order: Value = serde_json::from_str(if cancelled { CANCELLED } else { CREATE }).unwrap();
        for (place, value) in places_and_values {
            let mut found = Vec::new();
            places(&order, "", &mut found);
            *order.pointer_mut(place.get::<String>(&found)).unwrap() = value;
        }
        let body = serde_json::to_vec(&order).unwrap();
        let first = parse("orders/create", &body);
        prop_assert_eq!(&first, &parse("orders/create", &body));
        if let Ok(CommerceEvent::OrderChanged(change)) = first {
            prop_assert!(change.order.total.minor() >= 0 && change.items.iter().all(|item| item.total.minor() >= 0 && item.total.currency() == change.order.total.currency()));
        }
    }

    #[test]
    fn broken_bytes_are_refused_or_read_but_never_panic(place: prop::sample::Index, with in proptest::collection::vec(any::<u8>(), 0..6)) {
        let mut body = CREATE.as_bytes().to_vec();
        let at = place.index(body.len());
        body.splice(at..(at + 1), with);
        let _ = verify(&headers(&body), &body, &[SECRET]);
        let _ = parse("orders/create", &body);
    }

    #[test]
    fn a_secret_that_differs_in_one_byte_opens_nothing(place: prop::sample::Index, bit in 0u8..7) {
        let mut secret = SECRET.as_bytes().to_vec();
        let at = place.index(secret.len());
        secret[at] ^= 1 << bit;
        let secret = String::from_utf8(secret).unwrap();
        prop_assert_eq!(verify(&headers(b"{}"), b"{}", &[&secret]), Err(DeliveryError::BadSignature));
    }
}
