//! How apps came into stores' shops, whether the shops answer, and how installations are begun and ended.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Json, Object, Result};
use chrono::{DateTime, Utc};
use commerce::health::StoreHealthRow;
use commerce::installs::{BeginInstall, InstallationEventRow, InstallationRow};
use entities::{ConnectionId, StoreId};
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::OpCtx;

use super::stores::Store;
use super::{NoFilter, parent};
use crate::graphql::enums::{InstallationAction, StoreHealthStatus};
use crate::graphql::inbox::ProviderRegistration;
use crate::graphql::input::id;
use crate::graphql::objects::{Planned, Slot, object, pages, plan, referred};
use crate::graphql::payload::payload;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

object! {
    /// How an app came into a store's shop, and what opens it. Tokens are sealed and never shown.
    StoreInstallation(InstallationRow) {
        /// What the app asks for and the merchant has not granted: a list of the provider's scopes, as of when the store was set up or its
        /// scopes changed. What has been granted is the store's `scopes`.
        missing_scopes: Json<serde_json::Value> = |row| Json(row.missing_scopes.clone());
        /// Webhooks that the shop refuses: a list of objects with `topic` and `reason`.
        refused_topics: Json<serde_json::Value> = |row| Json(row.refused_topics.clone());
        /// Until when the access token is good (UTC); it is renewed before. Null for one that lasts.
        access_expires_at: Option<DateTime<Utc>> = |row| row.access_token_expires_at;
        /// Until when the token is good that the next one is got with (UTC); it is renewed halfway through.
        refresh_expires_at: Option<DateTime<Utc>> = |row| row.refresh_token_expires_at;
        /// Since when the shop does not let the app in any more (UTC): the merchant has to install it again.
        authorization_lost_at: Option<DateTime<Utc>> = |row| row.authorization_lost_at;
        /// When the store was set up, its webhooks registered (UTC); null while that is under way.
        set_up_at: Option<DateTime<Utc>> = |row| row.set_up_at;
        /// Why it is not set up yet, or not wholly.
        set_up_error: Option<String> = |row| row.set_up_error.clone();
    }
    one {
        /// The app: null for a store that was connected with a token, and for callers who may not see connections.
        connection: ProviderRegistration;
    }
    pages {
        /// What happened to it, the newest first.
        history: InstallationEvent;
    }
}

object! {
    /// Something that happened to the installation of an app.
    InstallationEvent(InstallationEventRow) {
        /// Opaque id, `installationevent_…`.
        id: ID = |row| row.id.to_string().into();
        /// What happened.
        action: InstallationAction = |row| row.action.into();
        /// What was granted from then on: a list of the provider's scopes; null where that is not what it is about.
        scopes: Option<Json<serde_json::Value>> = |row| row.scopes.clone().map(Json);
        /// What is to be known of it, for people.
        message: Option<String> = |row| row.message.clone();
        /// When it happened (UTC).
        occurred_at: DateTime<Utc> = |row| row.occurred_at;
    }
}

object! {
    /// Whether a store's shop answers. It is asked about four times an hour while the store is ACTIVE.
    StoreHealth(StoreHealthRow) {
        /// How it is.
        status: StoreHealthStatus = |row| row.status.into();
        /// Calls in a row that failed; with the third the store is UNHEALTHY.
        consecutive_failures: i64 = |row| row.consecutive_failures;
        /// Why the last call failed; null when it did not.
        error_message: Option<String> = |row| row.error_message.clone();
        /// How long the last answer took, in milliseconds.
        response_milliseconds: Option<i64> = |row| row.response_ms;
        /// When it was last called (UTC).
        checked_at: DateTime<Utc> = |row| row.checked_at;
        /// When it last answered (UTC).
        healthy_at: Option<DateTime<Utc>> = |row| row.healthy_at;
        /// Since when it is unhealthy (UTC).
        unhealthy_since: Option<DateTime<Utc>> = |row| row.unhealthy_since_at;
    }
}

macro_rules! planned_parts {
    ($($name:ident of $row:ty;)*) => {$(
        impl Planned for $name {
            type Row = $row;
            type FilterInput = NoFilter;
            type OrderInput = NoFilter;
            const NAME: &'static str = stringify!($name);

            fn bare(row: $row) -> Self {
                Self::unrelated(row)
            }

            fn row(&self) -> &$row {
                &self.row
            }

            fn relate<'a>(_: &'a OpCtx, _: &'a mut [Self], _: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
                async { Ok(()) }.boxed()
            }
        }
    )*};
}

