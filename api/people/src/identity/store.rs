//! The statements of signing in. Their tables belong to no tenant; on PostgreSQL only the identity role may use them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use entities::tables::{refresh_tokens, sessions, tenant_memberships, user_identities, users};
use entities::{ApiScope, ApiTokenId, IdentityId, MembershipRole, SessionId, StoreId, TenantId, TenantStatus, TokenRole, UserId, UserStatus};
use platform::callers::{MembershipFact, TokenCaller, UserCaller};
use platform::crypto::hash_secret;
use platform::db::{Access, is_sqlite};
use platform::{Database, DbErr, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict, Query};
use sea_orm::{ConnectionTrait, EntityTrait, QueryResult};
use uuid::Uuid;

use super::providers::OutsideIdentity;

/// An API token as it was found.
pub(super) struct FoundToken {
    pub(super) caller: TokenCaller,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) revoked_at: Option<DateTime<Utc>>,
}

/// A user as found, with the session asked for.
#[derive(Clone)]
pub(super) struct FoundUser {
    pub(super) caller: UserCaller,
    pub(super) status: UserStatus,
    pub(super) session_revoked_at: Option<DateTime<Utc>>,
    pub(super) session_expires_at: Option<DateTime<Utc>>,
}

const TOKEN_POSTGRES: &str = "select id, tenant_id, role, scopes, expires_at, revoked_at, tenant_status from noren_token_caller($1)";
const TOKEN_SQLITE: &str = "select t.id, t.tenant_id, t.role, t.scopes, t.expires_at, t.revoked_at, n.status
    from api_tokens t left join tenants n on n.id = t.tenant_id where t.secret_hash = $1";

pub(super) const USER_COLUMNS: &str = "c.user_status, c.platform_admin, c.locale, c.session_revoked_at, c.session_expires_at,
    c.membership_id, c.tenant_id, c.role, c.all_stores, c.tenant_status, c.store_ids";
const USER_SQLITE: &str = "select u.id, u.status, u.platform_admin, u.locale, s.revoked_at, s.expires_at, m.id, m.tenant_id, m.role, m.all_stores, n.status,
      (select group_concat(lower(hex(ms.store_id)), ',') from membership_stores ms where ms.tenant_id = m.tenant_id and ms.membership_id = m.id)
    from users u
    left join sessions s on s.id = $2 and s.user_id = u.id
    left join tenant_memberships m on m.user_id = u.id and m.accepted_at is not null and m.disabled_at is null
    left join tenants n on n.id = m.tenant_id
    where u.id = $1 order by m.created_at, m.id";

pub(super) async fn token_caller(db: &Database, secret: &str) -> Result<Option<FoundToken>, DbErr> {
    let sql = if is_sqlite(db.backend()) { TOKEN_SQLITE } else { TOKEN_POSTGRES };
    db.query_one(sql, [hash_secret(secret).into()]).await?.as_ref().map(found_token).transpose()
}

/// A token from the columns of the statements above.
pub(super) fn found_token(row: &QueryResult) -> Result<FoundToken, DbErr> {
    let tenant: Option<TenantId> = row.try_get_by_index(1)?;
    let status: Option<TenantStatus> = row.try_get_by_index(6)?;
    let scopes: serde_json::Value = row.try_get_by_index(3)?;
    let caller = TokenCaller {
        id: row.try_get_by_index::<ApiTokenId>(0)?,
        role: row.try_get_by_index::<TokenRole>(2)?,
        tenant: tenant.zip(status),
        scopes: known_scopes(&scopes),
    };
    Ok(FoundToken { caller, expires_at: row.try_get_by_index(4)?, revoked_at: row.try_get_by_index(5)? })
}

/// The scopes that this program knows: an unknown one allows nothing.
pub(crate) fn known_scopes(scopes: &serde_json::Value) -> Arc<[ApiScope]> {
    scopes.as_array().into_iter().flatten().filter_map(|scope| scope.as_str()?.parse().ok()).collect()
}

pub(super) async fn user_caller(db: &Database, user: UserId, session: SessionId) -> Result<Option<FoundUser>, DbErr> {
    let postgres = format!("select $1::uuid, {USER_COLUMNS} from noren_user_caller($1, $2) c");
    let sql = if is_sqlite(db.backend()) { USER_SQLITE } else { &postgres };
    let rows = db.query_all(sql, [user.into(), session.into()]).await?;
    found_user(&rows.iter().collect::<Vec<_>>(), Some(session))
}

