//! Connecting and changing stores.

use async_graphql::{Context, ID, InputObject, Json, MaybeUndefined, Object, Result};
use commerce::stores::{NewStore, SetupChanges, StoreChanges, StoreRow};
use entities::StoreId;

use super::stores::Store;
use crate::graphql::enums::StoreDataKind;
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
    /// Settings of its own: a JSON object of at most 64 KiB, which takes the place of the old one.
    settings: Option<Json<serde_json::Value>>,
    /// The time zone in which its days are counted (IANA).
    time_zone: Option<String>,
    /// A new token with which the shop is read. It is sealed, and never shown again. A store that is UNINSTALLED is ACTIVE with it, and keeps its
    /// data.
    #[graphql(secret)]
    access_token: Option<String>,
}

/// What to change of a store's set-up. What is left out stays.
#[derive(InputObject)]
pub struct StoreSetupUpdateInput {
    /// The store.
    id: ID,
    /// Settings of the app as it is embedded in the shop: a JSON object of at most 64 KiB, which takes the place of the old one.
    embedded_settings: Option<Json<serde_json::Value>>,
    /// Whether its first set-up has been gone through.
    initial_setup_completed: Option<bool>,
}

/// Which store to pause.
#[derive(InputObject)]
pub struct StorePauseInput {
    /// The store.
    id: ID,
}

/// Which store to resume.
#[derive(InputObject)]
pub struct StoreResumeInput {
    /// The store.
    id: ID,
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
    /// What came of storeSetupUpdate.
    StoreSetupUpdatePayload {
        /// The store.
        store: Store,
    }
    /// What came of storePause.
    StorePausePayload {
        /// The store.
        store: Store,
    }
    /// What came of storeResume.
    StoreResumePayload {
        /// The store; its `syncRuns` show what is fetched now.
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
            settings: input.settings.map(|Json(settings)| settings),
            time_zone: input.time_zone,
            access_token: input.access_token.map(Into::into),
        };
        match services(ctx)?.stores.update(op(ctx)?, id, changes).await {
            Ok(row) => Ok(StoreUpdatePayload { store: in_payload(ctx, row, "StoreUpdatePayload").await?, user_errors: Vec::new() }),
            Err(error) => StoreUpdatePayload::refused(error),
        }
    }

    /// Changes a store's set-up. Needs `stores:write`, or a merchant in their own shop.
    async fn store_setup_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: StoreSetupUpdateInput,
    ) -> Result<StoreSetupUpdatePayload> {
        let changes =
            SetupChanges { embedded_settings: input.embedded_settings.map(|Json(settings)| settings), initial_setup_completed: input.initial_setup_completed };
        match services(ctx)?.stores.update_setup(op(ctx)?, id::<StoreId>(&input.id)?, changes).await {
            Ok(row) => Ok(StoreSetupUpdatePayload { store: in_payload(ctx, row, "StoreSetupUpdatePayload").await?, user_errors: Vec::new() }),
            Err(error) => StoreSetupUpdatePayload::refused(error),
        }
    }

    /// Pauses a store: it is INACTIVE until storeResume. Its syncs stop, none begins, and its shop is not asked whether it answers; what the
    /// shop tells by webhooks is taken all the same, so that what is known stays up to date. A store that is paused stays so; of one whose
    /// app was removed it is refused (STORE_UNINSTALLED). Needs `stores:write`.
    async fn store_pause(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: StorePauseInput) -> Result<StorePausePayload> {
        match services(ctx)?.stores.pause(op(ctx)?, id::<StoreId>(&input.id)?).await {
            Ok(row) => Ok(StorePausePayload { store: in_payload(ctx, row, "StorePausePayload").await?, user_errors: Vec::new() }),
            Err(error) => StorePausePayload::refused(error),
        }
    }

    /// Has a paused store work again: it is ACTIVE, and its syncs begin by themselves as before. An INCREMENT that begins at once fetches
    /// what has changed meanwhile, and a FULL sync that the pause has stopped begins anew. A store that works stays as it is; of one whose
    /// app was removed it is refused (STORE_UNINSTALLED). Needs `stores:write`.
    async fn store_resume(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: StoreResumeInput) -> Result<StoreResumePayload> {
        match services(ctx)?.stores.resume(op(ctx)?, id::<StoreId>(&input.id)?).await {
            Ok(row) => Ok(StoreResumePayload { store: in_payload(ctx, row, "StoreResumePayload").await?, user_errors: Vec::new() }),
            Err(error) => StoreResumePayload::refused(error),
        }
    }
}
