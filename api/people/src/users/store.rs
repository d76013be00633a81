//! The statements about users and memberships.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entities::tables::{api_tokens, membership_stores, one_time_links, stores, tenant_memberships, tenants, users};
use entities::{MembershipId, MembershipRole, StoreId, TenantId, TenantStatus, UserId, UserStatus};
use platform::callers::Action;
use platform::callers::actions::{ManageUsers, ReadUsers};
use platform::db::{FromRow, Page, PageRequest, in_ids, keyset, rows_of};
use platform::{DbErr, OpCtx, Permit, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, EntityTrait};
use uuid::Uuid;

use super::rows::{Member, Membership, MembershipRow, UserRow};
use super::viewer::ViewerMembership;

/// What a user is to be in a tenant.
pub(super) struct Place {
    pub(super) role: MembershipRole,
    /// None means all.
    pub(super) stores: Option<Vec<StoreId>>,
}

fn m(column: tenant_memberships::Column) -> SimpleExpr {
    Expr::col((tenant_memberships::Entity, column))
}

fn u(column: users::Column) -> SimpleExpr {
    Expr::col((users::Entity, column))
}

/// Users joined with their memberships, as far as the permit reaches.
fn members<A: Action>(tx: &Tx, permit: &Permit<A>) -> SelectStatement {
    let mut select = Query::select();
    select.from(users::Entity).inner_join(tenant_memberships::Entity, m(tenant_memberships::Column::UserId).eq(u(users::Column::Id)));
    permit.limit(&mut select, tx.get_database_backend(), m(tenant_memberships::Column::TenantId), None);
    select
}

fn shown<A: Action>(permit: &Permit<A>, user: UserRow, accepted: bool) -> UserRow {
    if accepted || permit.tenant().is_none() { user } else { user.unaccepted() }
}

pub(super) async fn page(tx: &Tx, permit: &Permit<ReadUsers>, tenant: TenantId, request: &PageRequest) -> Result<Page<Member>, DbErr> {
    let mut select = members(tx, permit);
    UserRow::select(&mut select);
    MembershipRow::select(&mut select).and_where(m(tenant_memberships::Column::TenantId).eq(tenant));
    keyset(&mut select, request, m(tenant_memberships::Column::CreatedAt), m(tenant_memberships::Column::Id));
    let mut rows = Vec::new();
    for row in tx.query_all(&select).await? {
        rows.push((UserRow::from_row(&row, 0)?, MembershipRow::from_row(&row, UserRow::COLUMNS)?));
    }
    let Page { rows, has_next, has_previous } = Page::from_fetched(rows, request);
    let (found, memberships): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let memberships = with_stores(tx, memberships).await?;
    let member = |(user, membership): (UserRow, Membership)| Member { user: shown(permit, user, membership.row.accepted_at.is_some()), membership };
    Ok(Page { rows: found.into_iter().zip(memberships).map(member).collect(), has_next, has_previous })
}

pub(super) async fn count(tx: &Tx, permit: &Permit<ReadUsers>, tenant: TenantId) -> Result<u64, DbErr> {
    let mut select = members(tx, permit);
    select.expr(m(tenant_memberships::Column::Id).count()).and_where(m(tenant_memberships::Column::TenantId).eq(tenant));
    let count: i64 = tx.query_one(&select).await?.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    Ok(count.unsigned_abs())
}

/// Users that the permit reaches. A platform administrator sees those without any membership too.
pub(super) async fn load_many<A: Action>(tx: &Tx, permit: &Permit<A>, ids: &[UserId]) -> Result<Vec<UserRow>, DbErr> {
    let these = in_ids(tx.get_database_backend(), u(users::Column::Id), ids.iter().map(|id| id.uuid()));
    let Some(_) = permit.tenant() else {
        let mut select = Query::select();
        UserRow::select(&mut select).from(users::Entity).and_where(these);
        return rows_of(tx, &select).await;
    };
    let mut select = members(tx, permit);
    UserRow::select(&mut select).expr(m(tenant_memberships::Column::AcceptedAt)).and_where(these);
    let mut found = Vec::new();
    for row in tx.query_all(&select).await? {
        let accepted: Option<DateTime<Utc>> = row.try_get_by_index(UserRow::COLUMNS)?;
        found.push(shown(permit, UserRow::from_row(&row, 0)?, accepted.is_some()));
    }
    Ok(found)
}

