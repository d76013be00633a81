//! What is written when a merchant lets the app in, and when they grant other things than before.

use chrono::{DateTime, Utc};
use entities::{ConnectionId, EventType, InstallationAction, StoreDataKind, StoreId, StoreStatus, TenantId, TenantStatus};
use integrations::ports::shop::Tokens;
use people::tenants::{TenantKeyError, TenantKeys};
use platform::callers::actions::ManageStores;
use platform::crypto::Where;
use platform::jobs::{NewJob, enqueue, hasten};
use platform::text::{fold, search_text};
use platform::{Change, DbErr, OpCtx, Permit, Trace, Tx};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde_json::json;

use super::access::refresh_place;
use super::error::InstallError;
use super::jobs::SET_UP;
use super::removal;
use super::state::{By, Hold, StoreState, find};
use super::store::{self, Entry, SealedTokens};

/// A merchant who let the app in.
pub(super) struct Arrival<'a> {
    pub tenant: TenantId,
    pub connection: ConnectionId,
    pub provider: &'a str,
    pub shop: &'a str,
    pub tokens: &'a Tokens,
    /// How they came, for the history.
    pub by: &'static str,
}

/// Seals tokens for a store.
pub(super) async fn seal(
    keys: &TenantKeys,
    tx: &Tx,
    permit: &Permit<ManageStores>,
    (tenant, id): store::Place,
    tokens: &Tokens,
    now: DateTime<Utc>,
) -> Result<SealedTokens, TenantKeyError> {
    let place = Where { tenant: tenant.uuid(), table: "stores", row: id.uuid(), column: "access_token_sealed" };
    let access = keys.seal(tx, permit, place, &tokens.access, now).await?;
    let refresh = match &tokens.refresh {
        Some(refresh) => Some(keys.seal(tx, permit, refresh_place(tenant, id), refresh, now).await?),
        None => None,
    };
    Ok(SealedTokens { access, access_expires_at: tokens.access_expires_at, refresh, refresh_expires_at: tokens.refresh_expires_at })
}

/// Writes an installation: the store, new or as it was, its tokens, its history, and the job that sets it up.
pub(super) async fn install(ctx: &OpCtx, permit: &Permit<ManageStores>, keys: &TenantKeys, arrival: Arrival<'_>) -> Result<StoreId, InstallError> {
    let Arrival { tenant, connection, provider, shop, tokens, by } = arrival;
    let (tx, trace, now) = (ctx.writer().await?, ctx.trace(), ctx.now());
    works(&tx, tenant).await?;
    let is_new = insert(&tx, &trace, &arrival, now).await?;
    let before =
        find(&tx, tenant, By::Domain { provider, domain: shop }, Hold::Yes).await?.ok_or_else(|| DbErr::Custom("a store that was just written".into()))?;
    let place = (tenant, before.id);
    if is_elsewhere(&before, connection) {
        return Err(InstallError::OtherConnection);
    }
    let action = match (is_new, before.status) {
        (true, _) => InstallationAction::Installed,
        (false, StoreStatus::Uninstalled) => InstallationAction::Reinstalled,
        // Connected with a token so far: the app comes in for the first time.
        (false, StoreStatus::Active | StoreStatus::Inactive) if before.connection().is_none() => InstallationAction::Installed,
        (false, StoreStatus::Active | StoreStatus::Inactive) => InstallationAction::Reauthorized,
    };
    store::ensure(&tx, place, now).await?;
    let sealed = seal(keys, &tx, permit, place, tokens, now).await?;
    store::put_tokens(&tx, place, sealed, now).await?;
    store::update(&tx, place, vec![("connection_id", connection.into()), ("scopes_at", now.into())], now).await?;
    let status = if before.status == StoreStatus::Uninstalled { StoreStatus::Active } else { before.status };
    store::update_store(&tx, place, vec![("status", status.as_str().into()), ("scopes", json!(tokens.scopes).into())], now).await?;
    // Who opens an app that is in the shop already begins nothing anew.
    if action != InstallationAction::Reauthorized {
        store::begin(&tx, place, now).await?;
    }
    let message = Some(by.to_owned());
    let entry = Entry { connection: Some(connection), action, scopes: Some(&tokens.scopes), message, occurred_at: now };
    store::note(&tx, &trace, place, entry).await?;
    if before.lost_at().is_some() {
        removal::announce(&tx, &trace, place, EventType::StoreAuthorizationRestored, json!({ "storeId": before.id })).await?;
    }
    set_up(&tx, &trace, place).await?;
    let data = json!({ "storeId": before.id, "connectionId": connection, "again": !is_new });
    let told = |status: StoreStatus, scopes: &[String]| json!({ "domain": shop, "status": status, "scopes": scopes, "connectionId": connection });
    let mut change = Change::new("storeInstall", tenant).subject(before.id).after(&told(status, &tokens.scopes));
    if !is_new {
        change = change.before(&told(before.status, &before.scopes));
    }
    ctx.commit(tx, change.announce_with(EventType::StoreInstalled, Some(before.id), data)).await?;
    Ok(before.id)
}

