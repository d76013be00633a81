//! Looking many callers up again at once, for those whose connections last.

use std::collections::HashMap;

use entities::{SessionId, UserId};
use platform::crypto::hash_secret;
use platform::db::is_sqlite;
use platform::{Database, DbErr};
use sea_orm::QueryResult;
use serde_json::json;

use super::providers::OutsideIdentity;
use super::store::{FoundToken, FoundUser, USER_COLUMNS, found_token, found_user};

/// Callers of one statement.
const AT_ONCE: usize = 1_000;

const TOKENS_POSTGRES: &str = "select c.id, c.tenant_id, c.role, c.scopes, c.expires_at, c.revoked_at, c.tenant_status, x.hash
    from json_array_elements_text($1::json) x(hash) cross join lateral noren_token_caller(decode(x.hash, 'hex')) c";
const TOKENS_SQLITE: &str = "select t.id, t.tenant_id, t.role, t.scopes, t.expires_at, t.revoked_at, n.status, x.value
    from json_each($1) x join api_tokens t on t.secret_hash = unhex(x.value) left join tenants n on n.id = t.tenant_id";
const USER_SQLITE: &str = "u.id, u.status, u.platform_admin, u.locale, s.revoked_at, s.expires_at, m.id, m.tenant_id, m.role, m.all_stores, n.status,
      (select group_concat(lower(hex(ms.store_id)), ',') from membership_stores ms where ms.tenant_id = m.tenant_id and ms.membership_id = m.id)";
const SESSIONS_SQLITE: &str = "(select unhex(json_extract(value, '$[0]')) as uid, unhex(json_extract(value, '$[1]')) as sid from json_each($1))";
const IDENTITIES_SQLITE: &str = "(select i.user_id as uid, null as sid, e.key as n
     from json_each($1) e join user_identities i on i.issuer = json_extract(e.value, '$[0]') and i.subject = json_extract(e.value, '$[1]'))";

/// Everything about the users of `found`, whose column `key` tells which of them it is.
fn users_sqlite(found: &str, key: &str) -> String {
    format!(
        "select {USER_SQLITE}, x.{key} from {found} x
         join users u on u.id = x.uid
         left join sessions s on s.id = x.sid and s.user_id = u.id
         left join tenant_memberships m on m.user_id = u.id and m.accepted_at is not null and m.disabled_at is null
         left join tenants n on n.id = m.tenant_id
         order by m.created_at, m.id"
    )
}

/// The API tokens with these secrets, each by its secret.
pub(super) async fn tokens<'a>(db: &Database, secrets: &[&'a str]) -> Result<HashMap<&'a str, FoundToken>, DbErr> {
    let sql = if is_sqlite(db.backend()) { TOKENS_SQLITE } else { TOKENS_POSTGRES };
    let by_hash: HashMap<String, &str> = secrets.iter().map(|secret| (hex::encode(hash_secret(secret)), *secret)).collect();
    let hashes: Vec<&String> = by_hash.keys().collect();
    let mut found = HashMap::with_capacity(hashes.len());
    for some in hashes.chunks(AT_ONCE) {
        for row in db.query_all(sql, [json!(some).to_string().into()]).await? {
            let hash: String = row.try_get_by_index(7)?;
            if let Some(secret) = by_hash.get(&hash) {
                found.insert(*secret, found_token(&row)?);
            }
        }
    }
    Ok(found)
}

/// The users of these sessions, each by its session.
pub(super) async fn users(db: &Database, of: &[(UserId, SessionId)]) -> Result<HashMap<SessionId, FoundUser>, DbErr> {
    let postgres = format!(
        "select x.uid, {USER_COLUMNS}, x.sid
         from (select (value->>0)::uuid as uid, (value->>1)::uuid as sid from json_array_elements($1::json)) x
         cross join lateral noren_user_caller(x.uid, x.sid) c"
    );
    let sql = if is_sqlite(db.backend()) { users_sqlite(SESSIONS_SQLITE, "sid") } else { postgres };
    let mut found = HashMap::with_capacity(of.len());
    for some in of.chunks(AT_ONCE) {
        let pairs: Vec<[String; 2]> = some.iter().map(|(user, session)| [user.uuid(), session.uuid()].map(|id| id.simple().to_string())).collect();
        let rows = db.query_all(&sql, [json!(pairs).to_string().into()]).await?;
        let mut by_session = HashMap::<SessionId, Vec<&QueryResult>>::with_capacity(some.len());
        for row in &rows {
            by_session.entry(row.try_get_by_index(12)?).or_default().push(row);
        }
        for (session, rows) in by_session {
            found.extend(found_user(&rows, Some(session))?.map(|user| (session, user)));
        }
    }
    Ok(found)
}

/// The users whom these outside identities are linked to, each by its identity.
pub(super) async fn outside(db: &Database, of: &[OutsideIdentity]) -> Result<HashMap<OutsideIdentity, FoundUser>, DbErr> {
    let postgres = format!(
        "select i.id, {USER_COLUMNS}, x.n - 1
         from json_array_elements($1::json) with ordinality x(value, n)
         cross join lateral (select noren_identity_user(x.value->>0, x.value->>1) as id) i
         cross join lateral noren_user_caller(i.id, null) c"
    );
    let sql = if is_sqlite(db.backend()) { users_sqlite(IDENTITIES_SQLITE, "n") } else { postgres };
    let mut found = HashMap::with_capacity(of.len());
    for some in of.chunks(AT_ONCE) {
        let pairs: Vec<[&str; 2]> = some.iter().map(|identity| [identity.issuer.as_str(), identity.subject.as_str()]).collect();
        let rows = db.query_all(&sql, [json!(pairs).to_string().into()]).await?;
        let mut by_place = HashMap::<i64, Vec<&QueryResult>>::with_capacity(some.len());
        for row in &rows {
            by_place.entry(row.try_get_by_index(12)?).or_default().push(row);
        }
        for (identity, place) in some.iter().zip(0..) {
            if let Some(user) = by_place.get(&place).map(|rows| found_user(rows, None)).transpose()?.flatten() {
                found.insert(identity.clone(), user);
            }
        }
    }
    Ok(found)
}
