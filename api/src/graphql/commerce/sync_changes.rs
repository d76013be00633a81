//! Asking for syncs, stopping them, and saying what is synced.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};
use chrono::{DateTime, Utc};
use commerce::sync::{NewSync, SyncRunRow, SyncSettingsChanges};
use entities::{StoreId, SyncRunId};

use super::syncs::{SyncRun, SyncSettings};
use crate::graphql::enums::SyncKind;
use crate::graphql::input::id;
use crate::graphql::objects::plan;
use crate::graphql::payload::payload;
use crate::graphql::people::changed;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// A sync that is asked for.
#[derive(InputObject)]
pub struct StoreSyncInput {
    /// The store; it must be ACTIVE.
    store_id: ID,
    /// What it brings.
    #[graphql(default_with = "SyncKind::Full")]
    kind: SyncKind,
    /// Orders from then on (UTC), in place of the store's setting; for FULL alone.
    from: Option<DateTime<Utc>>,
    /// Orders before then (UTC); for FULL alone.
    until: Option<DateTime<Utc>>,
    /// Refuse with OUT_OF_REACH when the app's scopes keep a part of it; otherwise the run says so in its `warnings`.
    #[graphql(default)]
    require_whole: bool,
}

/// Which run to stop.
#[derive(InputObject)]
pub struct SyncCancelInput {
    /// The run.
    id: ID,
}

/// What to change of a store's sync settings. What is left out stays; null empties what may be empty.
#[derive(InputObject)]
pub struct StoreSyncSettingsUpdateInput {
    /// The store.
    store_id: ID,
    /// How many years back a FULL sync fetches orders, 1 to 50; null for all.
    years_back: MaybeUndefined<i32>,
    /// Whether what the merchant has archived is fetched too.
    archived: Option<bool>,
    /// Minutes between increments, 0 (none by themselves) to 1440.
    interval_minutes: Option<i32>,
    /// How many days back the daily reconciliation compares, 0 (none by itself) to 365.
    reconciled_days: Option<i32>,
}

payload! {
    /// What came of storeSync.
    StoreSyncPayload {
        /// The run, which begins at once; its `warnings` say what will be missing.
        sync_run: SyncRun,
    }
    /// What came of syncCancel.
    SyncCancelPayload {
        /// The run.
        sync_run: SyncRun,
    }
    /// What came of storeSyncSettingsUpdate.
    StoreSyncSettingsUpdatePayload {
        /// The settings.
        sync_settings: SyncSettings,
    }
}

/// The run as it was written, with what is selected of it below the payload's field.
async fn in_payload(ctx: &Context<'_>, row: SyncRunRow, payload: &str) -> Result<Option<SyncRun>> {
    Ok(plan::<SyncRun>(op(ctx)?, vec![row], Selected::of(ctx).one(payload, "syncRun").as_ref()).await?.pop())
}

/// Changing syncs.
#[derive(Default)]
pub struct SyncMutation;

#[Object]
impl SyncMutation {
    /// Has a store's data brought up to date. Of each kind one run of a store is under way at a time (SYNC_UNDER_WAY); an INCREMENT and
    /// a RECONCILIATION need a FULL one before them (NOTHING_SYNCED_YET). Needs `stores:write`, or a merchant in
    /// their own shop.
    async fn store_sync(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to bring.")] input: StoreSyncInput,
        #[graphql(desc = "A key of the caller's choice, 1 to 255 bytes, remembered for a day: a retry under the same key answers with the same run.")]
        idempotency_key: Option<String>,
    ) -> Result<StoreSyncPayload> {
        let new = NewSync { store: id::<StoreId>(&input.store_id)?, kind: input.kind.into(), from: input.from, until: input.until, whole: input.require_whole };
        match services(ctx)?.syncs.begin(op(ctx)?, new, idempotency_key.as_deref()).await {
            Ok(row) => Ok(StoreSyncPayload { sync_run: in_payload(ctx, row, "StoreSyncPayload").await?, user_errors: Vec::new() }),
            Err(error) => StoreSyncPayload::refused(error),
        }
    }

    /// Stops a sync. What it has written stays, and nothing more is written. Needs `stores:write`, or a merchant in their own shop.
    async fn sync_cancel(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: SyncCancelInput) -> Result<SyncCancelPayload> {
        match services(ctx)?.syncs.cancel(op(ctx)?, id::<SyncRunId>(&input.id)?).await {
            Ok(row) => Ok(SyncCancelPayload { sync_run: in_payload(ctx, row, "SyncCancelPayload").await?, user_errors: Vec::new() }),
            Err(error) => SyncCancelPayload::refused(error),
        }
    }

    /// Changes what of a store is synced, and how often. Needs `stores:write`.
    async fn store_sync_settings_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: StoreSyncSettingsUpdateInput,
    ) -> Result<StoreSyncSettingsUpdatePayload> {
        let changes = SyncSettingsChanges {
            years_back: changed(input.years_back),
            archived: input.archived,
            interval_minutes: input.interval_minutes,
            reconciled_days: input.reconciled_days,
        };
        match services(ctx)?.syncs.update_settings(op(ctx)?, id::<StoreId>(&input.store_id)?, changes).await {
            Ok(settings) => Ok(StoreSyncSettingsUpdatePayload { sync_settings: Some(SyncSettings(settings)), user_errors: Vec::new() }),
            Err(error) => StoreSyncSettingsUpdatePayload::refused(error),
        }
    }
}
