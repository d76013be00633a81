//! PostgreSQL: everything in one transaction, one statement a kind for what is new and one for what has changed.

use chrono::{DateTime, Utc};
use entities::ImportStatus;
use platform::Tx;

use super::error::ImportError;
use super::lease;
use super::receipt::Receipt;
use super::scope::Run;
use super::shape::SHAPES;

/// Earlier orders find the customer that they knew by the provider's id alone.
pub(super) const LINK_ORDERS: &str = "update orders as t set customer_id = c.id, synced_at = {now} from customers c
    where t.tenant_id = {tenant} and t.store_id = {store} and t.customer_id is null and t.external_customer_id is not null
      and c.tenant_id = {tenant} and c.store_id = {store} and c.external_id = t.external_customer_id";

/// Merges the staged rows and ends the run.
pub(super) async fn merge(run: &Run, staged: &[u64], receipt: &mut Receipt) -> Result<(), ImportError> {
    let tx = run.db.write(run.access()).await?;
    run.execute(&tx, "set local work_mem = '64MB'").await?;
    for (shape, staged) in SHAPES.into_iter().zip(staged) {
        if *staged > 0 {
            let updated = run.execute(&tx, &shape.update("")).await?;
            let created = run.execute(&tx, &shape.insert("")).await?;
            let counts = receipt.of_mut(shape.kind);
            (counts.created, counts.updated) = (created, updated);
            counts.unchanged = staged.saturating_sub(created + updated);
        }
    }
    if receipt.customers.created > 0 {
        receipt.orders_linked = run.execute(&tx, LINK_ORDERS).await?;
    }
    finish(run, &tx, receipt, run.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// The last statements of a merge: with them it is done.
pub(super) async fn finish(run: &Run, tx: &Tx, receipt: &mut Receipt, now: DateTime<Utc>) -> Result<(), ImportError> {
    receipt.written = true;
    lease::enter_state(run, tx, ImportStatus::Done, Some(now), Some(receipt)).await?;
    if receipt.lines > 0 {
        run.execute(tx, "update stores set last_sync_at = {now} where tenant_id = {tenant} and id = {store}").await?;
    }
    Ok(())
}