/// Nothing is in the way of an installation: the tenant may write, and no other app of its own is in the shop. Asked before a code is traded,
/// which is good once, and again with what is written.
pub(super) async fn welcome(tx: &Tx, tenant: TenantId, connection: ConnectionId, provider: &str, shop: &str) -> Result<(), InstallError> {
    works(tx, tenant).await?;
    let known = find(tx, tenant, By::Domain { provider, domain: shop }, Hold::No).await?;
    if known.is_some_and(|known| is_elsewhere(&known, connection)) { Err(InstallError::OtherConnection) } else { Ok(()) }
}

/// Whether another app is in the store's shop.
fn is_elsewhere(store: &StoreState, connection: ConnectionId) -> bool {
    store.status != StoreStatus::Uninstalled && store.connection().is_some_and(|other| other != connection)
}

/// A tenant that may write.
async fn works(tx: &Tx, tenant: TenantId) -> Result<(), InstallError> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), "select status from tenants where id = $1", [tenant.into()]);
    let status: Option<TenantStatus> = tx.query_one_raw(statement).await?.map(|row| row.try_get_by_index(0)).transpose()?;
    match status {
        Some(TenantStatus::Active) => Ok(()),
        _ => Err(InstallError::Suspended),
    }
}

/// Writes a store that is not there yet. What it sells in and where its days end is not known before it is set up, and nothing of it
/// comes in before that.
async fn insert(tx: &Tx, trace: &Trace, arrival: &Arrival<'_>, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let sql = "insert into stores (id, tenant_id, provider, name, name_key, domain, search_text, data_kind, status, settings, embedded_settings, scopes,
                 time_zone, currency_code, initial_setup_completed, created_at, updated_at)
               values ($1, $2, $3, $4, $5, $4, $6, $7, 'ACTIVE', $8, $8, $9, 'Asia/Tokyo', 'JPY', false, $10, $10)
               on conflict (tenant_id, provider, domain) do nothing";
    let id: StoreId = trace.new_id();
    let values: Vec<Value> = vec![
        id.into(),
        arrival.tenant.into(),
        arrival.provider.into(),
        arrival.shop.into(),
        fold(arrival.shop).into(),
        search_text(&[Some(arrival.shop), Some(arrival.shop)]).into(),
        StoreDataKind::Production.as_str().into(),
        json!({}).into(),
        json!([]).into(),
        now.into(),
    ];
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected() == 1)
}

/// Has a store set up, at once.
pub(super) async fn set_up(tx: &Tx, trace: &Trace, (tenant, store): store::Place) -> Result<(), DbErr> {
    enqueue(tx, trace, NewJob::new(SET_UP, Some(tenant), json!({ "storeId": store })).unique(store)).await?;
    hasten(tx, trace, SET_UP, &[store.to_string()]).await.map(drop)
}

/// The merchant grants these things as of an instant. Where they are others than before, that is written down, and the store is set up
/// again: what is missing is said there, and webhooks that were refused may be had now. False when nothing is new.
pub(super) async fn granted(tx: &Tx, trace: &Trace, state: &StoreState, scopes: &[String], at: DateTime<Utc>, why: &str) -> Result<bool, DbErr> {
    let (place, now) = ((state.tenant, state.id), trace.now());
    let sorted = |scopes: &[String]| {
        let mut scopes = scopes.to_vec();
        scopes.sort();
        scopes.dedup();
        scopes
    };
    store::ensure(tx, place, now).await?;
    store::update(tx, place, vec![("scopes_at", at.into())], now).await?;
    if sorted(scopes) == sorted(&state.scopes) {
        return Ok(false);
    }
    store::update_store(tx, place, vec![("scopes", json!(scopes).into())], now).await?;
    let message = Some(why.to_owned());
    let entry = Entry { connection: state.connection(), action: InstallationAction::ScopesChanged, scopes: Some(scopes), message, occurred_at: at };
    store::note(tx, trace, place, entry).await?;
    set_up(tx, trace, place).await?;
    Ok(true)
}
