//! Who sent a request: one statement for each kind of bearer, no cache, so that what is revoked is revoked everywhere at once.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use entities::{SessionId, TenantStatus, UserId, UserStatus};
use platform::callers::{Kind as CallerKind, Standing};
use platform::{Caller, Clock, Database, DbErr, OpCtx};

use super::activity::LastUse;
use super::error::AuthError;
use super::jwt::{AccessTokens, ISSUER};
use super::many;
use super::merchants::{Claimed, Merchants};
use super::providers::{OutsideIdentity, OutsideProviders};
use super::store::{self, FoundToken, FoundUser};

/// What API tokens begin with.
pub(crate) const TOKEN_PREFIX: &str = "noren";

/// Bearers whose signatures are checked before others have their turn.
const CHECKED_AT_ONCE: usize = 32;

/// Recognises callers by their bearers.
#[derive(Clone)]
pub struct Callers {
    db: Database,
    clock: Arc<dyn Clock>,
    access_tokens: AccessTokens,
    providers: OutsideProviders,
    merchants: Merchants,
    last_use: LastUse,
}

impl Callers {
    /// Callers of `db`.
    pub fn new(db: Database, clock: Arc<dyn Clock>, access_tokens: AccessTokens, providers: OutsideProviders, merchants: Merchants) -> Self {
        Self { last_use: LastUse::new(db.clone()), db, clock, access_tokens, providers, merchants }
    }

    /// Who holds this bearer: an API token, one of our access tokens, the session token of a shop, or a token of an outside identity
    /// provider.
    pub async fn authenticate(&self, bearer: &str) -> Result<Caller, AuthError> {
        match self.kind_of(bearer) {
            Kind::Token => self.token(bearer).await,
            Kind::Session => self.session(bearer).await,
            Kind::Merchant(claimed) => self.merchant(bearer, claimed).await,
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
    /// They were good here before: no identity provider is waited for.
    pub async fn authenticate_all(&self, bearers: &[&str]) -> Result<Vec<Result<Caller, AuthError>>, DbErr> {
        let mut claims = Vec::with_capacity(bearers.len());
        for (number, bearer) in bearers.iter().enumerate() {
            if number % CHECKED_AT_ONCE == CHECKED_AT_ONCE - 1 {
                // Signatures take their time: others have their turn between.
                tokio::task::yield_now().await;
            }
            claims.push(self.claim(bearer));
        }
        let (mut secrets, mut sessions, mut identities, mut apps) = (Vec::new(), BTreeSet::new(), HashSet::new(), BTreeSet::new());
        for claim in &claims {
            match claim {
                Ok(Claim::Token(secret)) => secrets.push(*secret),
                // One session may have several bearers that are good: one that was refreshed leaves the one before.
                Ok(Claim::Session(user, session)) => drop(sessions.insert((*user, *session))),
                Ok(Claim::Outside(identity)) => drop(identities.insert(identity.clone())),
                Ok(Claim::Merchant(_, claimed)) => drop(apps.insert(claimed.of.clone())),
                Err(_) => {}
            }
        }
        let (sessions, identities): (Vec<_>, Vec<_>) = (sessions.into_iter().collect(), identities.into_iter().collect());
        let (apps, now): (Vec<_>, _) = (apps.into_iter().collect(), self.clock.now());
        let mut tokens = if secrets.is_empty() { HashMap::new() } else { many::tokens(&self.db, &secrets).await? };
        let users = if sessions.is_empty() { HashMap::new() } else { many::users(&self.db, &sessions).await? };
        let outside = if identities.is_empty() { HashMap::new() } else { many::outside(&self.db, &identities).await? };
        let installed = if apps.is_empty() { HashMap::new() } else { self.merchants.installed(&self.db, &apps, now).await? };
        let mut caller = |claim| match claim {
            Claim::Token(secret) => self.good_token(tokens.remove(secret).ok_or(AuthError::UnknownToken)?),
            Claim::Session(_, session) => self.good_session(users.get(&session).cloned().ok_or(AuthError::SessionEnded)?),
            Claim::Outside(identity) => active(outside.get(&identity).cloned().ok_or(AuthError::UnknownIdentity)?),
            Claim::Merchant(bearer, claimed) => claimed.proven(bearer, installed.get(&claimed.of).map_or(&[], Vec::as_slice), now).map(Caller::Merchant),
        };
        Ok(claims.into_iter().map(|claim| claim.and_then(&mut caller)).collect())
    }

    /// Who a bearer says that it is of, once its signature was checked where that can be done without looking anything up.
    fn claim<'a>(&self, bearer: &'a str) -> Result<Claim<'a>, AuthError> {
        match self.kind_of(bearer) {
            Kind::Token => Ok(Claim::Token(bearer)),
            Kind::Merchant(claimed) => Ok(Claim::Merchant(bearer, claimed)),
            Kind::Session => self.access_tokens.verify(bearer, self.clock.now()).map(|(user, session)| Claim::Session(user, session)),
            Kind::Outside => Ok(Claim::Outside(self.providers.verify_again(bearer)?)),
            Kind::Malformed => Err(AuthError::Malformed),
        }
    }

    /// Who is to check a bearer. What could be a merchant's bears a signature that no outside identity provider may use: neither takes the
    /// other's, whatever their issuers are.
    fn kind_of(&self, bearer: &str) -> Kind {
        if bearer.strip_prefix(TOKEN_PREFIX).is_some_and(|rest| rest.starts_with('_')) {
            return Kind::Token;
        }
        match issuer(bearer) {
            None => Kind::Malformed,
            Some(issuer) if issuer == ISSUER => Kind::Session,
            Some(_) => self.merchants.claimed(bearer).map_or(Kind::Outside, Kind::Merchant),
        }
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

    async fn merchant(&self, bearer: &str, claimed: Claimed) -> Result<Caller, AuthError> {
        let now = self.clock.now();
        let mut installed = self.merchants.installed(&self.db, std::slice::from_ref(&claimed.of), now).await?;
        claimed.proven(bearer, &installed.remove(&claimed.of).unwrap_or_default(), now).map(Caller::Merchant)
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

/// Who a bearer says that it is of.
enum Claim<'a> {
    Token(&'a str),
    Session(UserId, SessionId),
    Outside(OutsideIdentity),
    Merchant(&'a str, Claimed),
}

/// What a bearer looks like.
enum Kind {
    Token,
    Session,
    Merchant(Claimed),
    Outside,
    Malformed,
}

/// Whom a JWT claims to be from. Decides only who checks it.
fn issuer(token: &str) -> Option<String> {
    let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    Some(claims.get("iss")?.as_str()?.to_owned())
}
