//! Shopify's webhooks: whether a delivery is one, and what it tells.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::de::IgnoredAny;
use sha2::Sha256;

use super::{Shopify, app_payload, order_payload, product_payload, values};
use crate::ports::commerce::{CommerceEvent, CommerceProvider, PrivacyKind};
use crate::ports::delivery::{Delivery, DeliveryError, DeliveryParts, ParseError, Verified};

/// The names of a header: what Shopify calls "Events" sends them without `X-`.
type Names = [&'static str; 2];

const SIGNATURE: Names = ["x-shopify-hmac-sha256", "shopify-hmac-sha256"];
const TOPIC: Names = ["x-shopify-topic", "shopify-topic"];
const SHOP_DOMAIN: Names = ["x-shopify-shop-domain", "shopify-shop-domain"];
const WEBHOOK_ID: Names = ["x-shopify-webhook-id", "shopify-webhook-id"];
const EVENT_ID: Names = ["x-shopify-event-id", "shopify-event-id"];
const TRIGGERED_AT: Names = ["x-shopify-triggered-at", "shopify-triggered-at"];
const API_VERSION: Names = ["x-shopify-api-version", "shopify-api-version"];
/// How the names of all of its own headers begin.
const OWN: Names = ["x-shopify-", "shopify-"];

/// The longest id, topic or version taken, in characters.
const LONGEST: usize = 255;

pub(super) fn verify(delivery: &Delivery<'_>, secrets: &[SecretString]) -> Result<Verified, DeliveryError> {
    if !is_signed(delivery, secrets) {
        return Err(DeliveryError::BadSignature);
    }
    check_body(delivery.body)?;
    let shop = word(delivery, SHOP_DOMAIN)?;
    let account = Shopify.shop_domain(&shop).map_err(|error| malformed(format!("{}: {error}", SHOP_DOMAIN[0])))?;
    let own = |name: &str| OWN.iter().any(|start| name.starts_with(start)) && !SIGNATURE.contains(&name);
    Ok(Verified::checked(DeliveryParts {
        event_id: word(delivery, WEBHOOK_ID)?,
        topic: word(delivery, TOPIC)?,
        account: Some(account),
        triggered_at: triggered_at(delivery)?,
        api_version: optional_word(delivery, API_VERSION)?,
        provider_event_id: optional_word(delivery, EVENT_ID)?,
        headers: delivery.headers.iter().filter(|(name, _)| own(name)).cloned().collect(),
        body: Bytes::copy_from_slice(delivery.body),
    }))
}

/// What Shopify has a right to be heard with as long as it knows the secret: people's requests, and that the app was removed.
const OWED: [&str; 4] = ["customers/data_request", "customers/redact", "shop/redact", "app/uninstalled"];

pub(super) fn is_owed(headers: &[(String, String)]) -> bool {
    let delivery = Delivery { headers, body: &[] };
    delivery.header(&TOPIC).is_some_and(|topic| OWED.contains(&topic.trim()))
}

pub(super) fn parse(stored: &Verified) -> Result<CommerceEvent, ParseError> {
    let parts = stored.parts();
    read(&parts.topic, &parts.body).map_err(|reason| ParseError { reason })
}

/// Topics are spelled by their path; Shopify's newer events write the same words.
fn read(topic: &str, body: &[u8]) -> values::Read<CommerceEvent> {
    Ok(match topic {
        "orders/create" | "orders/updated" | "orders/cancelled" | "orders/paid" | "orders/fulfilled" | "orders/partially_fulfilled" => {
            CommerceEvent::OrderChanged(Box::new(order_payload::read(body)?))
        }
        "orders/delete" => CommerceEvent::OrderDeleted { external_id: app_payload::id(body)? },
        "customers/create" | "customers/update" | "customers/enable" | "customers/disable" => {
            CommerceEvent::CustomerChanged(Box::new(order_payload::read_customer(body)?))
        }
        "customers/delete" => CommerceEvent::CustomerDeleted { external_id: app_payload::id(body)? },
        "products/create" | "products/update" => CommerceEvent::ProductChanged(Box::new(product_payload::read(body)?)),
        "products/delete" => CommerceEvent::ProductDeleted { external_id: app_payload::id(body)? },
        "refunds/create" => CommerceEvent::RefundCreated(Box::new(product_payload::read_refund(body)?)),
        "app/uninstalled" => CommerceEvent::AppUninstalled { shop: app_payload::shop(body)? },
        "app/scopes_update" => CommerceEvent::ScopesChanged { granted: app_payload::scopes(body)? },
        "bulk_operations/finish" => CommerceEvent::ExportEnded { id: app_payload::export(body)? },
        "customers/data_request" => CommerceEvent::Privacy(Box::new(app_payload::privacy(PrivacyKind::CustomerData, body)?)),
        "customers/redact" => CommerceEvent::Privacy(Box::new(app_payload::privacy(PrivacyKind::CustomerErasure, body)?)),
        "shop/redact" => CommerceEvent::Privacy(Box::new(app_payload::privacy(PrivacyKind::ShopErasure, body)?)),
        // Among them orders/edited, which tells of lines added and removed: orders/updated comes with it.
        other => CommerceEvent::Ignored { topic: other.to_owned() },
    })
}

/// Whether the signature is the body's under one of the secrets. Every secret is tried, so that the time tells nothing.
fn is_signed(delivery: &Delivery<'_>, secrets: &[SecretString]) -> bool {
    let Some(given) = delivery.header(&SIGNATURE).and_then(|text| STANDARD.decode(text).ok()) else {
        return false;
    };
    let matches = |secret: &SecretString| {
        let secret = secret.expose_secret();
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
        !secret.is_empty() && mac.is_ok_and(|mac| mac.chain_update(delivery.body).verify_slice(&given).is_ok())
    };
    secrets.iter().fold(false, |found, secret| matches(secret) | found)
}

fn check_body(body: &[u8]) -> Result<(), DeliveryError> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
    if text.trim_start().starts_with('{') { Ok(()) } else { Err(malformed("the body is not a JSON object")) }
}

fn triggered_at(delivery: &Delivery<'_>) -> Result<Option<DateTime<Utc>>, DeliveryError> {
    let Some(text) = optional_word(delivery, TRIGGERED_AT)? else {
        return Ok(None);
    };
    let at = DateTime::parse_from_rfc3339(&text).map_err(|error| malformed(format!("{}: {error}", TRIGGERED_AT[0])))?;
    Ok(Some(values::instant(at.to_utc())))
}

fn word(delivery: &Delivery<'_>, names: Names) -> Result<String, DeliveryError> {
    optional_word(delivery, names)?.ok_or_else(|| malformed(format!("the header {} is missing", names[0])))
}

/// A header of one word: what ids, topics and versions are.
fn optional_word(delivery: &Delivery<'_>, names: Names) -> Result<Option<String>, DeliveryError> {
    if !delivery.headers.iter().any(|(name, _)| names.contains(&name.as_str())) {
        return Ok(None);
    }
    let value = delivery.header(&names).ok_or_else(|| malformed(format!("the header {} comes twice and differs", names[0])))?.trim();
    if value.is_empty() || value.len() > LONGEST || !value.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(malformed(format!("the header {} is not a word of up to {LONGEST} characters", names[0])));
    }
    Ok(Some(value.to_owned()))
}

fn malformed(reason: impl Into<String>) -> DeliveryError {
    DeliveryError::Malformed(reason.into())
}
