//! Runs of syncs, and what of a store is synced.

use async_graphql::{Context, ID, InputObject, Json, Object, Result};
use chrono::{DateTime, Utc};
use commerce::sync::{SyncError, SyncRunRow, SyncRunSort, SyncSettings as Settings};
use entities::StoreId;
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::OpCtx;

use super::store_of;
use super::stores::Store;
use crate::graphql::enums::{SyncKind, SyncPhase, SyncStatus};
use crate::graphql::errors::{IntoGraphql, bad_input};
use crate::graphql::input::{self, ids, order_input};
use crate::graphql::node::find;
use crate::graphql::objects::{IntoFilter, Planned, object, referred};
use crate::graphql::render::Rendered;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

object! {
    /// A run that brings a store's data up to date. It is complete or not done: when the shop says that there is more than has come, the
    /// run is not COMPLETED, and the next increment begins where the last one that was complete ended.
    SyncRun(SyncRunRow) {
        /// Opaque id, `syncrun_…`.
        id: ID = |row| row.id.to_string().into();
        /// What it brings.
        kind: SyncKind = |row| row.kind.into();
        /// How far it is.
        status: SyncStatus = |row| row.status.into();
        /// What it is doing.
        phase: SyncPhase = |row| row.phase.into();
        /// Orders from then on (UTC); null for all.
        range_from: Option<DateTime<Utc>> = |row| row.range_from;
        /// Orders before then (UTC); null for all.
        range_until: Option<DateTime<Utc>> = |row| row.range_until;
        /// Whether what the merchant has archived is asked for too.
        archived: bool = |row| row.archived;
        /// Objects that the shop says there are, lines of orders and variants of products counted as soon as that is known. For a
        /// reconciliation: days that are compared.
        asked: i64 = |row| row.asked;
        /// Objects that have come.
        received: i64 = |row| row.received;
        /// New rows: customers, products, variants, orders and their lines.
        created: i64 = |row| row.created;
        /// Rows that were known and are different now.
        updated: i64 = |row| row.updated;
        /// Rows that were the same, or known as of a later moment.
        unchanged: i64 = |row| row.unchanged;
        /// Customers, products and orders that the shop has no more.
        deleted: i64 = |row| row.deleted;
        /// Objects that could not be taken; `rejections` says why.
        rejected: i64 = |row| row.rejected;
        /// How much of what was asked for has come, 0 to 100; null while nobody knows how much there is.
        percent: Option<f64> = |row| row.percent();
        /// Objects a second since it was begun.
        rate: Option<f64> = |row| row.rate();
        /// About how many seconds are left, at that rate.
        seconds_left: Option<i64> = |row| row.seconds_left();
        /// What went wrong last: why it failed, or, while it runs, why it tries again.
        error_message: Option<String> = |row| row.error_message.clone();
        /// What is to be known beside: a list of `{code, message}`. ORDERS_OUT_OF_REACH: a scope is not granted, and older orders are kept from the app.
        /// REPAIRED: a reconciliation found days that differed.
        warnings: Json<serde_json::Value> = |row| Json(row.warnings.clone());
        /// The first of the objects that could not be taken: a list of `{kind, externalId, reason}`, at most 100.
        rejections: Json<serde_json::Value> = |row| Json(row.rejections.clone());
        /// When it was asked for (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was begun (UTC).
        started_at: Option<DateTime<Utc>> = |row| row.started_at;
        /// When it ended (UTC).
        finished_at: Option<DateTime<Utc>> = |row| row.finished_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The store.
        store: Store;
    }
}

/// Which runs: everything that is given must hold.
#[derive(InputObject)]
pub struct SyncRunFilter {
    /// Of one of these stores.
    store_ids: Option<Vec<ID>>,
    /// Of one of these kinds.
    kinds: Option<Vec<SyncKind>>,
    /// In one of these states.
    statuses: Option<Vec<SyncStatus>>,
}

impl IntoFilter<commerce::sync::SyncRunFilter> for SyncRunFilter {
    fn into_filter(self) -> Result<commerce::sync::SyncRunFilter> {
        Ok(commerce::sync::SyncRunFilter {
            store_ids: ids(self.store_ids)?,
            kinds: self.kinds.map(|all| all.into_iter().map(Into::into).collect()),
            statuses: self.statuses.map(|all| all.into_iter().map(Into::into).collect()),
        })
    }
}

order_input! {
    /// The order of a list of runs. Without it: the newest first.
    SyncRunOrder by
    /// What runs are sorted by.
    SyncRunSortKey for SyncRunSort {
        /// When they were asked for.
        CreatedAt,
    }
    default CreatedAt Desc
}

impl Planned for SyncRun {
    type Row = SyncRunRow;
    type FilterInput = SyncRunFilter;
    type OrderInput = SyncRunOrder;
    const NAME: &'static str = "SyncRun";

    fn bare(row: SyncRunRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &SyncRunRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, runs: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "store") {
                let refs = runs.iter().map(|run| store_of(run.row.tenant_id, run.row.store_id));
                let stores = referred::<Store>(ctx, refs, &selected).await?;
                for run in runs.iter_mut() {
                    run.store = stores.map(|found| found.get(&run.row.store_id.uuid()).cloned());
                }
            }
            Ok(())
        }
        .boxed()
    }
}

/// What of a store is synced, and how often.
pub struct SyncSettings(pub(super) Settings);

/// What of a store is synced, and how often.
#[Object]
impl SyncSettings {
    /// The store.
    async fn store_id(&self) -> ID {
        self.0.store_id.to_string().into()
    }

    /// How many years back a FULL sync fetches orders; null for all. Customers and products always come whole.
    async fn years_back(&self) -> Option<i32> {
        self.0.years_back
    }

    /// Whether what the merchant has archived is fetched too.
    async fn archived(&self) -> bool {
        self.0.archived
    }

    /// Minutes between increments; 0 for none by themselves.
    async fn interval_minutes(&self) -> i32 {
        self.0.interval_minutes
    }

    /// How many days back the daily reconciliation compares; 0 for none by itself.
    async fn reconciled_days(&self) -> i32 {
        self.0.reconciled_days
    }

    /// When somebody changed them (UTC); null while nobody has.
    async fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.0.updated_at
    }
}

/// Reading syncs.
#[derive(Default)]
pub struct SyncQuery;

#[Object]
impl SyncQuery {
    /// One run of a sync; null if it is missing or another tenant's. Needs `stores:read`.
    async fn sync_run(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<SyncRun>>> {
        Ok(find(ctx, input::id::<entities::SyncRunId>(&id)?.uuid()).await?.map(Rendered))
    }

    /// What of a store is synced, and how often; null if the store is missing or another tenant's. Needs `stores:read`.
    async fn store_sync_settings(&self, ctx: &Context<'_>, #[graphql(desc = "The store.")] store_id: ID) -> Result<Option<SyncSettings>> {
        let settings = services(ctx)?.syncs.settings(op(ctx)?, input::id::<StoreId>(&store_id)?).await;
        Ok(settings.map_err(refused)?.map(SyncSettings))
    }
}

fn refused(error: SyncError) -> async_graphql::Error {
    match error {
        SyncError::Denied(denied) => denied.into_graphql(),
        SyncError::Storage(error) => error.into_graphql(),
        other => bad_input(other),
    }
}
