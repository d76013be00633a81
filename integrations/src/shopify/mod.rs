//! Shopify: its shops' domains, the result files of its bulk operations (Admin GraphQL API 2026-10), its webhooks, how merchants install an
//! app, and what the app asks of their shops.

mod admin;
mod app_payload;
mod bulk;
mod oauth;
mod order_payload;
mod order_wire;
mod product_payload;
mod session;
mod values;
mod webhook;
mod wire;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

pub use admin::{API_VERSION, ShopifyApp, ShopifySettings};

use crate::ports::commerce::{BulkRecord, CommerceEvent, CommerceProvider, InvalidDomain, LineError};
use crate::ports::delivery::{Delivery, DeliveryError, ParseError, Verified, WebhookSource};

/// The provider.
pub struct Shopify;

const KEY: &str = "shopify";
const SUFFIX: &str = ".myshopify.com";

const NOT_A_SHOP: InvalidDomain = InvalidDomain { expected: "a shop's domain of the form `name.myshopify.com`" };

/// A shop's domain, if it is one in the spelling that is stored: what goes into an address must be nothing else.
fn shop_name(text: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let name = text.strip_suffix(SUFFIX)?;
    let good = !name.is_empty() && name.len() <= 60 && name.bytes().all(plain) && !name.starts_with('-') && !name.ends_with('-');
    good.then_some(text)
}

impl WebhookSource for Shopify {
    fn key(&self) -> &'static str {
        KEY
    }

    // Shopify repeats a delivery for hours and puts no time under its signature: there is no age to refuse.
    fn verify(&self, delivery: &Delivery<'_>, secrets: &[SecretString], _now: DateTime<Utc>) -> Result<Verified, DeliveryError> {
        webhook::verify(delivery, secrets)
    }

    fn is_owed(&self, headers: &[(String, String)]) -> bool {
        webhook::is_owed(headers)
    }
}

impl CommerceProvider for Shopify {
    fn shop_domain(&self, input: &str) -> Result<String, InvalidDomain> {
        let lower = input.trim().to_ascii_lowercase();
        let bare = lower.strip_prefix("https://").unwrap_or(&lower);
        let bare = bare.strip_suffix('/').unwrap_or(bare);
        shop_name(bare).map(str::to_owned).ok_or(NOT_A_SHOP)
    }

    fn read_line(&self, line: &[u8]) -> Result<BulkRecord, LineError> {
        bulk::read_line(line)
    }

    fn parse(&self, stored: &Verified) -> Result<CommerceEvent, ParseError> {
        webhook::parse(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_one_label_under_myshopify() {
        for good in ["noren-tea.myshopify.com", " https://Noren-Tea.MyShopify.com/ "] {
            assert_eq!(Shopify.shop_domain(good).unwrap(), "noren-tea.myshopify.com");
        }
        for bad in [
            "",
            "noren-tea",
            ".myshopify.com",
            "a.b.myshopify.com",
            "-a.myshopify.com",
            "http://a.myshopify.com",
            "a.myshopify.com/admin",
            "a.myshopify.com.evil.jp",
            "a@b.myshopify.com",
        ] {
            assert!(Shopify.shop_domain(bad).is_err(), "{bad}");
        }
    }
}
