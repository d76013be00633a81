//! The queries of privacy requests and of who is forgotten, private to this room.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entities::{InstallationAction, PrivacyRequestId, PrivacyRequestOutcome, PrivacyRequestStatus, StoreId, StoreStatus, TenantId};
use integrations::ports::commerce::RecordKind;
use platform::db::{Access, FromRow, is_sqlite, rows_of};
use platform::{Database, DbErr, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde_json::Value as Json;

use super::row::PrivacyRequestRow;
use crate::changes::StorePlace;
use crate::records::{Forgotten, Thing, digest, merging_lock};

/// A statement of our own.
pub(super) fn statement(tx: &Tx, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(tx.get_database_backend(), sql, values)
}

/// Everybody whom a store has forgotten.
pub(crate) async fn forgotten(db: &Database, tenant: TenantId, store: StoreId) -> Result<Forgotten, DbErr> {
    let tx = db.read(Access::Tenant(tenant)).await?;
    let rows =
        tx.query_all_raw(statement(&tx, "select digest from privacy_erasures where tenant_id = $1 and store_id = $2", [tenant.into(), store.into()])).await?;
    let digests = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<HashSet<String>, _>>()?;
    Ok(Forgotten::of(store, digests))
}

/// Whom a store has forgotten of those that a change is about.
pub(crate) async fn forgotten_of(tx: &Tx, place: &StorePlace, things: &[(RecordKind, &str)]) -> Result<Forgotten, DbErr> {
    let of = |kind: RecordKind, thing| things.iter().find(|(other, _)| *other == kind).map(|(_, id)| digest(place.store, thing, id));
    let digests = [of(RecordKind::Customer, Thing::Customer), of(RecordKind::Order, Thing::Order)];
    if digests.iter().all(Option::is_none) {
        return Ok(Forgotten::nobody(place.store));
    }
    Ok(Forgotten::of(place.store, known(tx, (place.tenant, place.store), digests).await?))
}

/// Those of two digests that a store has forgotten.
pub(super) async fn known(tx: &Tx, (tenant, store): (TenantId, StoreId), digests: [Option<String>; 2]) -> Result<HashSet<String>, DbErr> {
    let sql = "select digest from privacy_erasures where tenant_id = $1 and store_id = $2 and digest in ($3, $4)";
    let [one, other] = digests;
    let values = [tenant.into(), store.into(), one.unwrap_or_default().into(), other.unwrap_or_default().into()];
    tx.query_all_raw(statement(tx, sql, values)).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// From here on nothing personal is written of these.
pub(super) async fn forget(tx: &Tx, (tenant, store): (TenantId, StoreId), digests: Vec<String>, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "insert into privacy_erasures (tenant_id, store_id, digest, created_at) values ($1, $2, $3, $4) on conflict do nothing";
    for digest in digests {
        tx.execute_raw(statement(tx, sql, [tenant.into(), store.into(), digest.into(), now.into()])).await?;
    }
    Ok(())
}

/// Waits until nothing is being written to a store, and lets nothing be written until the transaction ends.
pub(super) async fn hold(tx: &Tx, store: StoreId) -> Result<(), DbErr> {
    if !is_sqlite(tx.get_database_backend()) {
        tx.execute_raw(statement(tx, "select pg_advisory_xact_lock(hashtextextended($1, 0))", [merging_lock(store).into()])).await?;
    }
    Ok(())
}

/// A request of a tenant, held against other writers until the transaction ends.
pub(super) async fn locked(tx: &Tx, tenant: TenantId, id: PrivacyRequestId) -> Result<Option<PrivacyRequestRow>, DbErr> {
    let mut select = Query::select();
    PrivacyRequestRow::select(&mut select).from("privacy_requests");
    select.and_where(Expr::col(("privacy_requests", "tenant_id")).eq(tenant)).and_where(Expr::col(("privacy_requests", "id")).eq(id));
    if !is_sqlite(tx.get_database_backend()) {
        select.lock_exclusive();
    }
    Ok(rows_of::<PrivacyRequestRow>(tx, &select).await?.pop())
}

/// What a store has to say about its erasure.
pub(super) struct Shop {
    pub status: StoreStatus,
    pub installed_at: DateTime<Utc>,
    pub scheduled_at: Option<DateTime<Utc>>,
    pub erased_at: Option<DateTime<Utc>>,
}

/// A store, held against other writers until the transaction ends.
pub(super) async fn shop(tx: &Tx, tenant: TenantId, store: StoreId) -> Result<Option<Shop>, DbErr> {
    let lock = if is_sqlite(tx.get_database_backend()) { "" } else { " for update" };
    let sql = format!(
        "select status, coalesce(installed_at, created_at), data_deletion_scheduled_at, data_deletion_completed_at from stores where tenant_id = $1 and id = $2{lock}"
    );
    let Some(row) = tx.query_one_raw(statement(tx, &sql, [tenant.into(), store.into()])).await? else { return Ok(None) };
    Ok(Some(Shop {
        status: row.try_get_by_index(0)?,
        installed_at: row.try_get_by_index(1)?,
        scheduled_at: row.try_get_by_index(2)?,
        erased_at: row.try_get_by_index(3)?,
    }))
}

/// Whether a request came by another connection than the store was installed by.
pub(super) async fn is_of_another_connection(tx: &Tx, request: &PrivacyRequestRow, store: StoreId) -> Result<bool, DbErr> {
    let sql = "select 1 from webhook_events e join installations i on i.tenant_id = e.tenant_id and i.connection_id <> e.connection_id
               where e.tenant_id = $1 and e.id = $2 and i.id = $3";
    let values = [request.tenant_id.into(), request.webhook_event_id.into(), store.into()];
    Ok(tx.query_one_raw(statement(tx, sql, values)).await?.is_some())
}

/// Whether the app was removed from a store's shop since an instant, and let in again: in the order in which it was written down here, by
/// one clock.
pub(super) async fn came_back(tx: &Tx, request: &PrivacyRequestRow, store: StoreId, since: DateTime<Utc>) -> Result<bool, DbErr> {
    let sql = "select action, created_at from installation_events where tenant_id = $1 and store_id = $2
                 and action in ('INSTALLED', 'REINSTALLED', 'UNINSTALLED') order by created_at desc, id desc limit 2";
    let rows = tx.query_all_raw(statement(tx, sql, [request.tenant_id.into(), store.into()])).await?;
    let [last, before] = rows.as_slice() else { return Ok(false) };
    let (last, before, at): (InstallationAction, InstallationAction, DateTime<Utc>) =
        (last.try_get_by_index(0)?, before.try_get_by_index(0)?, before.try_get_by_index(1)?);
    Ok(last != InstallationAction::Uninstalled && before == InstallationAction::Uninstalled && at >= since)
}

/// The store of a tenant with a provider's domain.
pub(super) async fn store_of(tx: &Tx, tenant: TenantId, provider: &str, domain: &str) -> Result<Option<StoreId>, DbErr> {
    let sql = "select id from stores where tenant_id = $1 and provider = $2 and domain = $3";
    let row = tx.query_one_raw(statement(tx, sql, [tenant.into(), provider.into(), domain.into()])).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

/// Writes down what was done so far.
pub(super) async fn note(tx: &Tx, request: &PrivacyRequestRow, evidence: &Json, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "update privacy_requests set evidence = $1, updated_at = $2 where tenant_id = $3 and id = $4";
    tx.execute_raw(statement(tx, sql, [evidence.clone().into(), now.into(), request.tenant_id.into(), request.id.into()])).await.map(drop)
}

/// The request is done. Whom it was about is not written in it any more, but for the id of a customer who is to be answered.
pub(super) async fn complete(tx: &Tx, request: &PrivacyRequestRow, outcome: PrivacyRequestOutcome, evidence: &Json, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "update privacy_requests set status = $1, outcome = $2, evidence = $3, completed_at = $4, updated_at = $4, error_message = null, contact = null
               where tenant_id = $5 and id = $6";
    let values = [
        PrivacyRequestStatus::Completed.as_str().into(),
        outcome.as_str().into(),
        evidence.clone().into(),
        now.into(),
        request.tenant_id.into(),
        request.id.into(),
    ];
    tx.execute_raw(statement(tx, sql, values)).await.map(drop)
}

/// The request could not be done.
pub(super) async fn fail(tx: &Tx, tenant: TenantId, id: PrivacyRequestId, why: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "update privacy_requests set status = $1, error_message = $2, updated_at = $3 where tenant_id = $4 and id = $5 and status = $6";
    let (failed, pending) = (PrivacyRequestStatus::Failed.as_str(), PrivacyRequestStatus::Pending.as_str());
    let why: String = why.chars().take(2_000).collect();
    tx.execute_raw(statement(tx, sql, [failed.into(), why.into(), now.into(), tenant.into(), id.into(), pending.into()])).await.map(drop)
}

/// Takes persons out of a request and out of those that satisfy a condition on `$5` and what follows: bundles, ids, addresses. Redactions
/// that wait keep what they need to be done.
pub(super) async fn forget_requests<const N: usize>(
    tx: &Tx,
    request: &PrivacyRequestRow,
    condition: &str,
    values: [Value; N],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = format!(
        "update privacy_requests set external_customer_id = null, external_order_ids = $1, contact = null, bundle_sealed = null, bundle_bytes = null,
           bundle_deletion_at = null, updated_at = $2
         where tenant_id = $3 and (id = $4 or (status = 'COMPLETED' or kind = 'DATA_REQUEST') and ({condition}))"
    );
    let own = [Json::Array(Vec::new()).into(), now.into(), request.tenant_id.into(), request.id.into()];
    tx.execute_raw(statement(tx, &sql, own.into_iter().chain(values))).await.map(drop)
}

/// What asks about the shop of a request for what is kept of somebody whom it names by an address or a number alone, with these.
pub(super) async fn asked_without_id(tx: &Tx, request: &PrivacyRequestRow) -> Result<Vec<(PrivacyRequestId, Json)>, DbErr> {
    let sql = "select id, contact from privacy_requests where tenant_id = $1 and provider = $2 and shop_domain = $3 and kind = 'DATA_REQUEST'
                 and external_customer_id is null and contact is not null";
    let values = [request.tenant_id.into(), request.provider.as_str().into(), request.shop_domain.as_str().into()];
    tx.query_all_raw(statement(tx, sql, values)).await?.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}
