//! The queries of stores that are changed, private to this room.

use chrono::{DateTime, Utc};
use entities::StoreId;
use entities::tables::stores::{Column, Entity};
use people::validation::{Invalid, Problem, invalid};
use platform::callers::Action;
use platform::db::List;
use platform::{DbErr, Permit, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, Value};
use serde_json::Value as Json;

use super::error::StoreError;
use super::row::StoreRow;

/// The largest settings, in bytes of JSON.
const SETTINGS: usize = 64 * 1024;

/// The store, held against other writers until the transaction ends.
pub(super) async fn locked<A: Action>(tx: &Tx, permit: &Permit<A>, id: StoreId) -> Result<Option<StoreRow>, DbErr> {
    Ok(List::<StoreRow, _>::new(tx, permit).by_ids_locked(&[id.uuid()]).await?.pop())
}

/// The store as it was just written: whoever may write it sees what came of it, with or without the right to read stores.
pub(super) async fn written<A: Action>(tx: &Tx, permit: &Permit<A>, id: StoreId) -> Result<StoreRow, StoreError> {
    List::<StoreRow, _>::new(tx, permit).by_ids(&[id.uuid()]).await?.pop().ok_or(StoreError::NotFound("store"))
}

/// Writes columns of a store that was found under the permit.
pub(super) async fn update<A: Action>(tx: &Tx, _: &Permit<A>, store: &StoreRow, values: Vec<(Column, Value)>, now: DateTime<Utc>) -> Result<(), DbErr> {
    let values = values.into_iter().chain([(Column::UpdatedAt, now.into())]).map(|(column, value)| (column, Expr::val(value)));
    let this = Expr::col(Column::TenantId).eq(store.tenant_id).and(Expr::col(Column::Id).eq(store.id));
    tx.execute(&Query::update().table(Entity).values(values).and_where(this).take()).await.map(drop)
}

/// Settings as they are kept.
pub(super) fn json_object(field: &'static str, settings: Json) -> Result<Json, Invalid> {
    let fits = settings.is_object() && settings.to_string().len() <= SETTINGS;
    if fits { Ok(settings) } else { Err(invalid(field, Problem::Unknown(format!("must be a JSON object of at most {SETTINGS} bytes")))) }
}
