//! Who sent a request: one statement for each kind of bearer, no cache, so that what is revoked is revoked everywhere at once.

use std::collections::HashMap;
use std::sync::Arc;

use entities::{TenantStatus, UserStatus};
use platform::callers::{Kind as CallerKind, Standing};
use platform::{Caller, Clock, Database, DbErr, OpCtx};

use super::activity::LastUse;
use super::error::AuthError;
use super::jwt::{AccessTokens, ISSUER};
use super::many;
use super::providers::OutsideProviders;
use super::store::{self, FoundToken, FoundUser};

/// What API tokens begin with.
pub(crate) const TOKEN_PREFIX: &str = "noren";

/// Recognises callers by their bearers.
#[derive(Clone)]
pub struct Callers {
    db: Database,
    clock: Arc<dyn Clock>,
    access_tokens: AccessTokens,
    providers: OutsideProviders,
    last_use: LastUse,
}

impl Callers {
    /// Callers of `db`.
    pub fn new(db: Database, clock: Arc<dyn Clock>, access_tokens: AccessTokens, providers: OutsideProviders) -> Self {
        Self { last_use: LastUse::new(db.clone()), db, clock, access_tokens, providers }
    }

    /// Who holds this bearer: an API token, one of our access tokens, or a token of an outside identity provider.
    pub async fn authenticate(&self, bearer: &str) -> Result<Caller, AuthError> {
        match kind_of(bearer) {
            Kind::Token => self.token(bearer).await,
            Kind::Session => self.session(bearer).await,
            Kind::Outside => self.outside(bearer).await,
            Kind::Malformed => Err(AuthError::Malformed),
        }
    }

    /// Notes that the caller's tenant was active, to be written with the next [`flush`](Self::flush). Call it once an operation.
    pub fn note_activity(&self, ctx: &OpCtx) {
        match ctx.standing() {
            Standing::Tenant { tenant, kind, .. } if *kind != CallerKind::PlatformAdmin => self.last_use.tenant(*tenant, ctx.now()),
            Standing::Tenant { .. } | Standing::Nobody | Standing::SignedIn { .. } | Standing::Platform => {}
        }
    }

    /// Writes down when tokens and tenants were last used; for the end of the program.
    pub async fn flush(&self) -> Result<(), DbErr> {
        self.last_use.flush().await
    }

    /// Writes it down every minute, for as long as the program runs: to be spawned once.
    pub async fn keep_flushing(&self) {
        self.last_use.keep_flushing().await;
    }

    /// Who holds these bearers now, in their order: what [`authenticate`](Self::authenticate) says of each, with few statements for all.
    pub async fn authenticate_all(&self, bearers: &[&str]) -> Result<Vec<Result<Caller, AuthError>>, DbErr> {
        let now = self.clock.now();
        let (mut secrets, mut sessions, mut verified) = (Vec::new(), Vec::new(), HashMap::new());
        for bearer in bearers {
            match kind_of(bearer) {
                Kind::Token => secrets.push(*bearer),
                Kind::Session => match self.access_tokens.verify(bearer, now) {
                    Ok((user, session)) => {
                        sessions.push((user, session));
                        verified.insert(*bearer, Ok(session));
                    }
                    Err(error) => drop(verified.insert(*bearer, Err(error))),
                },
                Kind::Outside | Kind::Malformed => {}
            }
        }
        // One session may have several bearers that are good: one that was refreshed leaves the one before.
        sessions.sort_unstable();
        sessions.dedup();
        let mut tokens = if secrets.is_empty() { HashMap::new() } else { many::tokens(&self.db, &secrets).await? };
        let users = if sessions.is_empty() { HashMap::new() } else { many::users(&self.db, &sessions).await? };
        let mut callers = Vec::with_capacity(bearers.len());
        for bearer in bearers {
            callers.push(match kind_of(bearer) {
                Kind::Token => tokens.remove(bearer).ok_or(AuthError::UnknownToken).and_then(|found| self.good_token(found)),
                Kind::Session => match verified.remove(bearer) {
                    Some(Ok(session)) => users.get(&session).cloned().ok_or(AuthError::SessionEnded).and_then(|found| self.good_session(found)),
                    Some(Err(error)) => Err(error),
                    None => Err(AuthError::Malformed),
                },
                Kind::Outside => match self.outside(bearer).await {
                    Err(AuthError::Storage(error)) => return Err(error),
                    other => other,
                },
                Kind::Malformed => Err(AuthError::Malformed),
            });
        }
        Ok(callers)
    }

    async fn token(&self, secret: &str) -> Result<Caller, AuthError> {
        self.good_token(store::token_caller(&self.db, secret).await?.ok_or(AuthError::UnknownToken)?)
    }

    fn good_token(&self, found: FoundToken) -> Result<Caller, AuthError> {
        let now = self.clock.now();
        if found.revoked_at.is_some() {
            return Err(AuthError::TokenRevoked);
        }
        if found.expires_at.is_some_and(|end| end <= now) {
            return Err(AuthError::TokenExpired);
        }
        if found.caller.tenant.is_some_and(|(_, status)| status == TenantStatus::Deleted) {
            return Err(AuthError::TenantDeleted);
        }
        self.last_use.token(found.caller.id, now);
        Ok(Caller::Token(found.caller))
    }

    async fn session(&self, token: &str) -> Result<Caller, AuthError> {
        let (user, session) = self.access_tokens.verify(token, self.clock.now())?;
        self.good_session(store::user_caller(&self.db, user, session).await?.ok_or(AuthError::SessionEnded)?)
    }

    fn good_session(&self, found: FoundUser) -> Result<Caller, AuthError> {
        let now = self.clock.now();
        let open = found.session_revoked_at.is_none() && found.session_expires_at.is_some_and(|end| end > now);
        if open { active(found) } else { Err(AuthError::SessionEnded) }
    }

    async fn outside(&self, token: &str) -> Result<Caller, AuthError> {
        let identity = self.providers.verify(token).await?;
        active(store::outside_caller(&self.db, &identity).await?.ok_or(AuthError::UnknownIdentity)?)
    }
}

fn active(found: FoundUser) -> Result<Caller, AuthError> {
    match found.status {
        UserStatus::Active => Ok(Caller::User(found.caller)),
        UserStatus::Invited => Err(AuthError::UserInvited),
        UserStatus::Disabled => Err(AuthError::UserDisabled),
    }
}

/// What a bearer looks like.
enum Kind {
    Token,
    Session,
    Outside,
    Malformed,
}

fn kind_of(bearer: &str) -> Kind {
    if bearer.strip_prefix(TOKEN_PREFIX).is_some_and(|rest| rest.starts_with('_')) {
        return Kind::Token;
    }
    match issuer(bearer) {
        None => Kind::Malformed,
        Some(issuer) if issuer == ISSUER => Kind::Session,
        Some(_) => Kind::Outside,
    }
}

/// Whom a JWT claims to be from. Decides only who checks it.
fn issuer(token: &str) -> Option<String> {
    let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    Some(claims.get("iss")?.as_str()?.to_owned())
}
