//! Taking away what a run leaves behind: staged rows, and on SQLite the marks of its rows, or the rows that were never shown.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entities::{Currency, ImportRunId, ImportStatus, StoreId, TenantId};
use platform::db::Access;
use platform::{Clock, Database, Trace, Tx};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use uuid::Uuid;

use super::ending::OfFile;
use super::error::ImportError;
use super::lease::DEAD_AFTER;
use super::pace::Pace;
use super::scope::Run;
use super::slices::{SLICE, limited};
use crate::records::{REJECTIONS, SHAPES};

/// Cleans up after the earlier runs of the store that could not do it themselves.
pub(super) async fn clean_up_before(run: &Run) -> Result<(), ImportError> {
    for (earlier, status) in unclean(run).await? {
        clean_up(&earlier, status).await?;
    }
    Ok(())
}

async fn unclean(run: &Run) -> Result<Vec<(Run, ImportStatus)>, ImportError> {
    let tx = run.db.read(run.access()).await?;
    let sql = run.fill("select id, status from import_runs where tenant_id = {tenant} and store_id = {store} and not cleaned and status in ('DONE', 'FAILED')");
    let rows = tx.query_all_raw(run.db.statement(sql, [])).await?;
    rows.iter().map(|row| Ok((Run { id: row.try_get_by_index(0)?, ..run.clone() }, row.try_get_by_index(1)?))).collect()
}

/// Cleans up after a run that has ended.
pub(super) async fn clean_up(run: &Run, status: ImportStatus) -> Result<(), ImportError> {
    if run.is_sqlite() {
        slice_by_slice(run, status).await?;
    } else {
        let tx = run.staging().await?;
        for table in staged_tables() {
            run.execute(&tx, &format!("delete from {table} where run_id = {{run}}")).await?;
        }
        tx.commit().await?;
    }
    let tx = run.db.write(run.access()).await?;
    run.execute(&tx, "update import_runs set cleaned = true where tenant_id = {tenant} and id = {run}").await?;
    Ok(tx.commit().await?)
}

fn staged_tables() -> impl Iterator<Item = &'static str> {
    SHAPES.into_iter().map(|shape| shape.staged).chain([REJECTIONS])
}

async fn slice_by_slice(run: &Run, status: ImportStatus) -> Result<(), ImportError> {
    // Children go before their parents.
    for shape in SHAPES.into_iter().rev() {
        let mine =
            format!("tenant_id = {{tenant}} and pending_import_id = {{run}} and id in (select s.id from {} s where s.run_id = {{run}}{SLICE})", shape.staged);
        let (table, staged) = (shape.table, shape.staged);
        let statement = match status {
            ImportStatus::Done => format!("update {table} set pending_import_id = null where {mine}"),
            ImportStatus::Failed | ImportStatus::Staging | ImportStatus::Merging => format!("delete from {table} where {mine}"),
        };
        over_staged(run, staged, &statement).await?;
    }
    for table in staged_tables() {
        over_staged(run, table, &format!("delete from {table} as s where s.run_id = {{run}}{SLICE}")).await?;
    }
    let tx = run.db.write(Access::Import).await?;
    run.execute(&tx, "delete from staged_changes where run_id = {run}").await?;
    Ok(tx.commit().await?)
}

/// Runs a statement over the lines that a staging table holds of the run. Other writers are let in between.
async fn over_staged(run: &Run, table: &str, statement: &str) -> Result<(), ImportError> {
    let reader = run.db.read(run.access()).await?;
    let last = run.number(&reader, &format!("select max(line) from {table} where run_id = {{run}}")).await?;
    drop(reader);
    let (mut pace, mut from, last) = (Pace::new(), 0, u64::try_from(last).unwrap_or(0));
    while from < last {
        let to = from + pace.size();
        let tx = run.db.write(run.access()).await?;
        pace.begin();
        run.execute(&tx, &limited(statement, from, to)).await?;
        tx.commit().await?;
        pace.rest().await;
        from = to;
    }
    Ok(())
}

/// Whether imports leave a store alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// None is under way, and none has left anything.
    Yes,
    /// One is under way.
    No,
}

/// Takes away what imports of a store have left that died or could not clean up, unless one is under way.
pub(crate) async fn quiet(db: &Database, trace: &Trace, clock: Arc<dyn Clock>, tenant: TenantId, store: StoreId) -> Result<Quiet, ImportError> {
    let now = clock.now();
    let tx = db.write(Access::Tenant(tenant)).await?;
    let alive = is_importing(&tx, tenant, store, now).await?;
    if !alive {
        // Should one only have slept, it learns here that it lost its place.
        let sql = "update import_runs set status = 'FAILED', finished_at = $1 where tenant_id = $2 and store_id = $3 and status in ('STAGING', 'MERGING')";
        tx.execute_raw(db.statement(sql, [now.into(), tenant.into(), store.into()])).await?;
    }
    let row = tx.query_one_raw(db.statement("select currency_code from stores where tenant_id = $1 and id = $2", [tenant.into(), store.into()])).await?;
    tx.commit().await?;
    if alive {
        return Ok(Quiet::No);
    }
    let Some(row) = row else { return Ok(Quiet::Yes) };
    let code: String = row.try_get_by_index(0)?;
    let currency: Currency = code.parse().map_err(|_| ImportError::StoreCurrency(code))?;
    let id = ImportRunId::from(Uuid::nil());
    let (db, trace) = (db.clone(), trace.clone());
    clean_up_before(&Run { db, trace, clock, tenant, store, id, currency, now, as_of: None, read_at: None, stop: Arc::default(), ending: Arc::new(OfFile) })
        .await?;
    Ok(Quiet::Yes)
}

/// Whether an import of the store is under way, or may come back, as far as this transaction sees.
pub(crate) async fn is_importing(tx: &Tx, tenant: TenantId, store: StoreId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    is_held(tx, tenant, store, now - DEAD_AFTER).await
}

/// Whether an import of the store had its lease at that time or after.
pub(crate) async fn is_held(tx: &Tx, tenant: TenantId, store: StoreId, at: DateTime<Utc>) -> Result<bool, DbErr> {
    let sql = "select 1 from import_runs where tenant_id = $1 and store_id = $2 and status in ('STAGING', 'MERGING') and lease_until >= $3 limit 1";
    let values = [tenant.into(), store.into(), at.into()];
    Ok(tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.is_some())
}
