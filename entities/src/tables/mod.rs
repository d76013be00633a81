//! The tables, one file each.

pub mod api_tokens;
pub mod customers;
pub mod idempotency_keys;
pub mod import_runs;
pub mod membership_stores;
pub mod one_time_links;
pub mod order_items;
pub mod orders;
pub mod platform_settings;
pub mod product_variants;
pub mod products;
pub mod refresh_tokens;
pub mod sessions;
pub mod sign_in_attempts;
pub mod stores;
pub mod tenant_keys;
pub mod tenant_memberships;
pub mod tenants;
pub mod user_identities;
pub mod users;
