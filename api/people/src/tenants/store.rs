//! The statements about tenants.

use chrono::{DateTime, Utc};
use entities::tables::{stores, tenant_keys, tenants};
use entities::{StoreStatus, TenantId, TenantStatus};
use platform::callers::Action;
use platform::callers::actions::{ManageTenants, ReadTenants};
use platform::crypto::Sealed;
use platform::db::{FromRow, Page, PageRequest, in_ids, keyset, rows_of};
use platform::{DbErr, Permit, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr, LockType, OnConflict, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, EntityTrait, Value};

use super::rows::{TenantFilter, TenantRow, TenantSort, TenantSummary};

fn t(column: tenants::Column) -> SimpleExpr {
    Expr::col((tenants::Entity, column))
}

/// Tenants that the permit reaches.
fn reached<A: Action>(tx: &Tx, permit: &Permit<A>) -> SelectStatement {
    let mut select = Query::select();
    select.from(tenants::Entity);
    permit.limit(&mut select, tx.get_database_backend(), t(tenants::Column::Id), None);
    select
}

fn filter(select: &mut SelectStatement, filter: &TenantFilter) {
    match &filter.statuses {
        Some(statuses) => select.and_where(t(tenants::Column::Status).is_in(statuses.iter().map(|status| status.as_str()))),
        None => select.and_where(t(tenants::Column::Status).ne(TenantStatus::Deleted.as_str())),
    };
    // Words in any order, as in every other list.
    for word in filter.text.as_deref().unwrap_or_default().split_whitespace() {
        let pattern = LikeExpr::new(platform::text::contains_pattern(word)).escape('\\');
        select.and_where(t(tenants::Column::SearchText).like(pattern));
    }
}

pub(super) async fn page(
    tx: &Tx,
    permit: &Permit<ReadTenants>,
    which: &TenantFilter,
    sort: TenantSort,
    request: &PageRequest,
) -> Result<Page<TenantRow>, DbErr> {
    let mut select = reached(tx, permit);
    filter(TenantRow::select(&mut select), which);
    let by = match sort {
        TenantSort::CreatedAt => t(tenants::Column::CreatedAt),
        TenantSort::CompanyName => t(tenants::Column::CompanyNameKey),
    };
    keyset(&mut select, request, by, t(tenants::Column::Id));
    Ok(Page::from_fetched(rows_of(tx, &select).await?, request))
}

pub(super) async fn count(tx: &Tx, permit: &Permit<ReadTenants>, which: &TenantFilter) -> Result<u64, DbErr> {
    let mut select = reached(tx, permit);
    filter(select.expr(t(tenants::Column::Id).count()), which);
    let count: i64 = tx.query_one(&select).await?.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    Ok(count.unsigned_abs())
}

pub(super) async fn load_many(tx: &Tx, permit: &Permit<ReadTenants>, ids: &[TenantId]) -> Result<Vec<TenantRow>, DbErr> {
    let mut select = reached(tx, permit);
    TenantRow::select(&mut select).and_where(in_ids(tx.get_database_backend(), t(tenants::Column::Id), ids.iter().map(|id| id.uuid())));
    rows_of(tx, &select).await
}

/// The tenants' summaries, by one statement however many there are.
pub(super) async fn summaries(tx: &Tx, permit: &Permit<ReadTenants>, ids: &[TenantId]) -> Result<Vec<TenantSummary>, DbErr> {
    let s = |column: stores::Column| Expr::col((stores::Entity, column));
    let mut select = reached(tx, permit);
    let active = Expr::case(s(stores::Column::Status).eq(StoreStatus::Active.as_str()), s(stores::Column::Id)).finally(Option::<uuid::Uuid>::None);
    select
        .expr(t(tenants::Column::Id))
        .expr(s(stores::Column::Id).count())
        .expr(SimpleExpr::Case(Box::new(active)).count())
        .expr(t(tenants::Column::LastActivityAt))
        .left_join(stores::Entity, s(stores::Column::TenantId).eq(t(tenants::Column::Id)))
        .and_where(in_ids(tx.get_database_backend(), t(tenants::Column::Id), ids.iter().map(|id| id.uuid())))
        .add_group_by([t(tenants::Column::Id), t(tenants::Column::LastActivityAt)]);
    let mut found = Vec::with_capacity(ids.len());
    for row in tx.query_all(&select).await? {
        found.push(TenantSummary {
            tenant: row.try_get_by_index(0)?,
            total_stores: row.try_get_by_index::<i64>(1)?.unsigned_abs(),
            active_stores: row.try_get_by_index::<i64>(2)?.unsigned_abs(),
            last_activity_at: row.try_get_by_index(3)?,
        });
    }
    Ok(found)
}

