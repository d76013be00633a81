//! Connections to providers. The type does not end with "Connection": by the Relay specification that would be a list.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Json, Object, Result};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use people::connections::{ConnectionRow, ConnectionSort};
use platform::OpCtx;

use crate::graphql::enums::ConnectionStatus;
use crate::graphql::errors::internal;
use crate::graphql::input::{order_input, texts};
use crate::graphql::objects::{IntoFilter, One, Planned};
use crate::graphql::people::Tenant;
use crate::graphql::render::{Render, Shape};
use crate::graphql::selection::Selected;
use crate::graphql::services::services;

/// An app's or account's registration with a provider. Its secrets are sealed and never shown.
pub struct ProviderRegistration {
    row: ConnectionRow,
    tenant: One<Tenant>,
}

/// An app's or account's registration with a provider, by which the provider's webhooks come in. Its secrets are sealed and
/// never shown.
#[Object]
impl ProviderRegistration {
    /// Opaque id, `connection_…`.
    pub(in crate::graphql) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The provider, such as `shopify`.
    async fn provider(&self) -> &str {
        &self.row.provider
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// The provider's id of the app or account: for an app that merchants install, its client id.
    async fn account(&self) -> Option<&str> {
        self.row.account.as_deref()
    }

    /// What the app asks merchants for, in the provider's words.
    async fn scopes(&self) -> Json<serde_json::Value> {
        Json(self.row.scopes.clone())
    }

    /// The version of the provider's API that is spoken; null for the program's own.
    async fn api_version(&self) -> Option<&str> {
        self.row.api_version.as_deref()
    }

    /// Where merchants come from the provider's side to let the app in: a path, with the address before it where the setting `public_url`
    /// tells that. For Shopify it is the app's URL; the same with `/callback` behind it is its allowed redirection URL.
    async fn install_url(&self, ctx: &Context<'_>) -> Result<String> {
        let before = services(ctx)?.installs.public_url().unwrap_or_default();
        Ok(format!("{before}/install/{}/{}", self.row.provider, self.row.id))
    }

    /// Whether it takes deliveries.
    async fn status(&self) -> ConnectionStatus {
        self.row.status.into()
    }

    /// Where the provider is to send its webhooks: a path, with the address before it where the setting `public_url` tells that.
    async fn webhook_url(&self, ctx: &Context<'_>) -> Result<String> {
        let before = services(ctx)?.installs.public_url().unwrap_or_default();
        Ok(format!("{before}/webhooks/{}/{}", self.row.provider, self.row.id))
    }

    /// Until when deliveries that are signed with the previous secret are taken (UTC); null when there is no previous secret.
    async fn previous_secret_until(&self) -> Option<DateTime<Utc>> {
        self.row.previous_webhook_secret_until
    }

    /// When it was registered (UTC).
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When it was last changed (UTC).
    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }

    /// The tenant that it belongs to.
    async fn tenant(&self) -> Result<Option<&Tenant>> {
        Ok(self.tenant.get()?.as_deref())
    }
}

/// Its address depends on a setting, so it is resolved field by field.
impl Render for ProviderRegistration {
    fn shape(_: &Selected<'_>) -> Option<Shape> {
        None
    }

    fn render(&self, _: &Shape, _: &mut Vec<u8>) -> Result<()> {
        Err(internal("a connection has no shape to be rendered in"))
    }
}

/// Which connections: everything that is given must hold.
#[derive(InputObject)]
pub struct ProviderRegistrationFilter {
    /// With one of these providers.
    providers: Option<Vec<String>>,
    /// In one of these states.
    statuses: Option<Vec<ConnectionStatus>>,
}

impl IntoFilter<people::connections::ConnectionFilter> for ProviderRegistrationFilter {
    fn into_filter(self) -> Result<people::connections::ConnectionFilter> {
        Ok(people::connections::ConnectionFilter {
            providers: texts(self.providers)?,
            statuses: self.statuses.map(|all| all.into_iter().map(Into::into).collect()),
        })
    }
}

order_input! {
    /// The order of a list of connections. Without it: the oldest first.
    ProviderRegistrationOrder by
    /// What connections are sorted by.
    ProviderRegistrationSortKey for ConnectionSort {
        /// When they were registered.
        CreatedAt,
    }
    default CreatedAt Asc
}

impl Planned for ProviderRegistration {
    type Row = ConnectionRow;
    type FilterInput = ProviderRegistrationFilter;
    type OrderInput = ProviderRegistrationOrder;
    const NAME: &'static str = "ProviderRegistration";

    fn bare(row: ConnectionRow) -> Self {
        Self { row, tenant: One::default() }
    }

    fn row(&self) -> &ConnectionRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, connections: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "tenant") {
                let tenants = Tenant::referred(ctx, connections.iter().map(|connection| connection.row.tenant_id), &selected).await?;
                for connection in connections.iter_mut() {
                    connection.tenant = tenants.map(|found| found.get(&connection.row.tenant_id).map(Arc::clone));
                }
            }
            Ok(())
        }
        .boxed()
    }
}
