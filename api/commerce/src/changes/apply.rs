//! Writing one thing that is told, with its children; an order with its customer.

use chrono::{DateTime, Utc};
use entities::{CustomerId, OrderId, ProductId};
use integrations::ports::commerce::RecordKind;
use platform::db::is_sqlite;
use platform::{DbErr, Ids, Tx};
use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use super::error::ChangeError;
use super::told::{Telling, Told};
use super::{StorePlace, gone, turns};
use crate::privacy::forgotten_of;
use crate::records::{CUSTOMERS, Forgotten, LINK_ORDERS, Shape, children_of, shape, vanished};

/// What became of what was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was not known.
    Created,
    /// It or one of its children is not what it was.
    Updated,
    /// It is gone, and was known.
    Deleted,
    /// It is known as it was told, or as of a later moment.
    Unchanged,
}

/// What was told of, by its id here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A customer.
    Customer(CustomerId),
    /// A product.
    Product(ProductId),
    /// An order.
    Order(OrderId),
}

impl Subject {
    pub(super) fn of(kind: RecordKind, id: Uuid) -> Option<Self> {
        match kind {
            RecordKind::Customer => Some(Self::Customer(id.into())),
            RecordKind::Product => Some(Self::Product(id.into())),
            RecordKind::Order => Some(Self::Order(id.into())),
            RecordKind::ProductVariant | RecordKind::OrderItem => None,
        }
    }
}

/// Something that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Which it is here; none when it never was.
    pub subject: Option<Subject>,
    /// What became of it.
    pub outcome: Applied,
}

/// A customer told without a date is as of the order around: what a later order said stays.
const NO_LATER_ORDER: &str = " and (s.updated_at is not null or not exists
    (select 1 from orders x where x.tenant_id = {tenant} and x.customer_id = t.id and x.updated_at > {as_of}))";

/// Writes what is told with its children and, where an order says more than the customer's id, its customer, by the rules of imports:
/// what is absent stays as it is known, and what is older than what is known changes nothing of it. Children that are not told any more
/// stay, unless all are told. Of two tellings as of the same moment the one that was told later (`told_at`) holds: shop systems date
/// changes by the second. What was deleted stays deleted, whatever was changed before and is told late.
///
/// `tx` is a writing transaction of the store's tenant. It commits nothing; after an error it must be dropped. On PostgreSQL it
/// holds locks on the thing, an order's customer and the store's imports until it ends, so end it soon.
pub async fn apply(
    tx: &Tx,
    place: &StorePlace,
    telling: Telling<'_>,
    told_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    ids: &Ids,
) -> Result<Written, ChangeError> {
    let as_told = |forgotten: &Forgotten| Told::of(*place, telling, told_at, now, ids, forgotten).map_err(ChangeError::Rejected);
    let mut told = as_told(&Forgotten::nobody(place.store))?;
    if turns::take(tx, place, &telling.things(), now).await? {
        turns::clear_the_way(tx, &told).await?;
    }
    // Asked for in its turn: whoever is being forgotten waits for it to end.
    let forgotten = forgotten_of(tx, place, &telling.things()).await?;
    if !forgotten.is_nobody() {
        told = as_told(&forgotten)?;
    }
    let kind = telling.kind();
    let known = known(tx, &told).await?;
    if known.as_ref().is_some_and(|known| known.is_newer(&told)) || gone::is_told_deleted(tx, place, kind, telling.external_id()).await? {
        return Ok(Written { subject: known.and_then(|known| Subject::of(kind, known.id)), outcome: Applied::Unchanged });
    }
    told.complete_search(tx).await?;
    if kind == RecordKind::Order && told.tells(&CUSTOMERS) {
        told.update(tx, &CUSTOMERS, NO_LATER_ORDER).await?;
        insert_customer(tx, &told).await?;
    }
    let root = telling.root();
    let (id, mut outcome) = match known {
        Some(Known { id, .. }) => (id, if told.update(tx, root, "").await? > 0 { Applied::Updated } else { Applied::Unchanged }),
        None if kind == RecordKind::Customer => (insert_customer(tx, &told).await?.ok_or(DbErr::RecordNotInserted)?, Applied::Created),
        None => (*told.insert(tx, root).await?.first().ok_or(DbErr::RecordNotInserted)?, Applied::Created),
    };
    if let Some((children, _)) = children_of(kind)
        && write_children(tx, &told, root, children, telling.is_whole()).await?
        && outcome == Applied::Unchanged
    {
        outcome = Applied::Updated;
    }
    let sql = format!("update {} set told_at = $1 where tenant_id = $2 and id = $3", root.table);
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [told_at.into(), place.tenant.into(), id.into()])).await?;
    Ok(Written { subject: Subject::of(kind, id), outcome })
}