pub(super) async fn outside_caller(db: &Database, identity: &OutsideIdentity) -> Result<Option<FoundUser>, DbErr> {
    let sql = if is_sqlite(db.backend()) {
        let user = "(select user_id from user_identities where issuer = $1 and subject = $2)";
        USER_SQLITE.replace("$2", "null").replace("$1", user)
    } else {
        format!("select i.id, {USER_COLUMNS} from (select noren_identity_user($1, $2) as id) i cross join lateral noren_user_caller(i.id, null) c")
    };
    let rows = db.query_all(&sql, [identity.issuer.as_str().into(), identity.subject.as_str().into()]).await?;
    found_user(&rows.iter().collect::<Vec<_>>(), None)
}

pub(super) fn found_user(rows: &[&QueryResult], session: Option<SessionId>) -> Result<Option<FoundUser>, DbErr> {
    let Some(first) = rows.first() else { return Ok(None) };
    let memberships = rows.iter().copied().filter_map(|row| membership(row).transpose()).collect::<Result<_, _>>()?;
    let caller =
        UserCaller { id: first.try_get_by_index(0)?, session, platform_admin: first.try_get_by_index(2)?, memberships, locale: first.try_get_by_index(3)? };
    Ok(Some(FoundUser {
        caller,
        status: first.try_get_by_index(1)?,
        session_revoked_at: first.try_get_by_index(4)?,
        session_expires_at: first.try_get_by_index(5)?,
    }))
}

fn membership(row: &QueryResult) -> Result<Option<MembershipFact>, DbErr> {
    let Some(id) = row.try_get_by_index(6)? else { return Ok(None) };
    let stores: Option<String> = row.try_get_by_index(11)?;
    let listed = || {
        let mut stores: Vec<StoreId> = stores.iter().flat_map(|list| list.split(',')).filter_map(|hex| Uuid::parse_str(hex).ok()).map(StoreId::from).collect();
        // In one order: who stands in the same stores stands in the same place.
        stores.sort_unstable();
        stores.into()
    };
    Ok(Some(MembershipFact {
        id,
        tenant: row.try_get_by_index(7)?,
        role: row.try_get_by_index::<MembershipRole>(8)?,
        stores: if row.try_get_by_index::<bool>(9)? { None } else { Some(listed()) },
        tenant_status: row.try_get_by_index(10)?,
    }))
}

/// Tokens first, then tenants, each in the order of their ids: replicas that flush at once cannot block each other.
pub(super) async fn touch(db: &Database, tokens: &BTreeMap<Uuid, DateTime<Utc>>, tenants: &BTreeMap<Uuid, DateTime<Utc>>) -> Result<(), DbErr> {
    for (seen, token, tenant) in [(tokens, "x.id", "null"), (tenants, "null", "x.id")] {
        if seen.is_empty() {
            continue;
        }
        if is_sqlite(db.backend()) {
            let tx = db.write(Access::Identity).await?;
            let (table, column) = if token == "x.id" { ("api_tokens", "last_used_at") } else { ("tenants", "last_activity_at") };
            for (id, at) in seen {
                let sql = format!("update {table} set {column} = $2 where id = $1 and ({column} is null or {column} < $2)");
                tx.execute_raw(db.statement(sql, [(*id).into(), (*at).into()])).await?;
            }
            tx.commit().await?;
        } else {
            let sql = format!("select noren_touch_caller({token}, {tenant}, x.at) from unnest($1::uuid[], $2::timestamptz[]) as x(id, at)");
            let (ids, instants): (Vec<Uuid>, Vec<DateTime<Utc>>) = seen.iter().map(|(id, at)| (*id, *at)).unzip();
            db.query_all(&sql, [ids.into(), instants.into()]).await?;
        }
    }
    Ok(())
}

/// What signing in needs to know of a user.
pub(super) struct Credentials {
    pub(super) id: UserId,
    pub(super) email: String,
    pub(super) email_key: String,
    pub(super) password_hash: Option<String>,
    pub(super) status: UserStatus,
    pub(super) platform_admin: bool,
}

/// Which user.
pub(super) enum Which<'a> {
    Id(UserId),
    EmailKey(&'a str),
}

