//! Erasing what the log says of a person.

use chrono::{DateTime, Utc};
use entities::TenantId;
use sea_orm::{ConnectionTrait, DbErr, Statement};

use crate::db::Tx;

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
