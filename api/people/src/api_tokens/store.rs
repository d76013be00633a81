//! The statements about API tokens.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entities::tables::api_tokens::{ActiveModel, Column, Entity};
use entities::{ApiScope, ApiTokenId, TenantId, TokenRole};
use platform::callers::Action;
use platform::callers::actions::{ManageApiTokens, ReadApiTokens};
use platform::db::{Cursor, FromRow, Page, PageRequest, SortValue, keyset, rows_of};
use platform::{DbErr, Permit, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, EntityTrait};

platform::row! {
    /// An API token, without its secret.
    pub struct ApiTokenRow from api_tokens {
        /// The id.
        id: ApiTokenId = Id,
        /// The tenant; none for a token over all of them.
        tenant: Option<TenantId> = TenantId,
        /// What people call it.
        name: String = Name,
        /// What its bearer is.
        role: TokenRole = Role,
        /// The scopes as they are stored; see [`ApiTokenRow::scopes`].
        stored_scopes: serde_json::Value = Scopes,
        /// How its secret begins.
        prefix: String = Prefix,
        /// Who made it.
        created_by: String = CreatedBy,
        /// When it ends.
        expires_at: Option<DateTime<Utc>> = ExpiresAt,
        /// When it was last used, to the minute.
        last_used_at: Option<DateTime<Utc>> = LastUsedAt,
        /// When it was revoked.
        revoked_at: Option<DateTime<Utc>> = RevokedAt,
        /// When it was made.
        created_at: DateTime<Utc> = CreatedAt,
    }
}

impl ApiTokenRow {
    /// What an integration may do with it.
    pub fn scopes(&self) -> Arc<[ApiScope]> {
        crate::identity::known_scopes(&self.stored_scopes)
    }

    /// The token's place in a list.
    pub fn cursor(&self, sort: TokenSort) -> Cursor {
        let value = match sort {
            TokenSort::CreatedAt => SortValue::At(self.created_at),
        };
        Cursor::new(sort.as_str(), value, self.id.uuid())
    }
}

/// What a list of tokens is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenSort {
    /// When the token was made.
    CreatedAt,
}

impl TokenSort {
    /// The spelling in cursors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "CREATED_AT",
        }
    }
}

fn c(column: Column) -> SimpleExpr {
    Expr::col((Entity, column))
}

fn reached<A: Action>(tx: &Tx, permit: &Permit<A>) -> SelectStatement {
    let mut select = Query::select();
    select.from(Entity);
    permit.limit(&mut select, tx.get_database_backend(), c(Column::TenantId), None);
    select
}

/// Tokens of a tenant, or those over all tenants.
fn of(tenant: Option<TenantId>) -> SimpleExpr {
    match tenant {
        Some(tenant) => c(Column::TenantId).eq(tenant),
        None => c(Column::TenantId).is_null(),
    }
}

pub(super) async fn page(tx: &Tx, permit: &Permit<ReadApiTokens>, tenant: Option<TenantId>, request: &PageRequest) -> Result<Page<ApiTokenRow>, DbErr> {
    let mut select = reached(tx, permit);
    ApiTokenRow::select(&mut select).and_where(of(tenant));
    keyset(&mut select, request, c(Column::CreatedAt), c(Column::Id));
    Ok(Page::from_fetched(rows_of(tx, &select).await?, request))
}

pub(super) async fn count(tx: &Tx, permit: &Permit<ReadApiTokens>, tenant: Option<TenantId>) -> Result<u64, DbErr> {
    let mut select = reached(tx, permit);
    select.expr(c(Column::Id).count()).and_where(of(tenant));
    let count: i64 = tx.query_one(&select).await?.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    Ok(count.unsigned_abs())
}

pub(super) async fn find<A: Action>(tx: &Tx, permit: &Permit<A>, id: ApiTokenId) -> Result<Option<ApiTokenRow>, DbErr> {
    let mut select = reached(tx, permit);
    ApiTokenRow::select(&mut select).and_where(c(Column::Id).eq(id));
    Ok(rows_of(tx, &select).await?.pop())
}

/// How many of a tenant's tokens are good.
pub(super) async fn good(tx: &Tx, tenant: TenantId, now: DateTime<Utc>) -> Result<i64, DbErr> {
    let mut select = good_of(tenant, now);
    select.expr(c(Column::Id).count());
    tx.query_one(&select).await?.map_or(Ok(0), |row| row.try_get_by_index(0))
}

/// Whether a tenant's token is good: neither revoked nor past its end. The transaction must see the tenant.
pub async fn is_good(tx: &Tx, tenant: TenantId, id: ApiTokenId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let mut select = good_of(tenant, now);
    select.expr(c(Column::Id)).and_where(c(Column::Id).eq(id));
    Ok(tx.query_one(&select).await?.is_some())
}

fn good_of(tenant: TenantId, now: DateTime<Utc>) -> SelectStatement {
    let mut select = Query::select();
    select.from(Entity).and_where(of(Some(tenant))).and_where(c(Column::RevokedAt).is_null());
    select.and_where(c(Column::ExpiresAt).is_null().or(c(Column::ExpiresAt).gt(now)));
    select
}

pub(super) async fn revoke(tx: &Tx, permit: &Permit<ManageApiTokens>, id: ApiTokenId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let mut update = Query::update();
    update.table(Entity).value(Column::RevokedAt, now).and_where(Expr::col(Column::Id).eq(id)).and_where(Expr::col(Column::RevokedAt).is_null());
    if let Some(tenant) = permit.tenant() {
        update.and_where(Expr::col(Column::TenantId).eq(tenant));
    }
    tx.execute(&update).await.map(drop)
}

/// Writes a token whose tenant the caller has decided.
pub(crate) async fn insert_token(tx: &Tx, row: ActiveModel) -> Result<(), DbErr> {
    Entity::insert(row).exec_without_returning(tx).await.map(drop)
}
