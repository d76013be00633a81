//! Which providers there are. Adding one is its folder and one line here.

use crate::ports::commerce::CommerceProvider;
use crate::shopify::Shopify;

/// The providers of commerce.
pub static COMMERCE: &[&dyn CommerceProvider] = &[&Shopify];

/// The provider of commerce with this key (`stores.provider`).
pub fn commerce(key: &str) -> Option<&'static dyn CommerceProvider> {
    COMMERCE.iter().copied().find(|provider| provider.key() == key)
}