/// Something as it is known.
#[derive(Clone, Copy)]
struct Known {
    id: Uuid,
    as_of: DateTime<Utc>,
    told_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    /// Whether it is a customer of whom orders alone have told, dated by the first of them.
    from_orders: bool,
}

impl Known {
    /// Whether what is known is as of a later moment than what is told, or is that very telling.
    fn is_newer(&self, told: &Told) -> bool {
        let is_gone = self.deleted_at.is_some_and(|at| told.told_at.is_none_or(|told_at| told_at <= at));
        let told_before = told.told_at < self.told_at || told.told_at.is_some() && told.told_at == self.told_at;
        is_gone || told.as_of.is_some_and(|as_of| self.as_of > as_of && !self.from_orders || self.as_of == as_of && told_before)
    }
}

/// What is told of, as it is known; no other writer changes it from here on.
async fn known(tx: &Tx, told: &Told) -> Result<Option<Known>, DbErr> {
    let backend = tx.get_database_backend();
    let lock = if is_sqlite(backend) { "" } else { " for update" };
    let root = told.root();
    let sql = format!(
        "select id, updated_at, told_at, deleted_at, created_at from {} where tenant_id = {{tenant}} and store_id = {{store}} and external_id = {{subject}}{lock}",
        root.table
    );
    let Some(row) = tx.query_one_raw(told.statement(backend, None, &sql)).await? else { return Ok(None) };
    let (as_of, created_at): (DateTime<Utc>, DateTime<Utc>) = (row.try_get_by_index(1)?, row.try_get_by_index(4)?);
    let from_orders = root.kind == RecordKind::Customer && as_of == created_at;
    Ok(Some(Known { id: row.try_get_by_index(0)?, as_of, told_at: row.try_get_by_index(2)?, deleted_at: row.try_get_by_index(3)?, from_orders }))
}

/// When something was last told, as far as it is known.
pub(crate) async fn told_of(tx: &Tx, place: &StorePlace, kind: RecordKind, external_id: &str) -> Result<Option<DateTime<Utc>>, DbErr> {
    let sql = format!("select told_at from {} where tenant_id = $1 and store_id = $2 and external_id = $3", shape(kind).table);
    let values = [place.tenant.into(), place.store.into(), external_id.into()];
    let row = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    row.map_or(Ok(None), |row| row.try_get_by_index(0))
}

/// Creates the customer, if there is none yet, for the orders that knew them by the provider's id alone.
async fn insert_customer(tx: &Tx, told: &Told) -> Result<Option<Uuid>, DbErr> {
    let created = told.insert(tx, &CUSTOMERS).await?.first().copied();
    if created.is_some() {
        told.execute(tx, None, &format!("{LINK_ORDERS} and t.external_customer_id = {{customer}}")).await?;
    }
    Ok(created)
}

/// Writes the children that are told, and takes away those that are not when all are told; whether that changed anything.
async fn write_children(tx: &Tx, told: &Told, root: &'static Shape, children: &'static Shape, all: bool) -> Result<bool, DbErr> {
    let mut touched = 0;
    if told.tells(children) {
        touched += told.update(tx, children, "").await?;
        touched += told.insert(tx, children).await?.len() as u64;
    }
    // A telling of an unknown time takes nothing away.
    if all
        && told.told_at.is_some()
        && let Some(sql) = vanished(root)
    {
        touched += told.execute(tx, Some(children), &sql).await?;
    }
    Ok(touched > 0)
}
