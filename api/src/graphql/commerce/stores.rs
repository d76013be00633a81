//! Stores: shops of a tenant.

use async_graphql::{ID, InputObject, Json, Result};
use chrono::{DateTime, Utc};
use commerce::stores::{StoreRow, StoreSort};
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::OpCtx;

use super::analytics::{StoreAnalytics, numbers};
use super::catalog::Product;
use super::customers::Customer;
use super::installs::{StoreHealth, StoreInstallation};
use super::orders::Order;
use super::parent;
use super::syncs::SyncRun;
use crate::graphql::enums::{StoreDataKind, StoreStatus};
use crate::graphql::input::{order_input, short, words};
use crate::graphql::objects::{IntoFilter, Planned, object, pages, referred};
use crate::graphql::ops::Alert;
use crate::graphql::people::Tenant;
use crate::graphql::scalars::{CurrencyCode, stored_currency};
use crate::graphql::selection::Selected;

object! {
    /// A shop of a tenant. Its credentials are sealed and never shown.
    Store(StoreRow) {
        /// Opaque id, `store_…`.
        id: ID = |row| row.id.to_string().into();
        /// The platform that it is on, such as `shopify`.
        provider: String = |row| row.provider.clone();
        /// The name that people see.
        name: String = |row| row.name.clone();
        /// Its domain at the provider, such as `example.myshopify.com`.
        domain: String = |row| row.domain.clone();
        /// The provider's id of the shop.
        external_shop_id: Option<String> = |row| row.external_shop_id.clone();
        /// What it is, in its owner's words.
        description: Option<String> = |row| row.description.clone();
        /// What its data is for.
        data_kind: StoreDataKind = |row| row.data_kind.into();
        /// Its state.
        status: StoreStatus = |row| row.status.into();
        /// Settings of its own: a JSON object.
        settings: Json<serde_json::Value> = |row| Json(row.settings.clone());
        /// Settings of the app as it is embedded in the shop: a JSON object.
        embedded_settings: Json<serde_json::Value> = |row| Json(row.embedded_settings.clone());
        /// What the provider lets us do: a list of the provider's scopes.
        scopes: Json<serde_json::Value> = |row| Json(row.scopes.clone());
        /// The time zone in which its days are counted (IANA).
        time_zone: String = |row| row.time_zone.clone();
        /// The currency of its orders.
        currency_code: Result<CurrencyCode> = |row| stored_currency(&row.currency_code);
        /// Whether its first set-up has been gone through.
        initial_setup_completed: bool = |row| row.initial_setup_completed;
        /// When its data was last brought up to date (UTC).
        last_sync_at: Option<DateTime<Utc>> = |row| row.last_sync_at;
        /// Since when it is paused (UTC); null while it is not. Then its status is INACTIVE.
        paused_at: Option<DateTime<Utc>> = |row| row.paused_at;
        /// When it was connected (UTC).
        installed_at: Option<DateTime<Utc>> = |row| row.installed_at;
        /// When the app was removed from the shop (UTC).
        uninstalled_at: Option<DateTime<Utc>> = |row| row.uninstalled_at;
        /// When its data is to be deleted (UTC): 30 days after the app was removed, unless the shop asks for its erasure before, which Shopify does
        /// 48 hours after a removal.
        data_deletion_scheduled_at: Option<DateTime<Utc>> = |row| row.data_deletion_scheduled_at;
        /// When its data was deleted (UTC).
        data_deletion_completed_at: Option<DateTime<Utc>> = |row| row.data_deletion_completed_at;
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The tenant that it belongs to.
        tenant: Tenant;
        /// How the app came into its shop, and what opens it; null for a store that was connected with a token and has had no trouble since.
        installation: StoreInstallation;
        /// Whether its shop answers; null before it was first asked.
        health: StoreHealth;
        /// The store in numbers: what is stored of it, and what went on between the program and its shop.
        analytics: StoreAnalytics;
    }
    lists {
        /// Its orders.
        orders: Order;
        /// Its customers.
        customers: Customer;
        /// Its products.
        products: Product;
        /// What goes wrong with it.
        alerts: Alert;
        /// How its data was brought up to date.
        sync_runs: SyncRun;
    }
}

