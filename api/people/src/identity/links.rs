//! One-time links: a secret that stands for an invitation or a password reset, kept as a hash, good once.

use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::one_time_links::{ActiveModel, Column, Entity};
use entities::{LinkId, LinkKind, TenantId, UserId};
use platform::crypto::{NewSecret, hash_secret};
use platform::{DbErr, OpCtx, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{ConnectionTrait, EntityTrait};
use secrecy::SecretString;

/// What the links' secrets begin with.
const PREFIX: &str = "norenlink";

/// Whom a link is for, and where. The tenant of a password reset is the one whose administrator made it; a platform
/// administrator's has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkFor {
    pub(crate) kind: LinkKind,
    pub(crate) user: UserId,
    pub(crate) tenant: Option<TenantId>,
}

fn lifetime(kind: LinkKind) -> TimeDelta {
    match kind {
        LinkKind::Invitation => TimeDelta::days(7),
        LinkKind::PasswordReset => TimeDelta::hours(24),
    }
}

/// Makes a link; earlier ones for the same end. Returns the secret, which is shown once, and when the link ends.
pub(crate) async fn create_link(ctx: &OpCtx, tx: &Tx, link: LinkFor) -> Result<(SecretString, DateTime<Utc>), DbErr> {
    let (now, new) = (ctx.now(), NewSecret::random(PREFIX));
    let tenant = match link.tenant {
        Some(tenant) => Expr::col(Column::TenantId).eq(tenant),
        None => Expr::col(Column::TenantId).is_null(),
    };
    let same = Expr::col(Column::UserId).eq(link.user).and(Expr::col(Column::Kind).eq(link.kind.as_str())).and(tenant);
    void_links(tx, same, now).await?;
    let expires_at = now + lifetime(link.kind);
    let row = ActiveModel {
        id: Set(ctx.new_id::<LinkId>()),
        kind: Set(link.kind),
        user_id: Set(link.user),
        tenant_id: Set(link.tenant),
        secret_hash: Set(new.hash),
        used_at: Set(None),
        expires_at: Set(expires_at),
        created_by: Set(ctx.caller().key()),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok((new.secret, expires_at))
}

/// Ends unused links.
pub(crate) async fn void_links(tx: &Tx, which: SimpleExpr, now: DateTime<Utc>) -> Result<(), DbErr> {
    let update = Query::update()
        .table(Entity)
        .value(Column::ExpiresAt, now)
        .and_where(which)
        .and_where(Expr::col(Column::UsedAt).is_null())
        .and_where(Expr::col(Column::ExpiresAt).gt(now))
        .take();
    tx.execute(&update).await.map(drop)
}

fn open(kind: LinkKind, secret: &str, now: DateTime<Utc>) -> SimpleExpr {
    Expr::col(Column::SecretHash)
        .eq(hash_secret(secret))
        .and(Expr::col(Column::Kind).eq(kind.as_str()))
        .and(Expr::col(Column::UsedAt).is_null())
        .and(Expr::col(Column::ExpiresAt).gt(now))
}

/// What an unused link is for, without using it.
pub(super) async fn peek_link(tx: &Tx, kind: LinkKind, secret: &str, now: DateTime<Utc>) -> Result<Option<LinkFor>, DbErr> {
    let select = Query::select().columns([Column::UserId, Column::TenantId]).from(Entity).and_where(open(kind, secret, now)).take();
    let row = tx.query_one(&select).await?;
    row.map(|row| Ok(LinkFor { kind, user: row.try_get_by_index(0)?, tenant: row.try_get_by_index(1)? })).transpose()
}

/// Uses a link up; of two at once, one gets it.
pub(super) async fn use_link(tx: &Tx, kind: LinkKind, secret: &str, now: DateTime<Utc>) -> Result<Option<LinkFor>, DbErr> {
    let update = Query::update()
        .table(Entity)
        .value(Column::UsedAt, now)
        .and_where(open(kind, secret, now))
        .returning(Query::returning().columns([Column::UserId, Column::TenantId]))
        .take();
    let row = tx.query_one(&update).await?;
    row.map(|row| Ok(LinkFor { kind, user: row.try_get_by_index(0)?, tenant: row.try_get_by_index(1)? })).transpose()
}
