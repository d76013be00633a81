//! Who sent a request: one statement for each kind of bearer, no cache, so that what is revoked is revoked everywhere at once.

use std::sync::Arc;

use entities::{TenantStatus, UserStatus};
use platform::callers::{Kind, Standing};
use platform::{Caller, Clock, Database, DbErr, OpCtx};

use super::activity::LastUse;
use super::error::AuthError;
use super::jwt::{AccessTokens, ISSUER};
use super::providers::OutsideProviders;
use super::store::{self, FoundUser};

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
        if bearer.strip_prefix(TOKEN_PREFIX).is_some_and(|rest| rest.starts_with('_')) {
            return self.token(bearer).await;
        }
        match issuer(bearer) {
            None => Err(AuthError::Malformed),
            Some(issuer) if issuer == ISSUER => self.session(bearer).await,
            Some(_) => self.outside(bearer).await,
        }
    }

    /// Notes that the caller's tenant was active, to be written with the next [`flush`](Self::flush). Call it once an operation.
    pub fn note_activity(&self, ctx: &OpCtx) {
        match ctx.standing() {
            Standing::Tenant { tenant, kind, .. } if *kind != Kind::PlatformAdmin => self.last_use.tenant(*tenant, ctx.now()),
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

    async fn token(&self, secret: &str) -> Result<Caller, AuthError> {
        let now = self.clock.now();
        let found = store::token_caller(&self.db, secret).await?.ok_or(AuthError::UnknownToken)?;
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
        let now = self.clock.now();
        let (user, session) = self.access_tokens.verify(token, now)?;
        let found = store::user_caller(&self.db, user, session).await?.ok_or(AuthError::SessionEnded)?;
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

/// Whom a JWT claims to be from. Decides only who checks it.
fn issuer(token: &str) -> Option<String> {
    let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    Some(claims.get("iss")?.as_str()?.to_owned())
}
