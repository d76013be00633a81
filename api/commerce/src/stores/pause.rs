//! Stores that are paused: kept, shown and told of by webhooks, but not synced and not asked.

use chrono::{DateTime, Utc};
use entities::tables::stores::Column;
use entities::{EventType, StoreId, StoreStatus};
use platform::callers::actions::ManageStores;
use platform::{Change, OpCtx};
use serde_json::json;

use super::error::StoreError;
use super::row::StoreRow;
use super::service::Stores;
use super::store::{locked, update, written};
use crate::{health, sync};

impl Stores {
    /// Pauses a store: its syncs stop, none begins, and its shop is not asked whether it answers. What the shop tells by webhooks goes on
    /// being taken. One that is paused stays so.
    pub async fn pause(&self, ctx: &OpCtx, id: StoreId) -> Result<StoreRow, StoreError> {
        self.turn(ctx, id, StoreStatus::Inactive).await
    }

    /// Has a paused store work again: what was stopped is taken up, and what has changed meanwhile is fetched. One that works stays as it is.
    pub async fn resume(&self, ctx: &OpCtx, id: StoreId) -> Result<StoreRow, StoreError> {
        self.turn(ctx, id, StoreStatus::Active).await
    }

    async fn turn(&self, ctx: &OpCtx, id: StoreId, to: StoreStatus) -> Result<StoreRow, StoreError> {
        let permit = ctx.authorize::<ManageStores>()?;
        let pauses = to == StoreStatus::Inactive;
        let (name, event) = if pauses { ("storePause", EventType::StorePaused) } else { ("storeResume", EventType::StoreResumed) };
        let tx = ctx.writer().await?;
        let store = locked(&tx, &permit, id).await?.ok_or(StoreError::NotFound("store"))?;
        if store.status == StoreStatus::Uninstalled {
            return Err(StoreError::Uninstalled);
        }
        let change = Change::new(name, store.tenant_id).subject(id).before(&store);
        if store.status == to {
            // That it was asked for is known; nothing has happened.
            ctx.commit(tx, change.after(&store)).await?;
            return Ok(store);
        }
        let (now, trace) = (ctx.now(), ctx.trace());
        let paused_at: Option<DateTime<Utc>> = pauses.then_some(now);
        update(&tx, &permit, &store, vec![(Column::Status, to.as_str().into()), (Column::PausedAt, paused_at.into())], now).await?;
        if pauses {
            sync::stop_for_now(&tx, &trace, store.tenant_id, id).await?;
            health::forget(&tx, store.tenant_id, id).await?;
        } else {
            sync::take_up(&tx, &trace, store.tenant_id, id, store.paused_at).await?;
        }
        let row = written(&tx, &permit, id).await?;
        ctx.commit(tx, change.after(&row).announce_with(event, Some(id), json!({ "storeId": id }))).await?;
        Ok(row)
    }
}