/// A tenant that the permit covers, held until the transaction ends.
pub(super) async fn lock<A: Action>(tx: &Tx, permit: &Permit<A>, id: TenantId) -> Result<Option<TenantRow>, DbErr> {
    let mut select = reached(tx, permit);
    TenantRow::select(&mut select).and_where(t(tenants::Column::Id).eq(id)).lock(LockType::NoKeyUpdate);
    Ok(rows_of(tx, &select).await?.pop())
}

/// Makes others who change the tenant's people wait. False when there is no such tenant, or not any more.
pub async fn lock_tenant<A: Action>(tx: &Tx, permit: &Permit<A>, id: TenantId) -> Result<bool, DbErr> {
    Ok(lock(tx, permit, id).await?.is_some_and(|tenant| tenant.status != TenantStatus::Deleted))
}

pub(super) async fn insert(tx: &Tx, _permit: &Permit<ManageTenants>, row: tenants::ActiveModel) -> Result<(), DbErr> {
    tenants::Entity::insert(row).exec_without_returning(tx).await.map(drop)
}

/// Writes columns of a tenant that the permit covers.
pub(super) async fn update<A: Action>(tx: &Tx, permit: &Permit<A>, id: TenantId, values: Vec<(tenants::Column, Value)>) -> Result<(), DbErr> {
    if !permit.covers(id) {
        return Ok(());
    }
    let values = values.into_iter().map(|(column, value)| (column, Expr::val(value)));
    tx.execute(&Query::update().table(tenants::Entity).values(values).and_where(Expr::col(tenants::Column::Id).eq(id)).take()).await.map(drop)
}

fn keys<A: Action>(tx: &Tx, permit: &Permit<A>, tenant: TenantId) -> SelectStatement {
    use tenant_keys::Column::{KeyId, TenantId, Wrapped};
    let mut select = Query::select();
    select.columns([KeyId, Wrapped]).from(tenant_keys::Entity).and_where(Expr::col(TenantId).eq(tenant));
    permit.limit(&mut select, tx.get_database_backend(), Expr::col(TenantId), None);
    select
}

async fn first_key(tx: &Tx, select: &SelectStatement) -> Result<Option<(u32, Sealed)>, DbErr> {
    let Some(row) = tx.query_one(select).await? else { return Ok(None) };
    Ok(Some((row.try_get_by_index::<i32>(0)?.unsigned_abs(), row.try_get_by_index(1)?)))
}

pub(super) async fn newest_key<A: Action>(tx: &Tx, permit: &Permit<A>, tenant: TenantId) -> Result<Option<(u32, Sealed)>, DbErr> {
    let mut select = keys(tx, permit, tenant);
    first_key(tx, select.order_by(tenant_keys::Column::KeyId, Order::Desc).limit(1)).await
}

pub(super) async fn key<A: Action>(tx: &Tx, permit: &Permit<A>, tenant: TenantId, id: u32) -> Result<Option<Sealed>, DbErr> {
    let mut select = keys(tx, permit, tenant);
    let found = first_key(tx, select.and_where(Expr::col(tenant_keys::Column::KeyId).eq(i64::from(id)))).await?;
    Ok(found.map(|(_, wrapped)| wrapped))
}

pub(super) async fn insert_key<A: Action>(tx: &Tx, _permit: &Permit<A>, tenant: TenantId, id: i32, wrapped: Sealed, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row = tenant_keys::ActiveModel { tenant_id: Set(tenant), key_id: Set(id), wrapped: Set(wrapped), created_at: Set(now) };
    let once = OnConflict::columns([tenant_keys::Column::TenantId, tenant_keys::Column::KeyId]).do_nothing().to_owned();
    tenant_keys::Entity::insert(row).on_conflict(once).exec_without_returning(tx).await.map(drop)
}
