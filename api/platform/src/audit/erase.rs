//! Erasing what the log says of a person.

use chrono::{DateTime, Utc};
use entities::{ActorKind, StoreId, TenantId};
use sea_orm::{ConnectionTrait, DbErr, Statement};

use uuid::Uuid;

use crate::db::{Tx, in_list};

/// The action of the entry that tells of an erasure: it is about the person too, and is kept for whoever asks who erased what.
pub const ERASURE: &str = "auditDetailErase";

/// Erases the details of all entries about a subject or by an actor, in a tenant's log (or the platform's), and says how many
/// there were. The entries themselves stay: who (an id), what, to what (an id), and when.
pub async fn erase_details(tx: &Tx, tenant: Option<TenantId>, of: &str, now: DateTime<Utc>) -> Result<u64, DbErr> {
    let sql = "update audit_details set detail = null, salt = null, erased_at = $1
               where erased_at is null and audit_id in (
                 select id from audit_events where chain_id = $2 and subject = $3 and action <> $4
                 union select id from audit_events where chain_id = $2 and actor = $3 and action <> $4)";
    let values = [now.into(), super::chain(tenant).into(), of.into(), ERASURE.into()];
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected())
}

/// Erases the details of all entries by merchants of a store, whoever they were.
pub async fn erase_details_of_merchants(tx: &Tx, tenant: TenantId, store: StoreId, now: DateTime<Utc>) -> Result<u64, DbErr> {
    let sql = "update audit_details set detail = null, salt = null, erased_at = $1
               where erased_at is null and audit_id in (
                 select id from audit_events where chain_id = $2 and actor_kind = $3 and substr(actor, 1, length($4)) = $4)";
    let values = [now.into(), super::chain(Some(tenant)).into(), ActorKind::Merchant.as_str().into(), format!("{store}/").into()];
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected())
}

/// How far a tenant's log was looked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookedThrough {
    /// The last entry that was looked at.
    pub up_to: i64,
    /// Details that were erased.
    pub erased: u64,
    /// Whether there is more.
    pub more: bool,
}

/// Looks through the details of a tenant's next entries, after the `from`th, and erases those that name somebody.
pub async fn erase_details_naming(
    tx: &Tx,
    tenant: TenantId,
    from: i64,
    limit: u32,
    names: &(dyn Fn(&str) -> bool + Sync),
    now: DateTime<Utc>,
) -> Result<LookedThrough, DbErr> {
    let backend = tx.get_database_backend();
    let sql = "select e.seq, e.id, d.detail from audit_events e join audit_details d on d.audit_id = e.id
               where e.chain_id = $1 and e.tenant_id = $1 and e.seq > $2 order by e.seq limit $3";
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [tenant.into(), from.into(), i64::from(limit).into()])).await?;
    let (mut up_to, mut named) = (from, Vec::<Uuid>::new());
    for row in &rows {
        up_to = row.try_get_by_index(0)?;
        if row.try_get_by_index::<Option<String>>(2)?.is_some_and(|detail| names(&detail)) {
            named.push(row.try_get_by_index(1)?);
        }
    }
    let (listed, ids) = in_list(backend, "audit_id", 2, &named);
    let sql = format!("update audit_details set detail = null, salt = null, erased_at = $1 where erased_at is null and {listed}");
    let erased = match named.is_empty() {
        true => 0,
        false => tx.execute_raw(Statement::from_sql_and_values(backend, sql, [now.into(), ids])).await?.rows_affected(),
    };
    Ok(LookedThrough { up_to, erased, more: rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX) })
}
