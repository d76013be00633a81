//! What a shop told was deleted: marked where it is known, and written down either way, so that nothing that comes late brings it back.

use chrono::{DateTime, Utc};
use entities::{StoreId, TenantId};
use integrations::ports::commerce::RecordKind;
use platform::db::is_sqlite;
use platform::{DbErr, Ids, Tx};
use sea_orm::{ConnectionTrait, Statement, Value};
use uuid::Uuid;

use super::apply::{Applied, Subject, Written};
use super::error::ChangeError;
use super::{StorePlace, turns};
use crate::imports::SHOWN;
use crate::records::{children_of, shape};

fn statement(tx: &Tx, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(tx.get_database_backend(), sql, values)
}

/// Follows a deletion: of an order with its lines, of a product with its variants, of a customer, whose orders stay. Known or not, the
/// thing never comes back: a provider gives no id twice. The transaction is as of [`apply`](super::apply).
pub async fn delete(
    tx: &Tx,
    place: &StorePlace,
    (kind, external_id): (RecordKind, &str),
    deleted_at: DateTime<Utc>,
    now: DateTime<Utc>,
    ids: &Ids,
) -> Result<Written, ChangeError> {
    turns::take(tx, place, &[(kind, external_id)], now).await?;
    note_deletion(tx, (place.tenant, place.store), (kind, external_id), deleted_at, now, ids).await?;
    let lock = if is_sqlite(tx.get_database_backend()) { "" } else { " for update" };
    let sql =
        format!("select id from {} where tenant_id = $1 and store_id = $2 and external_id = $3 and deleted_at is null and ({SHOWN}){lock}", shape(kind).table);
    let known = tx.query_one_raw(statement(tx, sql, [place.tenant.into(), place.store.into(), external_id.into()])).await?;
    let Some(known) = known else { return Ok(Written { subject: None, outcome: Applied::Unchanged }) };
    mark_deleted(tx, (place.tenant, place.store), kind, &[external_id.to_owned()], deleted_at).await?;
    Ok(Written { subject: Subject::of(kind, known.try_get_by_index::<Uuid>(0)?), outcome: Applied::Deleted })
}

/// Writes down that a shop told of a deletion.
pub(crate) async fn note_deletion(
    tx: &Tx,
    (tenant, store): (TenantId, StoreId),
    (kind, external_id): (RecordKind, &str),
    deleted_at: DateTime<Utc>,
    now: DateTime<Utc>,
    ids: &Ids,
) -> Result<(), DbErr> {
    let sql = "insert into deletions (id, tenant_id, store_id, kind, external_id, deleted_at, created_at) values ($1, $2, $3, $4, $5, $6, $7)
               on conflict (tenant_id, store_id, kind, external_id) do nothing";
    let values = [ids.next::<Uuid>().into(), tenant.into(), store.into(), kind.as_str().into(), external_id.into(), deleted_at.into(), now.into()];
    tx.execute_raw(statement(tx, sql, values)).await.map(drop)
}

/// Whether a shop told that a thing was deleted.
pub(super) async fn is_told_deleted(tx: &Tx, place: &StorePlace, kind: RecordKind, external_id: &str) -> Result<bool, DbErr> {
    let sql = "select 1 from deletions where tenant_id = $1 and store_id = $2 and kind = $3 and external_id = $4";
    let values = [place.tenant.into(), place.store.into(), kind.as_str().into(), external_id.into()];
    Ok(tx.query_one_raw(statement(tx, sql, values)).await?.is_some())
}

/// Marks things that a shop has no more, with their children; how many of them were there.
pub(crate) async fn mark_deleted(
    tx: &Tx,
    (tenant, store): (TenantId, StoreId),
    kind: RecordKind,
    external_ids: &[String],
    deleted_at: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let table = shape(kind).table;
    let list = if is_sqlite(tx.get_database_backend()) { "select value from json_each($4)" } else { "select jsonb_array_elements_text($4::text::jsonb)" };
    let json = serde_json::to_string(external_ids).unwrap_or_default();
    let values = || [deleted_at.into(), tenant.into(), store.into(), json.as_str().into()];
    let these = format!("tenant_id = $2 and store_id = $3 and deleted_at is null and external_id in ({list})");
    if let Some((children, column)) = children_of(kind) {
        let sql = format!(
            "update {} set deleted_at = $1 where tenant_id = $2 and deleted_at is null and {column} in (select id from {table} where {these})",
            children.table
        );
        tx.execute_raw(statement(tx, sql, values())).await?;
    }
    Ok(tx.execute_raw(statement(tx, format!("update {table} set deleted_at = $1 where {these}"), values())).await?.rows_affected())
}
