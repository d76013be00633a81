//! Connecting and changing stores.

use async_graphql::{Context, ID, InputObject, Json, MaybeUndefined, Object, Result};
use commerce::stores::{NewStore, StoreChanges, StoreRow};
use entities::StoreId;

use super::stores::Store;
use crate::graphql::enums::{StoreDataKind, StoreStatus};
use crate::graphql::input::id;
use crate::graphql::objects::plan;
use crate::graphql::payload::payload;
use crate::graphql::people::changed;
use crate::graphql::scalars::CurrencyCode;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// A shop to be connected.
#[derive(InputObject)]
pub struct StoreConnectInput {
    /// The shop system.
    #[graphql(default = "shopify")]
    provider: String,
    /// The shop's domain at the provider, such as `example.myshopify.com`.
    domain: String,
    /// The token with which the shop is read. It is sealed, and never shown again.
    #[graphql(secret)]
    access_token: String,
    /// The app's key, where the shop has an app of its own.
    api_key: Option<String>,
    /// The app's secret, where the shop has an app of its own. It is sealed, and never shown again.
    #[graphql(secret)]
    api_secret: Option<String>,
    /// The name that people see, at most 100 characters; the domain when left out.
    name: Option<String>,
    /// What it is, at most 500 characters.
    description: Option<String>,
    /// What its data is for.
    #[graphql(default_with = "StoreDataKind::Production")]
    data_kind: StoreDataKind,
    /// What the provider lets us do: the provider's scopes.
    #[graphql(default)]
    scopes: Vec<String>,
    /// The time zone in which its days are counted (IANA).
    #[graphql(default = "Asia/Tokyo")]
    time_zone: String,
    /// The currency of its orders. Orders in another are rejected.
    #[graphql(default_with = "CurrencyCode(entities::Currency::JPY)")]
    currency_code: CurrencyCode,
    /// The tenant: only a platform administrator names it.
    tenant_id: Option<ID>,
}

/// What to change of a store. What is left out stays; null empties what may be empty.
#[derive(InputObject)]
pub struct StoreUpdateInput {
    /// The store.
    id: ID,
    /// The name that people see, at most 100 characters.
    name: Option<String>,
    /// What it is, at most 500 characters.
    description: MaybeUndefined<String>,
    /// What its data is for.
    data_kind: Option<StoreDataKind>,
    /// ACTIVE or INACTIVE. UNINSTALLED is set by the provider.
    status: Option<StoreStatus>,
    /// Settings of its own: a JSON object of at most 64 KiB, which takes the place of the old one.
    settings: Option<Json<serde_json::Value>>,
    /// Settings of the app as it is embedded in the shop: a JSON object of at most 64 KiB, which takes the place of the old one.
    embedded_settings: Option<Json<serde_json::Value>>,
    /// The time zone in which its days are counted (IANA).
    time_zone: Option<String>,
    /// Whether its first set-up has been gone through.
    initial_setup_completed: Option<bool>,
    /// A new token with which the shop is read. It is sealed, and never shown again. A store that is UNINSTALLED is ACTIVE with it, and keeps its
    /// data.
    #[graphql(secret)]
    access_token: Option<String>,
}

payload! {
    /// What came of storeConnect.
    StoreConnectPayload {
        /// The store.
        store: Store,
    }
    /// What came of storeUpdate.
    StoreUpdatePayload {
        /// The store.
        store: Store,
    }
}

/// Changing stores.
#[derive(Default)]
pub struct StoreMutation;

/// The store as it was written, with what is selected of it below the payload's field.
async fn in_payload(ctx: &Context<'_>, row: StoreRow, payload: &str) -> Result<Option<Store>> {
    Ok(plan::<Store>(op(ctx)?, vec![row], Selected::of(ctx).one(payload, "store").as_ref()).await?.pop())
}

#[Object]
impl StoreMutation {
    /// Connects a shop to the tenant; its credentials are sealed. Needs `stores:write`.
    async fn store_connect(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The shop.")] input: StoreConnectInput,
        #[graphql(desc = "A key of the caller's choice, 1 to 255 bytes, remembered for a day: a retry under the same key answers with the same store.")]
        idempotency_key: Option<String>,
    ) -> Result<StoreConnectPayload> {
        let new = NewStore {
            tenant: input.tenant_id.as_ref().map(id).transpose()?,
            provider: input.provider,
            domain: input.domain,
            access_token: input.access_token.into(),
            api_key: input.api_key,
            api_secret: input.api_secret.map(Into::into),
            name: input.name,
            description: input.description,
            data_kind: input.data_kind.into(),
            scopes: input.scopes,
            time_zone: input.time_zone,
            currency: input.currency_code.0,
        };
        match services(ctx)?.stores.connect(op(ctx)?, new, idempotency_key.as_deref()).await {
            Ok(row) => Ok(StoreConnectPayload { store: in_payload(ctx, row, "StoreConnectPayload").await?, user_errors: Vec::new() }),
            Err(error) => StoreConnectPayload::refused(error),
        }
    }

    /// Changes a store. Needs `stores:write`.
    async fn store_update(&self, ctx: &Context<'_>, #[graphql(desc = "What to change.")] input: StoreUpdateInput) -> Result<StoreUpdatePayload> {
        let id = id::<StoreId>(&input.id)?;
        let changes = StoreChanges {
            name: input.name,
            description: changed(input.description),
            data_kind: input.data_kind.map(Into::into),
            status: input.status.map(Into::into),
            settings: input.settings.map(|Json(settings)| settings),
            embedded_settings: input.embedded_settings.map(|Json(settings)| settings),
            time_zone: input.time_zone,
            initial_setup_completed: input.initial_setup_completed,
            access_token: input.access_token.map(Into::into),
        };
        match services(ctx)?.stores.update(op(ctx)?, id, changes).await {
            Ok(row) => Ok(StoreUpdatePayload { store: in_payload(ctx, row, "StoreUpdatePayload").await?, user_errors: Vec::new() }),
            Err(error) => StoreUpdatePayload::refused(error),
        }
    }
}
