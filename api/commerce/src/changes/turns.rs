//! Who writes when: changes about one order or one customer one after the other, and none while an import of the store is merged.

use chrono::{DateTime, TimeDelta, Utc};
use entities::ImportStatus;
use platform::Tx;
use platform::db::is_sqlite;
use sea_orm::{ConnectionTrait, Statement};

use super::error::ChangeError;
use super::told::Told;
use crate::records::merging_lock;

/// An import that has not been heard of for so long does not come back.
const DEAD_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Waits for the change's turn, which lasts until the transaction ends. Reads in it see what earlier turns wrote.
pub(super) async fn take(tx: &Tx, told: &Told) -> Result<(), ChangeError> {
    // SQLite has one writer at a time: only imports, which write in many transactions, are to be minded.
    if is_sqlite(tx.get_database_backend()) { mind_imports(tx, told).await } else { lock(tx, told).await }
}

/// PostgreSQL: an import holds the store's lock while it merges. It is not waited for: that may take minutes, and a connection.
async fn lock(tx: &Tx, told: &Told) -> Result<(), ChangeError> {
    let backend = tx.get_database_backend();
    let store = merging_lock(told.place.store);
    let sql = "select pg_try_advisory_xact_lock_shared(hashtextextended($1, 0))";
    let row = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, [store.as_str().into()])).await?;
    if !row.map_or(Ok(false), |row| row.try_get_by_index(0))? {
        return Err(ChangeError::Importing);
    }
    // Customers before orders, always: nobody waits in a circle.
    let customer = told.customer.iter().map(|id| format!("{store} customer {id}"));
    for thing in customer.chain([format!("{store} order {}", told.external_id)]) {
        let sql = "select pg_advisory_xact_lock(hashtextextended($1, 0))";
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, [thing.into()])).await?;
    }
    Ok(())
}

/// SQLite: an import that is being merged has rows that nobody sees yet, and may still take back. One that died has, too, and
/// they are in the way until the next one cleans up.
async fn mind_imports(tx: &Tx, told: &Told) -> Result<(), ChangeError> {
    let sql =
        "select status, lease_until from import_runs where tenant_id = {tenant} and store_id = {store} and not cleaned and status in ('MERGING', 'FAILED')";
    let runs = tx.query_all_raw(told.statement(tx.get_database_backend(), None, sql)).await?;
    for run in &runs {
        let (status, lease_until): (ImportStatus, DateTime<Utc>) = (run.try_get_by_index(0)?, run.try_get_by_index(1)?);
        if status == ImportStatus::Merging {
            if lease_until + DEAD_AFTER >= told.now {
                return Err(ChangeError::Importing);
            }
            // Should it only have slept, it learns here that it lost its place.
            let sql = "update import_runs set status = 'FAILED', finished_at = {now} where tenant_id = {tenant} and store_id = {store} and status = 'MERGING'";
            told.execute(tx, sql).await?;
        }
    }
    if !runs.is_empty() {
        clear_the_way(tx, told).await?;
    }
    Ok(())
}

/// Takes away the rows of failed imports that are about the same things.
async fn clear_the_way(tx: &Tx, told: &Told) -> Result<(), ChangeError> {
    let dead = "pending_import_id in (select id from import_runs where tenant_id = {tenant} and store_id = {store} and status = 'FAILED' and not cleaned)";
    let about =
        |table: &str, ids: &str| format!("select id from {table} where tenant_id = {{tenant}} and store_id = {{store}} and external_id in ({ids}) and {dead}");
    let items = about("order_items", "select external_id from staged_order_items");
    let orders = about("orders", "{order}");
    let customers = about("customers", "{customer}");
    for statement in [
        format!("delete from order_items where tenant_id = {{tenant}} and id in ({items})"),
        format!("delete from order_items where tenant_id = {{tenant}} and order_id in ({orders})"),
        format!("delete from orders where tenant_id = {{tenant}} and id in ({orders})"),
        // Other orders of the dead import: nobody ever saw them.
        format!("update orders set customer_id = null where tenant_id = {{tenant}} and customer_id in ({customers})"),
        format!("delete from customers where tenant_id = {{tenant}} and id in ({customers})"),
    ] {
        told.execute(tx, &statement).await?;
    }
    Ok(())
}
