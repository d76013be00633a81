//! Who writes when: changes about one thing one after the other, and none while an import of the store is merged.

use chrono::{DateTime, TimeDelta, Utc};
use entities::ImportStatus;
use integrations::ports::commerce::RecordKind;
use platform::Tx;
use platform::db::is_sqlite;
use sea_orm::{ConnectionTrait, Statement};

use super::StorePlace;
use super::error::ChangeError;
use super::told::Told;
use crate::records::{CUSTOMERS, children_of, merging_lock};

/// An import that has not been heard of for so long does not come back.
const DEAD_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Waits for the turn of these things, customers first, which lasts until the transaction ends. Reads in it see what earlier turns
/// wrote. Whether rows of dead imports may be in the way.
pub(super) async fn take(tx: &Tx, place: &StorePlace, things: &[(RecordKind, &str)], now: DateTime<Utc>) -> Result<bool, ChangeError> {
    // SQLite has one writer at a time: only imports, which write in many transactions, are to be minded.
    if is_sqlite(tx.get_database_backend()) { mind_imports(tx, place, now).await } else { lock(tx, place, things).await.map(|()| false) }
}

/// PostgreSQL: an import holds the store's lock while it merges. It is not waited for: that may take minutes, and a connection.
async fn lock(tx: &Tx, place: &StorePlace, things: &[(RecordKind, &str)]) -> Result<(), ChangeError> {
    let backend = tx.get_database_backend();
    let store = merging_lock(place.store);
    let sql = "select pg_try_advisory_xact_lock_shared(hashtextextended($1, 0))";
    let row = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, [store.as_str().into()])).await?;
    if !row.map_or(Ok(false), |row| row.try_get_by_index(0))? {
        return Err(ChangeError::Importing);
    }
    // Customers before orders, always: nobody waits in a circle.
    for (kind, external_id) in things {
        let thing = format!("{store} {} {external_id}", kind.as_str().to_ascii_lowercase());
        let sql = "select pg_advisory_xact_lock(hashtextextended($1, 0))";
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, [thing.into()])).await?;
    }
    Ok(())
}

/// SQLite: an import that is being merged has rows that nobody sees yet, and may still take back. One that died has, too, and
/// they are in the way until the next one cleans up.
async fn mind_imports(tx: &Tx, place: &StorePlace, now: DateTime<Utc>) -> Result<bool, ChangeError> {
    let backend = tx.get_database_backend();
    let of_store = "tenant_id = $1 and store_id = $2";
    let sql = format!("select status, lease_until from import_runs where {of_store} and not cleaned and status in ('MERGING', 'FAILED')");
    let runs = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [place.tenant.into(), place.store.into()])).await?;
    for run in &runs {
        let (status, lease_until): (ImportStatus, DateTime<Utc>) = (run.try_get_by_index(0)?, run.try_get_by_index(1)?);
        if status == ImportStatus::Merging {
            if lease_until + DEAD_AFTER >= now {
                return Err(ChangeError::Importing);
            }
            // Should it only have slept, it learns here that it lost its place.
            let sql = format!("update import_runs set status = 'FAILED', finished_at = $3 where {of_store} and status = 'MERGING'");
            tx.execute_raw(Statement::from_sql_and_values(backend, sql, [place.tenant.into(), place.store.into(), now.into()])).await?;
        }
    }
    Ok(!runs.is_empty())
}

/// Takes away the rows of failed imports that are about the same things.
pub(super) async fn clear_the_way(tx: &Tx, told: &Told) -> Result<(), ChangeError> {
    let dead = "pending_import_id in (select id from import_runs where tenant_id = {tenant} and store_id = {store} and status = 'FAILED' and not cleaned)";
    let about =
        |table: &str, ids: &str| format!("select id from {table} where tenant_id = {{tenant}} and store_id = {{store}} and external_id in ({ids}) and {dead}");
    let root = told.root();
    let mut statements = Vec::new();
    if let Some((children, column)) = children_of(root.kind) {
        let table = children.table;
        let rows = about(table, &format!("select external_id from {}", children.staged));
        statements.push(format!("delete from {table} where tenant_id = {{tenant}} and id in ({rows})"));
        statements.push(format!("delete from {table} where tenant_id = {{tenant}} and {column} in ({})", about(root.table, "{subject}")));
        statements.push(format!("delete from {0} where tenant_id = {{tenant}} and id in ({1})", root.table, about(root.table, "{subject}")));
    }
    if told.kinds().contains(&CUSTOMERS.kind) {
        let customers = about("customers", "{customer}");
        // Other orders of the dead import: nobody ever saw them.
        statements.push(format!("update orders set customer_id = null where tenant_id = {{tenant}} and customer_id in ({customers})"));
        statements.push(format!("delete from customers where tenant_id = {{tenant}} and id in ({customers})"));
    }
    for statement in statements {
        told.execute(tx, None, &statement).await?;
    }
    Ok(())
}
