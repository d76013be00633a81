//! What happened in a shop, told to those who subscribed: signed, in the older shape that webhooks have, in whatever order is wanted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::ShopifyStandIn;
use super::shop::Kind;

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) struct Happened {
    topic: String,
    payload: Value,
    at: String,
}

/// In which order deliveries go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// As it happened.
    AsHappened,
    /// The last first.
    Backwards,
    /// As it happened, each twice in a row.
    Twice,
}

/// A signed request.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where it goes.
    pub uri: String,
    /// What it is about.
    pub topic: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

fn digits(gid: &Value) -> Value {
    gid.as_str().and_then(|gid| gid.rsplit('/').next()).and_then(|number| number.parse::<u64>().ok()).map_or(Value::Null, Value::from)
}

fn amount(set: &Value) -> Value {
    set["shopMoney"]["amount"].clone()
}

fn snake(set: &Value) -> Value {
    if set.is_null() { Value::Null } else { json!({ "shop_money": { "amount": amount(set), "currency_code": set["shopMoney"]["currencyCode"] } }) }
}

fn lower(word: &Value) -> Value {
    word.as_str().map_or(Value::Null, |word| word.to_lowercase().into())
}

fn customer(wire: &Value) -> Value {
    let (mail, phone, address) = (&wire["defaultEmailAddress"], &wire["defaultPhoneNumber"], &wire["defaultAddress"]);
    let consent = |state: &Value, at: &Value| if state.is_null() { Value::Null } else { json!({ "state": lower(state), "consent_updated_at": at }) };
    let mut out = json!({
        "id": digits(&wire["id"]), "first_name": wire["firstName"], "last_name": wire["lastName"], "email": mail["emailAddress"], "phone": phone["phoneNumber"],
        "email_marketing_consent": consent(&mail["marketingState"], &mail["marketingUpdatedAt"]),
        "sms_marketing_consent": consent(&phone["smsMarketingConsent"]["state"], &phone["smsMarketingConsent"]["updatedAt"]),
        "tax_exempt": wire["taxExempt"], "created_at": wire["createdAt"], "updated_at": wire["updatedAt"],
        "tags": wire["tags"].as_array().map(|tags| tags.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
    });
    out["default_address"] = if address.is_null() {
        Value::Null
    } else {
        json!({ "company": address["company"], "city": address["city"], "province_code": address["provinceCode"], "country_code": address["countryCodeV2"], "phone": address["phone"] })
    };
    out
}

fn order(wire: &Value) -> Value {
    let line = |item: &Value| {
        let (price, quantity) = (&item["originalUnitPriceSet"], item["quantity"].as_i64().unwrap_or_default());
        let parsed = |set: &Value| amount(set).as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        let discount = parsed(price) * quantity as f64 - parsed(&item["discountedTotalSet"]);
        json!({
            "id": digits(&item["id"]), "title": item["title"], "quantity": quantity, "sku": item["sku"], "vendor": item["vendor"], "variant_title": item["variantTitle"],
            "requires_shipping": item["requiresShipping"], "taxable": item["taxable"], "product_id": digits(&item["product"]["id"]), "variant_id": digits(&item["variant"]["id"]),
            "price": amount(price), "price_set": snake(price), "total_discount": format!("{discount:.2}"), "discount_allocations": [],
        })
    };
    json!({
        "id": digits(&wire["id"]), "admin_graphql_api_id": wire["id"], "name": wire["name"], "email": wire["email"], "created_at": wire["createdAt"], "updated_at": wire["updatedAt"],
        "processed_at": wire["processedAt"], "cancelled_at": wire["cancelledAt"], "closed_at": wire["closedAt"], "test": wire["test"], "currency": wire["currencyCode"],
        "financial_status": lower(&wire["displayFinancialStatus"]), "fulfillment_status": match wire["displayFulfillmentStatus"].as_str() {
            Some("UNFULFILLED") | None => Value::Null,
            Some("PARTIALLY_FULFILLED") => "partial".into(),
            Some(other) => other.to_lowercase().into(),
        },
        "total_price": amount(&wire["totalPriceSet"]), "total_price_set": snake(&wire["totalPriceSet"]), "subtotal_price_set": snake(&wire["subtotalPriceSet"]),
        "total_tax_set": snake(&wire["totalTaxSet"]), "line_items": wire["lineItems"].as_array().map(|items| items.iter().map(line).collect::<Vec<_>>()),
        "customer": if wire["customer"].is_null() { Value::Null } else { json!({ "id": digits(&wire["customer"]["id"]) }) },
    })
}

fn product(wire: &Value) -> Value {
    let variant = |variant: &Value| {
        json!({
            "id": digits(&variant["id"]), "product_id": digits(&wire["id"]), "title": variant["title"], "sku": variant["sku"], "barcode": variant["barcode"], "price": variant["price"],
            "compare_at_price": variant["compareAtPrice"], "inventory_quantity": variant["inventoryQuantity"], "taxable": variant["taxable"],
            "option1": variant["selectedOptions"][0]["value"], "created_at": variant["createdAt"], "updated_at": variant["updatedAt"],
        })
    };
    let variants: Vec<Value> = wire["variants"].as_array().into_iter().flatten().map(variant).collect();
    let gids: Vec<Value> = wire["variants"].as_array().into_iter().flatten().map(|variant| json!({ "admin_graphql_api_id": variant["id"] })).collect();
    json!({
        "id": digits(&wire["id"]), "title": wire["title"], "handle": wire["handle"], "body_html": wire["descriptionHtml"], "vendor": wire["vendor"], "product_type": wire["productType"],
        "category": wire["category"], "created_at": wire["createdAt"], "updated_at": wire["updatedAt"], "status": "active", "variants": variants, "variant_gids": gids,
        "options": [{ "name": wire["variants"][0]["selectedOptions"][0]["name"], "position": 1 }],
    })
}

impl Happened {
    pub(super) fn changed(kind: Kind, verb: &str, thing: &Value) -> Self {
        let payload = match kind {
            Kind::Order => order(thing),
            Kind::Product => product(thing),
            Kind::Customer => customer(thing),
        };
        Self { topic: format!("{}/{verb}", kind.topic()), payload, at: thing["updatedAt"].as_str().expect("an instant").to_owned() }
    }

    pub(super) fn deleted(kind: Kind, id: u64, at: DateTime<Utc>) -> Self {
        Self { topic: format!("{}/delete", kind.topic()), payload: json!({ "id": id }), at: at.to_rfc3339() }
    }

    pub(super) fn refunded(order: u64, refund: u64, cents: u64, currency: &str, at: DateTime<Utc>) -> Self {
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        let payload = json!({
            "id": refund, "admin_graphql_api_id": format!("gid://shopify/Refund/{refund}"), "order_id": order, "created_at": at.to_rfc3339(), "processed_at": at.to_rfc3339(),
            "note": "cracked", "user_id": 548380009, "restock": false, "duties": [], "refund_line_items": [], "order_adjustments": [],
            "transactions": [{ "id": refund + 1, "order_id": order, "kind": "refund", "gateway": "bogus", "status": "success", "amount": amount, "currency": currency, "test": false }],
        });
        Self { topic: "refunds/create".to_owned(), payload, at: at.to_rfc3339() }
    }

    pub(super) fn uninstalled(domain: &str) -> Self {
        Self { topic: "app/uninstalled".to_owned(), payload: json!({ "id": 1, "domain": domain, "myshopify_domain": domain }), at: String::new() }
    }

    pub(super) fn bulk_ended(id: &str, status: &str, at: DateTime<Utc>) -> Self {
        let payload = json!({ "admin_graphql_api_id": id, "status": status.to_lowercase(), "type": "query", "completed_at": at.to_rfc3339() });
        Self { topic: "bulk_operations/finish".to_owned(), payload, at: at.to_rfc3339() }
    }
}

/// `orders/create` as subscriptions name it.
fn subscribed_as(topic: &str) -> String {
    topic.replace('/', "_").to_uppercase()
}

impl ShopifyStandIn {
    /// What has happened since the last time, as deliveries to those who subscribed to it.
    pub fn deliveries(&self, domain: &str, sequence: Sequence) -> Vec<Delivery> {
        let (happened, subscribed) = self.shop(domain, |shop| (std::mem::take(&mut shop.happened), shop.subscribed()));
        let mut deliveries = Vec::new();
        for one in happened {
            for (_, uri) in subscribed.iter().filter(|(topic, _)| *topic == subscribed_as(&one.topic)) {
                let at = if one.at.is_empty() { self.now().to_rfc3339() } else { one.at.clone() };
                deliveries.push(self.delivery(domain, &one.topic, &one.payload, &at, uri));
            }
        }
        match sequence {
            Sequence::AsHappened => deliveries,
            Sequence::Backwards => deliveries.into_iter().rev().collect(),
            Sequence::Twice => deliveries.into_iter().flat_map(|delivery| [delivery.clone(), delivery]).collect(),
        }
    }

    /// A delivery of the app's own configuration: the topics of privacy.
    pub fn of_the_app(&self, domain: &str, topic: &str, payload: &Value, uri: &str) -> Delivery {
        self.delivery(domain, topic, payload, &self.now().to_rfc3339(), uri)
    }

    fn delivery(&self, domain: &str, topic: &str, payload: &Value, at: &str, uri: &str) -> Delivery {
        let body = payload.to_string().into_bytes();
        let signature = Hmac::<Sha256>::new_from_slice(self.inner.app.secret.as_bytes()).expect("a key").chain_update(&body).finalize().into_bytes();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("x-shopify-topic", topic.to_owned()),
            ("x-shopify-shop-domain", domain.to_owned()),
            ("x-shopify-webhook-id", format!("webhook-{}", self.inner.number())),
            ("x-shopify-event-id", format!("event-{}", self.inner.number())),
            ("x-shopify-triggered-at", at.to_owned()),
            ("x-shopify-api-version", "2026-10".to_owned()),
            ("x-shopify-hmac-sha256", STANDARD.encode(signature)),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        Delivery { uri: uri.to_owned(), topic: topic.to_owned(), headers, body }
    }
}

impl Delivery {
    /// Sends it: the status that came back.
    pub async fn send(&self, client: &reqwest::Client) -> u16 {
        let request = self.headers.iter().fold(client.post(&self.uri), |request, (name, value)| request.header(name, value));
        request.body(self.body.clone()).send().await.expect("a receiver").status().as_u16()
    }
}