planned_parts! {
    InstallationEvent of InstallationEventRow;
    StoreHealth of StoreHealthRow;
}

impl Planned for StoreInstallation {
    type Row = InstallationRow;
    type FilterInput = NoFilter;
    type OrderInput = NoFilter;
    const NAME: &'static str = "StoreInstallation";

    fn bare(row: InstallationRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &InstallationRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, installations: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "connection") {
                let refs = installations.iter().filter_map(|of| Some(parent(of.row.tenant_id, of.row.connection_id?)));
                // Whoever sees a store sees its installation, but not by which connection if those are not theirs to see.
                let connections = match referred::<ProviderRegistration>(ctx, refs, &selected).await? {
                    Slot::Denied(_) => Slot::Loaded(HashMap::new()),
                    seen => seen,
                };
                for of in installations.iter_mut() {
                    of.connection = match of.row.connection_id {
                        Some(connection) => connections.map(|found| found.get(&connection.uuid()).cloned()),
                        None => Slot::Loaded(None),
                    };
                }
            }
            let parents: Vec<_> = installations.iter().map(|of| parent(of.row.tenant_id, of.row.id)).collect();
            for (arguments, field) in selected.each(Self::NAME, "history") {
                let mut history = pages::<InstallationEvent>(ctx, &parents, "store_id", &field).await?;
                for of in installations.iter_mut() {
                    of.history.push(arguments.clone(), history.remove(&of.row.id.uuid()).unwrap_or_default());
                }
            }
            Ok(())
        }
        .boxed()
    }
}

/// An installation to be begun.
#[derive(InputObject)]
pub struct StoreInstallBeginInput {
    /// The app.
    connection_id: ID,
    /// The shop's domain at the provider, such as `example.myshopify.com`.
    shop: String,
}

/// From which store's shop the app is to be removed.
#[derive(InputObject)]
pub struct StoreUninstallInput {
    /// The store.
    id: ID,
}

payload! {
    /// What came of storeInstallBegin.
    StoreInstallBeginPayload {
        /// The address to be opened in the merchant's browser within an hour: it leads on to the shop, where the merchant agrees, and the
        /// shop sends that same browser back here.
        authorization_url: String,
        /// The shop's domain, in the one spelling that is stored.
        shop: String,
    }
    /// What came of storeUninstall.
    StoreUninstallPayload {
        /// The store, as it is before the shop was asked. Its `installation { history }` shows what becomes of it.
        store: Store,
    }
}

/// Beginning and ending installations.
#[derive(Default)]
pub struct InstallMutation;

#[Object]
impl InstallMutation {
    /// Begins to install an app in a shop. Once the merchant has agreed, the shop is a store: its webhooks are registered, and what was there
    /// before a removal is there again. Needs `stores:write`.
    async fn store_install_begin(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which app, and in which shop.")] input: StoreInstallBeginInput,
    ) -> Result<StoreInstallBeginPayload> {
        let begin = BeginInstall { connection: id::<ConnectionId>(&input.connection_id)?, shop: input.shop };
        match services(ctx)?.installs.begin(op(ctx)?, begin).await {
            Ok(begun) => Ok(StoreInstallBeginPayload { authorization_url: Some(begun.url), shop: Some(begun.shop), user_errors: Vec::new() }),
            Err(error) => StoreInstallBeginPayload::refused(error),
        }
    }

    /// Has the app removed from a store's shop. The shop is asked beside the request; then the store is UNINSTALLED, its tokens are erased,
    /// and its data is kept for 30 days, or until the shop asks for its erasure, which Shopify does 48 hours after a removal; unless the merchant
    /// installs the app again before. Where its token is void already, nobody is asked. Needs `stores:write`.
    async fn store_uninstall(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: StoreUninstallInput) -> Result<StoreUninstallPayload> {
        match services(ctx)?.installs.uninstall(op(ctx)?, id::<StoreId>(&input.id)?).await {
            Ok(row) => {
                let selected = Selected::of(ctx);
                let store = plan::<Store>(op(ctx)?, vec![row], selected.one("StoreUninstallPayload", "store").as_ref()).await?.pop();
                Ok(StoreUninstallPayload { store, user_errors: Vec::new() })
            }
            Err(error) => StoreUninstallPayload::refused(error),
        }
    }
}