/// A user's credentials; `lock` holds the user until the transaction ends.
pub(super) async fn credentials(tx: &Tx, which: Which<'_>, lock: bool) -> Result<Option<Credentials>, DbErr> {
    use users::Column::{Email, EmailKey, Id, PasswordHash, PlatformAdmin, Status};
    let mut select = Query::select().columns([Id, Email, EmailKey, PasswordHash, Status, PlatformAdmin]).from(users::Entity).take();
    match which {
        Which::Id(id) => select.and_where(Expr::col(Id).eq(id)),
        Which::EmailKey(key) => select.and_where(Expr::col(EmailKey).eq(key)),
    };
    if lock {
        select.lock(LockType::NoKeyUpdate);
    }
    let Some(row) = tx.query_one(&select).await? else { return Ok(None) };
    Ok(Some(Credentials {
        id: row.try_get_by_index(0)?,
        email: row.try_get_by_index(1)?,
        email_key: row.try_get_by_index(2)?,
        password_hash: row.try_get_by_index(3)?,
        status: row.try_get_by_index(4)?,
        platform_admin: row.try_get_by_index(5)?,
    }))
}

pub(super) async fn set_password(tx: &Tx, user: UserId, hash: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    use users::Column::{Id, PasswordHash, UpdatedAt};
    let update = Query::update().table(users::Entity).value(PasswordHash, hash).value(UpdatedAt, now).and_where(Expr::col(Id).eq(user)).take();
    tx.execute(&update).await.map(drop)
}

/// An invited user has accepted; the name given wins over the one in the invitation.
pub(super) async fn activate(tx: &Tx, user: UserId, name: Option<String>, now: DateTime<Utc>) -> Result<(), DbErr> {
    use users::Column::{Id, Name, Status, UpdatedAt};
    let mut update = Query::update().table(users::Entity).value(Status, UserStatus::Active.as_str()).value(UpdatedAt, now).take();
    if let Some(name) = name {
        update.value(Name, name);
    }
    tx.execute(update.and_where(Expr::col(Id).eq(user))).await.map(drop)
}

pub(super) async fn note_sign_in(tx: &Tx, user: UserId, now: DateTime<Utc>) -> Result<(), DbErr> {
    use users::Column::{Id, LastSignInAt};
    tx.execute(&Query::update().table(users::Entity).value(LastSignInAt, now).and_where(Expr::col(Id).eq(user)).take()).await.map(drop)
}

/// Accepts a pending membership; false when there is none.
pub(super) async fn accept_membership(tx: &Tx, tenant: TenantId, user: UserId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    use tenant_memberships::Column::{AcceptedAt, DisabledAt, TenantId, UpdatedAt, UserId};
    let update = Query::update()
        .table(tenant_memberships::Entity)
        .values([(AcceptedAt, now.into()), (UpdatedAt, now.into())])
        .and_where(Expr::col(TenantId).eq(tenant))
        .and_where(Expr::col(UserId).eq(user))
        .and_where(Expr::col(AcceptedAt).is_null())
        .and_where(Expr::col(DisabledAt).is_null())
        .take();
    Ok(tx.execute(&update).await?.rows_affected() == 1)
}

