//! The first start on an empty database: somebody has to be able to begin.

use chrono::TimeDelta;
use entities::tables::{api_tokens, users};
use entities::{ApiTokenId, TokenRole, UserId, UserStatus};
use platform::crypto::NewSecret;
use platform::db::{Access, is_sqlite};
use platform::{Change, Clock, Database, DbErr, Ids, Trace, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use secrecy::SecretString;
use std::sync::Arc;

use crate::identity::TOKEN_PREFIX;

/// The first administrator's e-mail address.
pub const FIRST_ADMIN: &str = "admin@localhost";
/// How long the first token is good for.
const FIRST_TOKEN: TimeDelta = TimeDelta::days(30);
/// The key of the lock under which replicas start ("people" in ASCII).
const LOCK: i64 = 0x7065_6f70_6c65;

/// Makes a platform administrator and a token for them on a database that has neither users nor tokens. The secret is to be
/// shown once; of several replicas that start together, one gets it.
pub async fn ensure_platform_admin(db: &Database, clock: &Arc<dyn Clock>) -> Result<Option<SecretString>, DbErr> {
    let tx = db.write(Access::Platform).await?;
    if !is_sqlite(db.backend()) {
        tx.execute_raw(db.statement("select pg_advisory_xact_lock($1)", [LOCK.into()])).await?;
    }
    if is_used(&tx).await? {
        return Ok(None);
    }
    let (now, ids, new) = (clock.now(), Ids::new(clock.clone()), NewSecret::random(TOKEN_PREFIX));
    let user = users::ActiveModel {
        id: Set(ids.next::<UserId>()),
        email: Set(FIRST_ADMIN.to_owned()),
        email_key: Set(FIRST_ADMIN.to_owned()),
        name: Set(None),
        password_hash: Set(None),
        status: Set(UserStatus::Active),
        platform_admin: Set(true),
        locale: Set(None),
        last_sign_in_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    users::Entity::insert(user).exec_without_returning(&tx).await?;
    let token_id = ids.next::<ApiTokenId>();
    let token = api_tokens::ActiveModel {
        id: Set(token_id),
        tenant_id: Set(None),
        name: Set("First start".to_owned()),
        role: Set(TokenRole::PlatformAdmin),
        scopes: Set(serde_json::Value::Array(Vec::new())),
        prefix: Set(new.prefix),
        secret_hash: Set(new.hash),
        created_by: Set("system".to_owned()),
        expires_at: Set(Some(now + FIRST_TOKEN)),
        last_used_at: Set(None),
        revoked_at: Set(None),
        created_at: Set(now),
    };
    crate::api_tokens::insert_token(&tx, token).await?;
    Change::new("firstStart", None).subject(token_id).write(&tx, &Trace::system("first start", clock.clone())).await?;
    tx.commit().await?;
    Ok(Some(new.secret))
}

async fn is_used(tx: &Tx) -> Result<bool, DbErr> {
    let sql = "select 1 where exists (select 1 from users) or exists (select 1 from api_tokens)";
    Ok(tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sql)).await?.is_some())
}
