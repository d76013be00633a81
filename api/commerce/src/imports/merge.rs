//! PostgreSQL: everything in one transaction, one statement a kind for what is new and one for what has changed.

use entities::ImportStatus;
use platform::{DbErr, Tx};
use sea_orm::ConnectionTrait;

use super::ending;
use super::error::ImportError;
use super::lease;
use super::receipt::Receipt;
use super::scope::Run;
use crate::records::{LINK_ORDERS, SHAPES, Shape, children_of, merging_lock, vanished};

/// Merges the staged rows and ends the run.
pub(super) async fn merge(run: &Run, staged: &[u64], receipt: &mut Receipt) -> Result<(), ImportError> {
    let tx = run.db.write(run.access()).await?;
    // Single changes that are being written end first; later ones come again when this is done.
    let lock = run.db.statement("select pg_advisory_xact_lock(hashtextextended($1, 0))", [merging_lock(run.store).into()]);
    tx.execute_raw(lock).await?;
    run.execute(&tx, "set local work_mem = '64MB'").await?;
    for (shape, staged) in SHAPES.into_iter().zip(staged) {
        if *staged > 0 {
            join_by_hash(run, &tx, shape, *staged).await?;
            let updated = run.execute(&tx, &shape.update("")).await?;
            let created = run.execute(&tx, &shape.insert("", "")).await?;
            let counts = receipt.of_mut(shape.kind);
            (counts.created, counts.updated) = (created, updated);
            counts.unchanged = staged.saturating_sub(created + updated);
        }
    }
    if receipt.customers.created > 0 {
        receipt.orders_linked = run.execute(&tx, LINK_ORDERS).await?;
    }
    mark_vanished(run, &tx, staged, receipt).await?;
    finish(run, &tx, receipt).await?;
    Ok(tx.commit().await?)
}

/// Beyond this many known rows for each staged one, looking them up beats reading them all.
const FEW: u64 = 20;

/// The planner knows little of a tenant's rows that have just come, takes them for few, and then loops over them for each
/// staged row. While they are not many times the staged ones, one pass over both is right.
async fn join_by_hash(run: &Run, tx: &Tx, shape: &Shape, staged: u64) -> Result<(), DbErr> {
    let known = format!("select count(*) from (select 1 from {} where tenant_id = {{tenant}} and store_id = {{store}} limit {}) k", shape.table, staged * FEW);
    let many = run.number(tx, &known).await? >= i64::try_from(staged * FEW).unwrap_or(i64::MAX);
    run.execute(tx, if many { "set local enable_nestloop = on" } else { "set local enable_nestloop = off" }).await?;
    Ok(())
}

/// The last statements of a merge: with them it is done.
pub(super) async fn finish(run: &Run, tx: &Tx, receipt: &mut Receipt) -> Result<(), ImportError> {
    receipt.written = true;
    lease::enter_state(run, tx, ImportStatus::Done, Some(run.clock.now()), Some(receipt)).await?;
    run.ending.written(tx, receipt).await?;
    if run.ending.is_announced() {
        ending::announce(run, tx, receipt).await?;
    }
    Ok(())
}

/// Marks children that their parents have no more. A file of any age tells of none.
pub(super) async fn mark_vanished(run: &Run, tx: &Tx, staged: &[u64], receipt: &Receipt) -> Result<(), DbErr> {
    if run.read_at.is_none() {
        return Ok(());
    }
    for (parent, staged) in SHAPES.into_iter().zip(staged) {
        let Some((child, _)) = children_of(parent.kind) else { continue };
        // New parents have lost nothing, and a child that was rejected is there.
        if *staged > receipt.of(parent.kind).created
            && receipt.of(child.kind).rejected == 0
            && let Some(sql) = vanished(parent)
        {
            run.execute(tx, &sql).await?;
        }
    }
    Ok(())
}
