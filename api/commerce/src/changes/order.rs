//! Writing one order with its items and its customer.

use chrono::{DateTime, Utc};
use entities::OrderId;
use integrations::ports::commerce::{OrderItemRecord, OrderRecord};
use platform::db::is_sqlite;
use platform::{DbErr, Ids, Tx};
use sea_orm::{ConnectionTrait, Statement};

use super::error::ChangeError;
use super::told::Told;
use super::{StorePlace, turns};
use crate::privacy::forgotten_of_order;
use crate::records::{CUSTOMERS, Forgotten, LINK_ORDERS, ORDER_ITEMS, ORDERS};

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was not known.
    Created,
    /// It or one of its items is not what it was.
    Updated,
    /// It is known as it was told, or as of a later moment.
    Unchanged,
}

/// An order that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppliedOrder {
    /// Which it is here.
    pub order: OrderId,
    /// What became of it.
    pub outcome: Applied,
}

/// A customer told without a date is as of the order around: what a later order said stays.
const NO_LATER_ORDER: &str = " and (s.updated_at is not null or not exists
    (select 1 from orders x where x.tenant_id = {tenant} and x.customer_id = t.id and x.updated_at > {as_of}))";

/// Writes an order with its items and, where the record says more than the customer's id, its customer, by the rules of imports:
/// what is absent stays as it is known, and what is older than what is known changes nothing, neither order nor items nor customer.
/// Items that are no longer told stay. Of two tellings as of the same moment the one that was told later (`told_at`) holds: shop
/// systems date changes by the second.
///
/// `tx` is a writing transaction of the store's tenant. It commits nothing; after an error it must be dropped. On PostgreSQL it
/// holds locks on the order, its customer and the store's imports until it ends, so end it soon.
pub async fn apply_order(
    tx: &Tx,
    place: &StorePlace,
    (order, items): (&OrderRecord, &[OrderItemRecord]),
    told_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    ids: &Ids,
) -> Result<AppliedOrder, ChangeError> {
    let as_told = |forgotten: &Forgotten| Told::of_order(*place, (order, items), told_at, now, ids, forgotten).map_err(ChangeError::Rejected);
    let mut told = as_told(&Forgotten::nobody(place.store))?;
    turns::take(tx, &told).await?;
    // Asked for in its turn: whoever is being forgotten waits for it to end.
    let forgotten = forgotten_of_order(tx, place, order).await?;
    if !forgotten.is_nobody() {
        told = as_told(&forgotten)?;
    }
    let known = known(tx, &told).await?;
    let older = |known: &Known| known.as_of > told.as_of || (known.as_of == told.as_of && told_at < known.told_at);
    if let Some(Known { id, .. }) = known.filter(older) {
        return Ok(AppliedOrder { order: id, outcome: Applied::Unchanged });
    }
    told.complete_search(tx).await?;
    if told.tells(&CUSTOMERS) {
        write_customer(tx, &told).await?;
    }
    let (order, mut outcome) = match known {
        Some(Known { id: order, .. }) => {
            let updated = told.update(tx, &ORDERS, "").await? > 0;
            (order, if updated { Applied::Updated } else { Applied::Unchanged })
        }
        None => {
            let created = told.insert(tx, &ORDERS).await?;
            (OrderId::from(*created.first().ok_or(DbErr::RecordNotInserted)?), Applied::Created)
        }
    };
    if told.tells(&ORDER_ITEMS) {
        let updated = told.update(tx, &ORDER_ITEMS, "").await? > 0;
        let created = !told.insert(tx, &ORDER_ITEMS).await?.is_empty();
        if (updated || created) && outcome == Applied::Unchanged {
            outcome = Applied::Updated;
        }
    }
    let sql = "update orders set told_at = $1 where tenant_id = $2 and id = $3";
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [told_at.into(), place.tenant.into(), order.into()])).await?;
    Ok(AppliedOrder { order, outcome })
}

/// An order as it is known.
#[derive(Clone, Copy)]
struct Known {
    id: OrderId,
    as_of: DateTime<Utc>,
    told_at: Option<DateTime<Utc>>,
}

/// The order as it is known; no other writer changes it from here on.
async fn known(tx: &Tx, told: &Told) -> Result<Option<Known>, DbErr> {
    let backend = tx.get_database_backend();
    let lock = if is_sqlite(backend) { "" } else { " for update" };
    let sql = format!("select id, updated_at, told_at from orders where tenant_id = {{tenant}} and store_id = {{store}} and external_id = {{order}}{lock}");
    let row = tx.query_one_raw(told.statement(backend, None, &sql)).await?;
    row.map(|row| Ok(Known { id: row.try_get_by_index(0)?, as_of: row.try_get_by_index(1)?, told_at: row.try_get_by_index(2)? })).transpose()
}

async fn write_customer(tx: &Tx, told: &Told) -> Result<(), DbErr> {
    told.update(tx, &CUSTOMERS, NO_LATER_ORDER).await?;
    if !told.insert(tx, &CUSTOMERS).await?.is_empty() {
        told.execute(tx, &format!("{LINK_ORDERS} and t.external_customer_id = {{customer}}")).await?;
    }
    Ok(())
}
