//! What is written of installations. Every statement names the tenant; whoever calls has the transaction of that tenant.

use chrono::{DateTime, Utc};
use entities::{ConnectionId, InstallationAction, InstallationEventId, StoreId, TenantId};
use platform::{DbErr, Trace, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde_json::json;
use uuid::Uuid;

/// A store of a tenant.
pub(super) type Place = (TenantId, StoreId);

async fn execute(tx: &Tx, sql: &str, values: Vec<Value>) -> Result<u64, DbErr> {
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected())
}

/// Sees to it that a store has a row for what is known of its tokens.
pub(super) async fn ensure(tx: &Tx, (tenant, store): Place, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "insert into installations (id, tenant_id, missing_scopes, refused_topics, generation, created_at, updated_at)
               values ($1, $2, $3, $3, 0, $4, $4) on conflict (tenant_id, id) do nothing";
    execute(tx, sql, vec![store.into(), tenant.into(), json!([]).into(), now.into()]).await.map(drop)
}

/// Writes columns of a store's installation.
pub(super) async fn update(tx: &Tx, (tenant, store): Place, values: Vec<(&'static str, Value)>, now: DateTime<Utc>) -> Result<(), DbErr> {
    let values = values.into_iter().chain([("updated_at", now.into())]).map(|(column, value)| (column, Expr::val(value)));
    let mut update = Query::update();
    update.table("installations").values(values).and_where(Expr::col("tenant_id").eq(tenant)).and_where(Expr::col("id").eq(store));
    tx.execute(&update).await.map(drop)
}

/// Writes columns of the store itself.
pub(super) async fn update_store(tx: &Tx, (tenant, store): Place, values: Vec<(&'static str, Value)>, now: DateTime<Utc>) -> Result<(), DbErr> {
    let values = values.into_iter().chain([("updated_at", now.into())]).map(|(column, value)| (column, Expr::val(value)));
    let mut update = Query::update();
    update.table("stores").values(values).and_where(Expr::col("tenant_id").eq(tenant)).and_where(Expr::col("id").eq(store));
    tx.execute(&update).await.map(drop)
}

/// An installation begins: what was known of the one before is over.
pub(super) async fn begin(tx: &Tx, place: Place, now: DateTime<Utc>) -> Result<(), DbErr> {
    let never = || Value::from(Option::<DateTime<Utc>>::None);
    update(tx, place, vec![("set_up_at", never())], now).await?;
    let gone = ["uninstalled_at", "data_deletion_scheduled_at", "data_deletion_completed_at"].map(|column| (column, never()));
    update_store(tx, place, [("installed_at", now.into())].into_iter().chain(gone).collect(), now).await
}

/// Tokens that were just sealed.
pub(super) struct SealedTokens {
    pub access: Vec<u8>,
    pub access_expires_at: Option<DateTime<Utc>>,
    pub refresh: Option<Vec<u8>>,
    pub refresh_expires_at: Option<DateTime<Utc>>,
}

/// Replaces a store's tokens, whoever renews them meanwhile: what they bring is older.
pub(super) async fn put_tokens(tx: &Tx, place: Place, tokens: SealedTokens, now: DateTime<Utc>) -> Result<(), DbErr> {
    update_store(tx, place, vec![("access_token_sealed", tokens.access.into())], now).await?;
    let sql = "update installations set refresh_token_sealed = $3, access_token_expires_at = $4, refresh_token_expires_at = $5, generation = generation + 1,
                 refresh_lease = null, refresh_lease_until = null, authorization_lost_at = null, updated_at = $6 where tenant_id = $1 and id = $2";
    let expiries: [Value; 2] = [tokens.access_expires_at.into(), tokens.refresh_expires_at.into()];
    let values = [place.0.into(), place.1.into(), tokens.refresh.into()].into_iter().chain(expiries).chain([now.into()]).collect();
    execute(tx, sql, values).await.map(drop)
}

/// Erases a store's tokens.
pub(super) async fn erase_tokens(tx: &Tx, place: Place, now: DateTime<Utc>) -> Result<(), DbErr> {
    update_store(tx, place, vec![("access_token_sealed", Option::<Vec<u8>>::None.into())], now).await?;
    let sql = "update installations set refresh_token_sealed = null, access_token_expires_at = null, refresh_token_expires_at = null,
                 generation = generation + 1, refresh_lease = null, refresh_lease_until = null, authorization_lost_at = null, set_up_at = null,
                 set_up_error = null, missing_scopes = $3, updated_at = $4 where tenant_id = $1 and id = $2";
    execute(tx, sql, vec![place.0.into(), place.1.into(), json!([]).into(), now.into()]).await.map(drop)
}

/// Takes the right to renew tokens of a generation. False when somebody else has it, or the tokens are others by now.
pub(super) async fn take_lease(tx: &Tx, place: Place, generation: i64, lease: Uuid, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<bool, DbErr> {
    let sql = "update installations set refresh_lease = $3, refresh_lease_until = $4 where tenant_id = $1 and id = $2 and generation = $5
                 and (refresh_lease is null or refresh_lease = $3 or refresh_lease_until < $6)";
    let values = vec![place.0.into(), place.1.into(), lease.into(), until.into(), generation.into(), now.into()];
    Ok(execute(tx, sql, values).await? == 1)
}

/// Gives it back.
pub(super) async fn drop_lease(tx: &Tx, place: Place, lease: Uuid) -> Result<(), DbErr> {
    let sql = "update installations set refresh_lease = null, refresh_lease_until = null where tenant_id = $1 and id = $2 and refresh_lease = $3";
    execute(tx, sql, vec![place.0.into(), place.1.into(), lease.into()]).await.map(drop)
}

/// Something that happened to an installation.
pub(super) struct Entry<'a> {
    pub connection: Option<ConnectionId>,
    pub action: InstallationAction,
    pub scopes: Option<&'a [String]>,
    pub message: Option<String>,
    pub occurred_at: DateTime<Utc>,
}

/// Adds to the history.
pub(super) async fn note(tx: &Tx, trace: &Trace, (tenant, store): Place, entry: Entry<'_>) -> Result<(), DbErr> {
    let sql = "insert into installation_events (id, tenant_id, store_id, connection_id, action, scopes, message, occurred_at, created_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let id: InstallationEventId = trace.new_id();
    let message: Option<String> = entry.message.map(|text| text.chars().filter(|c| *c != '\0').take(1_000).collect());
    let values = vec![
        id.into(),
        tenant.into(),
        store.into(),
        entry.connection.into(),
        entry.action.as_str().into(),
        entry.scopes.map(|scopes| json!(scopes)).into(),
        message.into(),
        entry.occurred_at.into(),
        trace.now().into(),
    ];
    execute(tx, sql, values).await.map(drop)
}

/// Whether a store has orders.
pub(super) async fn has_orders(tx: &Tx, (tenant, store): Place) -> Result<bool, DbErr> {
    let sql = "select 1 from orders where tenant_id = $1 and store_id = $2 limit 1";
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [tenant.into(), store.into()]);
    Ok(tx.query_one_raw(statement).await?.is_some())
}
