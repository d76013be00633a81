//! What becomes of a store's syncs while it is paused: they stop, and what they would have brought is fetched when it is resumed.

use chrono::{DateTime, Utc};
use entities::{StoreId, SyncKind, TenantId};
use integrations::ports::shop::DataKind;
use platform::db::is_sqlite;
use platform::jobs::hasten;
use platform::{DbErr, Trace, Tx};
use sea_orm::ConnectionTrait;

use super::jobs::STEP;
use super::service::{insert, request, request_first, stop_all};
use super::store::{self, At, NewRun};

/// Stops the runs of a store. What they have written stays, and so does up to where increments have come.
pub(crate) async fn stop_for_now(tx: &Tx, trace: &Trace, tenant: TenantId, store: StoreId) -> Result<(), DbErr> {
    let stopped = stop_all(tx, trace, tenant, store, "the store was paused").await?;
    let runs: Vec<String> = stopped.iter().map(ToString::to_string).collect();
    // What the shop still prepares for them is called off.
    hasten(tx, trace, STEP, &runs).await.map(drop)
}

/// Fetches what a store lacks that was paused since then: all of what a full run was stopped at, or the first one that never began; and
/// what has changed since the last increment.
pub(crate) async fn take_up(tx: &Tx, trace: &Trace, tenant: TenantId, store: StoreId, paused_at: Option<DateTime<Utc>>) -> Result<(), DbErr> {
    let at = At { tenant, store, run: trace.new_id() };
    if let Some(stopped) = stopped_full(tx, at, paused_at).await? {
        insert(tx, trace, at, &stopped).await?;
    } else if let Some(installed_at) = set_up_since(tx, at).await? {
        request_first(tx, trace, tenant, store, installed_at).await?;
    }
    if store::checkpoint(tx, at, DataKind::Orders.as_str()).await?.is_some() {
        request(tx, trace, tenant, store, SyncKind::Increment).await?;
    }
    Ok(())
}

/// The full run that was stopped by a pause, to be run again.
async fn stopped_full(tx: &Tx, at: At, paused_at: Option<DateTime<Utc>>) -> Result<Option<NewRun>, DbErr> {
    let Some(paused_at) = paused_at else { return Ok(None) };
    let sql = "select range_from, range_until, archived, warnings from sync_runs
               where tenant_id = $1 and store_id = $2 and kind = $3 and status = 'CANCELLED' and finished_at >= $4 order by finished_at desc limit 1";
    let values = [at.tenant.into(), at.store.into(), SyncKind::Full.as_str().into(), paused_at.into()];
    let Some(row) = tx.query_one_raw(store::statement(tx, sql, values)).await? else { return Ok(None) };
    Ok(Some(NewRun {
        kind: SyncKind::Full,
        from: row.try_get_by_index(0)?,
        until: row.try_get_by_index(1)?,
        archived: row.try_get_by_index(2)?,
        warnings: row.try_get_by_index(3)?,
    }))
}

/// Since when the app is in the shop, once the store was set up; whose data is fetched by itself then.
async fn set_up_since(tx: &Tx, at: At) -> Result<Option<DateTime<Utc>>, DbErr> {
    let sql = "select s.installed_at from stores s join installations i on i.tenant_id = s.tenant_id and i.id = s.id
               where s.tenant_id = $1 and s.id = $2 and i.connection_id is not null and i.set_up_at is not null";
    let row = tx.query_one_raw(store::statement(tx, sql, [at.tenant.into(), at.store.into()])).await?;
    row.map_or(Ok(None), |row| row.try_get_by_index(0))
}

/// Whether a store works. Nobody pauses it until the transaction ends.
pub(super) async fn works(tx: &Tx, tenant: TenantId, store: StoreId) -> Result<bool, DbErr> {
    // SQLite has one writer.
    let held = if is_sqlite(tx.get_database_backend()) { "" } else { "for share" };
    let sql = format!("select 1 from stores where tenant_id = $1 and id = $2 and status = 'ACTIVE' {held}");
    Ok(tx.query_one_raw(store::statement(tx, sql, [tenant.into(), store.into()])).await?.is_some())
}
