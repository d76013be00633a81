//! Stores, products, customers and orders in the schema.

mod analytics;
mod catalog;
mod customers;
mod installs;
mod orders;
mod query;
mod store_changes;
mod stores;
mod sync_changes;
mod sync_live;
mod syncs;

pub use catalog::{Product, ProductVariant};
pub use customers::Customer;
pub use installs::{InstallMutation, InstallationEvent};
pub use orders::{Order, OrderItem};
pub use query::CommerceQuery;
pub use store_changes::StoreMutation;
pub use stores::Store;
pub use sync_changes::SyncMutation;
pub use sync_live::SyncSubscription;
pub use syncs::{SyncQuery, SyncRun};

use async_graphql::{InputObject, Result};
use entities::{StoreId, TenantId};
use platform::db::Parent;
use uuid::Uuid;

use super::objects::{IntoFilter, IntoOrder};

/// A reference to a row of the same tenant.
fn parent(tenant: TenantId, id: impl Into<Uuid>) -> Parent {
    Parent { tenant, id: id.into() }
}

/// A reference to the row's store.
fn store_of(tenant: TenantId, store: StoreId) -> Parent {
    parent(tenant, store)
}

/// Parts of an object come whole and in their own order: they take neither filter nor order.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct NoFilter {
    /// Not used.
    unused: Option<bool>,
}

impl IntoFilter<()> for NoFilter {
    fn into_filter(self) -> Result<()> {
        Ok(())
    }
}

impl IntoOrder<commerce::orders::OrderItemSort> for NoFilter {
    fn into_order(_: Option<Self>) -> (commerce::orders::OrderItemSort, bool) {
        (commerce::orders::OrderItemSort::Position, false)
    }
}

impl IntoOrder<commerce::installs::InstallationEventSort> for NoFilter {
    fn into_order(_: Option<Self>) -> (commerce::installs::InstallationEventSort, bool) {
        (commerce::installs::InstallationEventSort::OccurredAt, true)
    }
}

impl IntoOrder<commerce::catalog::ProductVariantSort> for NoFilter {
    fn into_order(_: Option<Self>) -> (commerce::catalog::ProductVariantSort, bool) {
        (commerce::catalog::ProductVariantSort::CreatedAt, false)
    }
}