pub(super) async fn memberships_of(tx: &Tx, permit: &Permit<ReadUsers>, of: &[UserId]) -> Result<Vec<Membership>, DbErr> {
    let backend = tx.get_database_backend();
    let mut select = Query::select();
    MembershipRow::select(&mut select).from(tenant_memberships::Entity);
    select.and_where(in_ids(backend, m(tenant_memberships::Column::UserId), of.iter().map(|id| id.uuid())));
    permit.limit(&mut select, backend, m(tenant_memberships::Column::TenantId), None);
    select.order_by_expr(m(tenant_memberships::Column::CreatedAt), Order::Asc).order_by_expr(m(tenant_memberships::Column::Id), Order::Asc);
    with_stores(tx, rows_of(tx, &select).await?).await
}

/// A user's place in a tenant that the permit covers.
pub(super) async fn membership(tx: &Tx, permit: &Permit<ManageUsers>, tenant: TenantId, user: UserId) -> Result<Option<Membership>, DbErr> {
    let mut select = Query::select();
    MembershipRow::select(&mut select).from(tenant_memberships::Entity);
    select.and_where(m(tenant_memberships::Column::TenantId).eq(tenant)).and_where(m(tenant_memberships::Column::UserId).eq(user));
    permit.limit(&mut select, tx.get_database_backend(), m(tenant_memberships::Column::TenantId), None);
    Ok(with_stores(tx, rows_of(tx, &select).await?).await?.pop())
}

/// Adds the stores of those memberships that are limited to some. The memberships are permitted ones already.
async fn with_stores(tx: &Tx, rows: Vec<MembershipRow>) -> Result<Vec<Membership>, DbErr> {
    use membership_stores::Column::{MembershipId, StoreId as Store, TenantId};
    let limited: Vec<&MembershipRow> = rows.iter().filter(|row| !row.all_stores).collect();
    let mut by_membership: HashMap<(Uuid, Uuid), Vec<StoreId>> = HashMap::new();
    if !limited.is_empty() {
        let backend = tx.get_database_backend();
        let select = Query::select()
            .columns([TenantId, MembershipId, Store])
            .from(membership_stores::Entity)
            .and_where(in_ids(backend, Expr::col(TenantId), limited.iter().map(|row| row.tenant.uuid())))
            .and_where(in_ids(backend, Expr::col(MembershipId), limited.iter().map(|row| row.id.uuid())))
            .order_by(Store, Order::Asc)
            .take();
        for row in tx.query_all(&select).await? {
            by_membership.entry((row.try_get_by_index(0)?, row.try_get_by_index(1)?)).or_default().push(row.try_get_by_index(2)?);
        }
    }
    let mut stores_of = |row: &MembershipRow| (!row.all_stores).then(|| by_membership.remove(&(row.tenant.uuid(), row.id.uuid())).unwrap_or_default());
    Ok(rows.into_iter().map(|row| Membership { stores: stores_of(&row), row }).collect())
}

/// A user, for the identity rooms.
pub(crate) async fn user_row(tx: &Tx, id: UserId) -> Result<Option<UserRow>, DbErr> {
    let mut select = Query::select();
    UserRow::select(&mut select).from(users::Entity).and_where(u(users::Column::Id).eq(id));
    Ok(rows_of(tx, &select).await?.pop())
}

/// A user, held until the transaction ends.
pub(super) async fn lock_user(tx: &Tx, id: UserId) -> Result<Option<UserRow>, DbErr> {
    let mut select = Query::select();
    UserRow::select(&mut select).from(users::Entity).and_where(u(users::Column::Id).eq(id)).lock(LockType::NoKeyUpdate);
    Ok(rows_of(tx, &select).await?.pop())
}