/// Which stores: everything that is given must hold.
#[derive(InputObject)]
pub struct StoreFilter {
    /// In one of these states.
    statuses: Option<Vec<StoreStatus>>,
    /// With data of one of these kinds.
    data_kinds: Option<Vec<StoreDataKind>>,
    /// At this domain.
    domain: Option<String>,
    /// With all these words in name or domain.
    text: Option<String>,
}

impl IntoFilter<commerce::stores::StoreFilter> for StoreFilter {
    fn into_filter(self) -> Result<commerce::stores::StoreFilter> {
        Ok(commerce::stores::StoreFilter {
            tenant_id: None,
            statuses: self.statuses.map(|all| all.into_iter().map(Into::into).collect()),
            data_kinds: self.data_kinds.map(|all| all.into_iter().map(Into::into).collect()),
            domain: short(self.domain)?,
            text: words(self.text)?,
        })
    }
}

order_input! {
    /// The order of a list of stores. Without it: by name.
    StoreOrder by
    /// What stores are sorted by.
    StoreSortKey for StoreSort {
        /// Their name, in the order of code points; upper and lower case do not matter.
        Name,
        /// When they came to be.
        CreatedAt,
    }
    default Name Asc
}

impl Planned for Store {
    type Row = StoreRow;
    type FilterInput = StoreFilter;
    type OrderInput = StoreOrder;
    const NAME: &'static str = "Store";

    fn bare(row: StoreRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &StoreRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, stores: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "tenant") {
                let tenants = Tenant::referred(ctx, stores.iter().map(|store| store.row.tenant_id), &selected).await?;
                for store in stores.iter_mut() {
                    store.tenant = tenants.map(|found| found.get(&store.row.tenant_id).cloned());
                }
            }
            let parents: Vec<_> = stores.iter().map(|s| parent(s.row.tenant_id, s.row.id)).collect();
            if let Some(selected) = selected.one(Self::NAME, "installation") {
                let found = referred::<StoreInstallation>(ctx, parents.iter().copied(), &selected).await?;
                for store in stores.iter_mut() {
                    store.installation = found.map(|found| found.get(&store.row.id.uuid()).cloned());
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "health") {
                let found = referred::<StoreHealth>(ctx, parents.iter().copied(), &selected).await?;
                for store in stores.iter_mut() {
                    store.health = found.map(|found| found.get(&store.row.id.uuid()).cloned());
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "analytics") {
                let found = numbers(ctx, &parents, &selected).await?;
                for store in stores.iter_mut() {
                    store.analytics = found.map(|found| found.get(&store.row.id.uuid()).cloned());
                }
            }
            for (arguments, field) in selected.each(Self::NAME, "orders") {
                let mut orders = pages::<Order>(ctx, &parents, "store_id", &field).await?;
                for store in stores.iter_mut() {
                    store.orders.push(arguments.clone(), orders.remove(&store.row.id.uuid()).unwrap_or_default());
                }
            }
            for (arguments, field) in selected.each(Self::NAME, "customers") {
                let mut customers = pages::<Customer>(ctx, &parents, "store_id", &field).await?;
                for store in stores.iter_mut() {
                    store.customers.push(arguments.clone(), customers.remove(&store.row.id.uuid()).unwrap_or_default());
                }
            }
            for (arguments, field) in selected.each(Self::NAME, "products") {
                let mut products = pages::<Product>(ctx, &parents, "store_id", &field).await?;
                for store in stores.iter_mut() {
                    store.products.push(arguments.clone(), products.remove(&store.row.id.uuid()).unwrap_or_default());
                }
            }
            for (arguments, field) in selected.each(Self::NAME, "alerts") {
                let mut alerts = pages::<Alert>(ctx, &parents, "store_id", &field).await?;
                for store in stores.iter_mut() {
                    store.alerts.push(arguments.clone(), alerts.remove(&store.row.id.uuid()).unwrap_or_default());
                }
            }
            for (arguments, field) in selected.each(Self::NAME, "syncRuns") {
                let mut runs = pages::<SyncRun>(ctx, &parents, "store_id", &field).await?;
                for store in stores.iter_mut() {
                    store.sync_runs.push(arguments.clone(), runs.remove(&store.row.id.uuid()).unwrap_or_default());
                }
            }
            Ok(())
        }
        .boxed()
    }
}
