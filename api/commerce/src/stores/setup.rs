//! What an app that is embedded in a shop keeps of it here: its settings, and whether the first set-up has been gone through.

use entities::tables::stores::Column;
use entities::{EventType, StoreId, StoreStatus};
use platform::callers::actions::SetUpStores;
use platform::{Change, OpCtx};

use super::error::StoreError;
use super::row::StoreRow;
use super::service::Stores;
use super::store::{json_object, locked, update, written};

/// What to change of a store's set-up.
#[derive(Clone, Debug, Default)]
pub struct SetupChanges {
    /// Settings of the app as it is embedded in the shop: a JSON object.
    pub embedded_settings: Option<serde_json::Value>,
    /// Whether its first set-up has been gone through.
    pub initial_setup_completed: Option<bool>,
}

impl Stores {
    /// Changes a store's set-up: the merchant in their own shop, or who looks after it.
    pub async fn update_setup(&self, ctx: &OpCtx, id: StoreId, changes: SetupChanges) -> Result<StoreRow, StoreError> {
        let permit = ctx.authorize::<SetUpStores>()?;
        let tx = ctx.writer().await?;
        let store = locked(&tx, &permit, id).await?.ok_or(StoreError::NotFound("store"))?;
        if store.status == StoreStatus::Uninstalled {
            return Err(StoreError::Uninstalled);
        }
        let mut values = Vec::with_capacity(3);
        if let Some(settings) = changes.embedded_settings {
            values.push((Column::EmbeddedSettings, json_object("embeddedSettings", settings)?.into()));
        }
        if let Some(completed) = changes.initial_setup_completed {
            values.push((Column::InitialSetupCompleted, completed.into()));
        }
        update(&tx, &permit, &store, values, ctx.now()).await?;
        let row = written(&tx, &permit, id).await?;
        let change = Change::new("storeSetupUpdate", store.tenant_id).subject(id).before(&store).after(&row);
        ctx.commit(tx, change.announce(EventType::StoreUpdated, "storeId")).await?;
        Ok(row)
    }
}