/// The user with this e-mail address, made where there is none.
pub(super) async fn user_by_email(ctx: &OpCtx, tx: &Tx, email: &str, name: Option<String>) -> Result<UserId, DbErr> {
    let email_key = platform::text::fold(email);
    let now = ctx.now();
    let row = users::ActiveModel {
        id: Set(ctx.new_id::<UserId>()),
        email: Set(email.to_owned()),
        email_key: Set(email_key.clone()),
        name: Set(name),
        password_hash: Set(None),
        status: Set(UserStatus::Invited),
        platform_admin: Set(false),
        locale: Set(None),
        last_sign_in_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    users::Entity::insert(row).on_conflict(OnConflict::column(users::Column::EmailKey).do_nothing().to_owned()).exec_without_returning(tx).await?;
    let select = Query::select().column(users::Column::Id).from(users::Entity).and_where(Expr::col(users::Column::EmailKey).eq(email_key)).take();
    let row = tx.query_one(&select).await?.ok_or_else(|| DbErr::RecordNotFound("the user just made".into()))?;
    row.try_get_by_index(0)
}

pub(super) async fn insert_membership(
    ctx: &OpCtx,
    tx: &Tx,
    _permit: &Permit<ManageUsers>,
    tenant: TenantId,
    user: UserId,
    place: &Place,
) -> Result<MembershipId, DbErr> {
    let (id, now) = (ctx.new_id::<MembershipId>(), ctx.now());
    let row = tenant_memberships::ActiveModel {
        id: Set(id),
        tenant_id: Set(tenant),
        user_id: Set(user),
        role: Set(place.role),
        all_stores: Set(place.stores.is_none()),
        accepted_at: Set(None),
        disabled_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    tenant_memberships::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(id)
}

fn change(ctx: &OpCtx, row: &MembershipRow) -> sea_orm::sea_query::UpdateStatement {
    use tenant_memberships::Column::{Id, TenantId, UpdatedAt};
    Query::update()
        .table(tenant_memberships::Entity)
        .value(UpdatedAt, ctx.now())
        .and_where(Expr::col(TenantId).eq(row.tenant))
        .and_where(Expr::col(Id).eq(row.id))
        .take()
}

pub(super) async fn change_membership(ctx: &OpCtx, tx: &Tx, _permit: &Permit<ManageUsers>, row: &MembershipRow, place: &Place) -> Result<(), DbErr> {
    use tenant_memberships::Column::{AllStores, Role};
    let mut update = change(ctx, row);
    update.values([(Role, place.role.as_str().into()), (AllStores, place.stores.is_none().into())]);
    tx.execute(&update).await.map(drop)
}

/// A membership that waits to be accepted, again.
pub(super) async fn renew_membership(ctx: &OpCtx, tx: &Tx, permit: &Permit<ManageUsers>, row: &MembershipRow, place: &Place) -> Result<(), DbErr> {
    use tenant_memberships::Column::{AcceptedAt, DisabledAt};
    let never = None::<DateTime<Utc>>;
    let mut update = change(ctx, row);
    update.values([(AcceptedAt, never.into()), (DisabledAt, never.into())]);
    tx.execute(&update).await?;
    change_membership(ctx, tx, permit, row, place).await
}

pub(super) async fn disable_membership(ctx: &OpCtx, tx: &Tx, _permit: &Permit<ManageUsers>, row: &MembershipRow) -> Result<(), DbErr> {
    use tenant_memberships::Column::DisabledAt;
    let mut update = change(ctx, row);
    update.value(DisabledAt, ctx.now()).and_where(Expr::col(DisabledAt).is_null());
    tx.execute(&update).await.map(drop)
}

/// Shuts a user out everywhere: only a permit over all tenants does that. None when there is no such user.
pub(super) async fn disable_user(ctx: &OpCtx, tx: &Tx, permit: &Permit<ManageUsers>, user: UserId) -> Result<Option<()>, DbErr> {
    use users::Column::{Id, Status, UpdatedAt};
    if permit.tenant().is_some() {
        return Ok(None);
    }
    let update = Query::update()
        .table(users::Entity)
        .values([(Status, UserStatus::Disabled.as_str().into()), (UpdatedAt, ctx.now().into())])
        .and_where(Expr::col(Id).eq(user))
        .take();
    Ok((tx.execute(&update).await?.rows_affected() == 1).then_some(()))
}

/// Takes back the API tokens that a user made: in one tenant, or everywhere.
pub(super) async fn revoke_tokens_made_by(
    tx: &Tx,
    permit: &Permit<ManageUsers>,
    user: UserId,
    tenant: Option<TenantId>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    use api_tokens::Column::{CreatedBy, RevokedAt, TenantId};
    let mut update = Query::update();
    update.table(api_tokens::Entity).value(RevokedAt, now).and_where(Expr::col(CreatedBy).eq(user.to_string())).and_where(Expr::col(RevokedAt).is_null());
    if let Some(tenant) = tenant.or(permit.tenant()) {
        update.and_where(Expr::col(TenantId).eq(tenant));
    }
    tx.execute(&update).await.map(drop)
}

/// How many of the stores are the tenant's.
pub(super) async fn count_stores(tx: &Tx, permit: &Permit<ManageUsers>, tenant: TenantId, ids: &[StoreId]) -> Result<u64, DbErr> {
    use stores::Column::{Id, TenantId};
    let backend = tx.get_database_backend();
    let mut select = Query::select();
    select.expr(Expr::col(Id).count()).from(stores::Entity).and_where(Expr::col(TenantId).eq(tenant));
    select.and_where(in_ids(backend, Expr::col(Id), ids.iter().map(|id| id.uuid())));
    permit.limit(&mut select, backend, Expr::col(TenantId), None);
    let count: i64 = tx.query_one(&select).await?.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    Ok(count.unsigned_abs())
}

pub(super) async fn set_stores(tx: &Tx, _permit: &Permit<ManageUsers>, tenant: TenantId, id: MembershipId, of: &[StoreId]) -> Result<(), DbErr> {
    use membership_stores::Column::{MembershipId, StoreId, TenantId};
    let old = Query::delete().from_table(membership_stores::Entity).and_where(Expr::col(TenantId).eq(tenant)).and_where(Expr::col(MembershipId).eq(id)).take();
    tx.execute(&old).await?;
    if of.is_empty() {
        return Ok(());
    }
    let mut insert = Query::insert();
    insert.into_table(membership_stores::Entity).columns([TenantId, MembershipId, StoreId]);
    for store in of {
        insert.values([tenant.into(), id.into(), (*store).into()]).map_err(|error| DbErr::Custom(error.to_string()))?;
    }
    tx.execute(&insert).await.map(drop)
}

/// Whether somebody else can run the tenant.
pub(super) async fn another_admin(tx: &Tx, permit: &Permit<ManageUsers>, tenant: TenantId, but: UserId) -> Result<bool, DbErr> {
    use tenant_memberships::Column::{AcceptedAt, DisabledAt, Role, TenantId, UserId};
    let mut select = members(tx, permit);
    select
        .expr(m(UserId))
        .and_where(m(TenantId).eq(tenant))
        .and_where(m(UserId).ne(but))
        .and_where(m(Role).eq(MembershipRole::TenantAdmin.as_str()))
        .and_where(m(AcceptedAt).is_not_null())
        .and_where(m(DisabledAt).is_null())
        .and_where(u(users::Column::Status).eq(UserStatus::Active.as_str()))
        .limit(1);
    Ok(tx.query_one(&select).await?.is_some())
}

/// Whether a user still has any way in.
pub(super) async fn belongs_anywhere(tx: &Tx, user: UserId) -> Result<bool, DbErr> {
    use tenant_memberships::Column::{AcceptedAt, DisabledAt, UserId};
    let open = Query::select()
        .column(UserId)
        .from(tenant_memberships::Entity)
        .and_where(m(UserId).eq(user))
        .and_where(m(AcceptedAt).is_not_null())
        .and_where(m(DisabledAt).is_null())
        .take();
    let select = Query::select()
        .column(users::Column::Id)
        .from(users::Entity)
        .and_where(u(users::Column::Id).eq(user))
        .and_where(u(users::Column::PlatformAdmin).eq(true).or(u(users::Column::Id).in_subquery(open)))
        .take();
    Ok(tx.query_one(&select).await?.is_some())
}

/// Ends the links for a user who is shut out, and those that the user made: of one tenant, or all.
pub(super) async fn void_links_around(tx: &Tx, user: UserId, tenant: Option<TenantId>, now: DateTime<Utc>) -> Result<(), DbErr> {
    use one_time_links::Column::{CreatedBy, TenantId, UserId};
    let mut which = Expr::col(UserId).eq(user).or(Expr::col(CreatedBy).eq(user.to_string()));
    if let Some(tenant) = tenant {
        which = which.and(Expr::col(TenantId).eq(tenant));
    }
    crate::identity::void_links(tx, which, now).await
}

/// The open places of a user, for the user.
pub(super) async fn own_memberships(tx: &Tx, user: UserId) -> Result<Vec<ViewerMembership>, DbErr> {
    use tenant_memberships::Column::{AcceptedAt, CreatedAt, DisabledAt, Id, TenantId, UserId};
    let mut select = Query::select();
    MembershipRow::select(&mut select)
        .columns([(tenants::Entity, tenants::Column::CompanyName), (tenants::Entity, tenants::Column::Status)])
        .from(tenant_memberships::Entity)
        .inner_join(tenants::Entity, Expr::col((tenants::Entity, tenants::Column::Id)).eq(m(TenantId)))
        .and_where(m(UserId).eq(user))
        .and_where(m(AcceptedAt).is_not_null())
        .and_where(m(DisabledAt).is_null())
        .and_where(Expr::col((tenants::Entity, tenants::Column::Status)).ne(TenantStatus::Deleted.as_str()))
        .order_by_expr(m(CreatedAt), Order::Asc)
        .order_by_expr(m(Id), Order::Asc);
    let (mut rows, mut facts) = (Vec::new(), Vec::new());
    for row in tx.query_all(&select).await? {
        rows.push(MembershipRow::from_row(&row, 0)?);
        facts.push((row.try_get_by_index(MembershipRow::COLUMNS)?, row.try_get_by_index(MembershipRow::COLUMNS + 1)?));
    }
    let memberships = with_stores(tx, rows).await?;
    Ok(memberships
        .into_iter()
        .zip(facts)
        .map(|(membership, (company_name, tenant_status))| ViewerMembership { membership, company_name, tenant_status })
        .collect())
}