/// The tenants that a user works in.
pub(super) async fn tenants_of(tx: &Tx, user: UserId) -> Result<Vec<TenantId>, DbErr> {
    use tenant_memberships::Column;
    let select = Query::select()
        .column(Column::TenantId)
        .from(tenant_memberships::Entity)
        .and_where(Expr::col(Column::UserId).eq(user))
        .and_where(Expr::col(Column::AcceptedAt).is_not_null())
        .and_where(Expr::col(Column::DisabledAt).is_null())
        .take();
    tx.query_all(&select).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Whether a user has (or had) a place in any tenant but this one.
pub(crate) async fn belongs_elsewhere(tx: &Tx, tenant: TenantId, user: UserId) -> Result<bool, DbErr> {
    use tenant_memberships::Column::{AcceptedAt, Id, TenantId, UserId};
    let select = Query::select()
        .column(Id)
        .from(tenant_memberships::Entity)
        .and_where(Expr::col(UserId).eq(user))
        .and_where(Expr::col(TenantId).ne(tenant))
        .and_where(Expr::col(AcceptedAt).is_not_null())
        .limit(1)
        .take();
    Ok(tx.query_one(&select).await?.is_some())
}

/// The user whom an outside identity is linked to.
pub(super) async fn linked_user(tx: &Tx, identity: &OutsideIdentity) -> Result<Option<UserId>, DbErr> {
    use user_identities::Column::{Issuer, Subject, UserId};
    let select = Query::select()
        .column(UserId)
        .from(user_identities::Entity)
        .and_where(Expr::col(Issuer).eq(identity.issuer.as_str()))
        .and_where(Expr::col(Subject).eq(identity.subject.as_str()))
        .take();
    tx.query_one(&select).await?.map(|row| row.try_get_by_index(0)).transpose()
}

/// Links an outside identity to a user; false when it is linked already.
pub(super) async fn link_identity(tx: &Tx, id: IdentityId, user: UserId, identity: OutsideIdentity, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let row =
        user_identities::ActiveModel { id: Set(id), user_id: Set(user), issuer: Set(identity.issuer), subject: Set(identity.subject), created_at: Set(now) };
    let once = OnConflict::columns([user_identities::Column::Issuer, user_identities::Column::Subject]).do_nothing().to_owned();
    Ok(user_identities::Entity::insert(row).on_conflict(once).exec_without_returning(tx).await? == 1)
}

pub(super) async fn insert_session(tx: &Tx, session: sessions::ActiveModel) -> Result<(), DbErr> {
    sessions::Entity::insert(session).exec_without_returning(tx).await.map(drop)
}

pub(super) async fn insert_refresh_token(tx: &Tx, hash: Vec<u8>, session: SessionId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row = refresh_tokens::ActiveModel { secret_hash: Set(hash), session_id: Set(session), used_at: Set(None), created_at: Set(now) };
    refresh_tokens::Entity::insert(row).exec_without_returning(tx).await.map(drop)
}

/// What became of a refresh token that was presented.
pub(super) enum Presented {
    /// It is used now, for the first time.
    First(SessionId),
    /// It was used before.
    Again(SessionId),
    /// Not one of ours.
    Unknown,
}

pub(super) async fn use_refresh_token(tx: &Tx, secret: &str, now: DateTime<Utc>) -> Result<Presented, DbErr> {
    use refresh_tokens::Column::{SecretHash, SessionId, UsedAt};
    let mine = Expr::col(SecretHash).eq(hash_secret(secret));
    let update = Query::update()
        .table(refresh_tokens::Entity)
        .value(UsedAt, now)
        .and_where(mine.clone())
        .and_where(Expr::col(UsedAt).is_null())
        .returning_col(SessionId)
        .take();
    if let Some(row) = tx.query_one(&update).await? {
        return Ok(Presented::First(row.try_get_by_index(0)?));
    }
    let select = Query::select().column(SessionId).from(refresh_tokens::Entity).and_where(mine).take();
    Ok(match tx.query_one(&select).await? {
        Some(row) => Presented::Again(row.try_get_by_index(0)?),
        None => Presented::Unknown,
    })
}

/// The user of an open session, which is noted as used.
pub(super) async fn use_session(tx: &Tx, session: SessionId, now: DateTime<Utc>) -> Result<Option<UserId>, DbErr> {
    use sessions::Column::{ExpiresAt, Id, LastUsedAt, RevokedAt, UserId};
    let update = Query::update()
        .table(sessions::Entity)
        .value(LastUsedAt, now)
        .and_where(Expr::col(Id).eq(session))
        .and_where(Expr::col(RevokedAt).is_null())
        .and_where(Expr::col(ExpiresAt).gt(now))
        .returning_col(UserId)
        .take();
    tx.query_one(&update).await?.map(|row| row.try_get_by_index(0)).transpose()
}

/// Ends one session; false when it had ended.
pub(super) async fn revoke_session(tx: &Tx, session: SessionId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    use sessions::Column::{Id, RevokedAt};
    let update =
        Query::update().table(sessions::Entity).value(RevokedAt, now).and_where(Expr::col(Id).eq(session)).and_where(Expr::col(RevokedAt).is_null()).take();
    Ok(tx.execute(&update).await?.rows_affected() == 1)
}

/// Ends all sessions of a user.
pub(crate) async fn revoke_sessions(tx: &Tx, user: UserId, now: DateTime<Utc>) -> Result<(), DbErr> {
    use sessions::Column::{RevokedAt, UserId};
    let update =
        Query::update().table(sessions::Entity).value(RevokedAt, now).and_where(Expr::col(UserId).eq(user)).and_where(Expr::col(RevokedAt).is_null()).take();
    tx.execute(&update).await.map(drop)
}
