//! Taking away what a run leaves behind: staged rows, and on SQLite the marks of its rows, or the rows that were never shown.

use entities::ImportStatus;
use platform::db::Access;
use sea_orm::ConnectionTrait;

use super::error::ImportError;
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
