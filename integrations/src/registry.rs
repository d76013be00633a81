//! Which providers there are. Adding one is its folder and one line here.

use crate::ports::commerce::CommerceProvider;
use crate::ports::delivery::WebhookSource;
use crate::shopify::Shopify;

/// The providers of commerce.
pub static COMMERCE: &[&dyn CommerceProvider] = &[&Shopify];

/// The provider of commerce with this key (`stores.provider`).
pub fn commerce(key: &str) -> Option<&'static dyn CommerceProvider> {
    COMMERCE.iter().copied().find(|provider| provider.key() == key)
}

/// The provider with this key, of whatever kind, as a sender of webhooks.
pub fn webhooks(key: &str) -> Option<&'static dyn WebhookSource> {
    commerce(key).map(|provider| provider as &dyn WebhookSource)
}

/// The keys of those that send webhooks.
pub fn webhook_keys() -> impl Iterator<Item = &'static str> {
    COMMERCE.iter().map(|provider| provider.key())
}
