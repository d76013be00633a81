//! Signing in and out, refreshing, and what one-time links are good for.
//!
//! Whoever holds a link may be the administrator who made it. So a link alone never gives power over an account that is
//! already somebody's: an existing user accepts with the own password or a linked identity, and a password link made by a
//! tenant's administrator is void once the user belongs elsewhere.

use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::one_time_links::Column;
use entities::tables::sessions;
use entities::{EventType, IdentityId, LinkKind, SessionId, TenantId, UserId, UserStatus};
use platform::crypto::NewSecret;
use platform::db::Access;
use platform::{Caller, Change, DbErr, OpCtx, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::attempts;
use super::error::SignInError;
use super::jwt::AccessTokens;
use super::links::{peek_link, use_link, void_links};
use super::passwords::Passwords;
use super::providers::{OutsideIdentity, OutsideProviders};
use super::store::{self, Credentials, Presented, Which};
use crate::users::{UserRow, user_row};
use crate::validation::{SHORT, optional_text};

/// How long a session lasts, however often it is refreshed.
const SESSION: TimeDelta = TimeDelta::days(30);
/// What refresh tokens begin with.
const REFRESH_PREFIX: &str = "norenrefresh";

/// A session that has just been opened or refreshed.
#[derive(Debug)]
pub struct SignedIn {
    /// The bearer for the next quarter of an hour.
    pub access_token: SecretString,
    /// When the access token ends.
    pub expires_at: DateTime<Utc>,
    /// What [`SignIn::token_refresh`] takes, once.
    pub refresh_token: SecretString,
    /// The session.
    pub session: SessionId,
    /// Who signed in.
    pub user: UserRow,
}

/// An invitation that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// Who accepted.
    pub user: UserRow,
    /// The tenant that the user belongs to now.
    pub tenant: TenantId,
    /// A session, unless the user accepted with an outside identity and has a bearer already.
    pub signed_in: Option<SignedIn>,
}

/// How somebody who accepts an invitation will prove who they are, now and later.
#[derive(Debug)]
pub enum Proof {
    /// A password: chosen by a new user, the own one of an existing user.
    Password(SecretString),
    /// A token of an outside identity provider: linked to a new user, linked already for an existing one.
    IdentityToken(SecretString),
}

/// Signs users in and out.
#[derive(Clone)]
pub struct SignIn {
    access_tokens: AccessTokens,
    providers: OutsideProviders,
    passwords: Passwords,
}

enum Proven {
    NewPassword(String),
    OwnPassword,
    Identity(OutsideIdentity),
}

impl SignIn {
    /// Signing in with these keys and providers.
    pub fn new(access_tokens: AccessTokens, providers: OutsideProviders, passwords: Passwords) -> Self {
        Self { access_tokens, providers, passwords }
    }

    /// Opens a session. Unknown e-mail, wrong password and disabled user get the same answer after the same time.
    pub async fn sign_in(&self, ctx: &OpCtx, email: &str, password: &SecretString) -> Result<SignedIn, SignInError> {
        let email_key = platform::text::fold(email);
        let attempt = self.begin(ctx, &email_key).await?;
        let found = read(ctx, async |tx| store::credentials(tx, Which::EmailKey(&email_key), false).await).await?;
        let found = found.filter(|user| user.status == UserStatus::Active);
        let hash = found.as_ref().and_then(|user| user.password_hash.as_deref());
        let matches = self.passwords.verify(password, hash).await?;
        let Some(user) = found.as_ref().filter(|_| matches) else {
            note_refused(ctx, found.as_ref().map(|user| user.id)).await?;
            return Err(SignInError::InvalidCredentials);
        };
        attempt.succeeded(ctx).await?;
        let tx = ctx.identity_writer().await?;
        let unchanged = |now: &Credentials| now.status == UserStatus::Active && now.password_hash == user.password_hash;
        store::credentials(&tx, Which::Id(user.id), true).await?.filter(unchanged).ok_or(SignInError::InvalidCredentials)?;
        let signed_in = self.open_session(ctx, &tx, user.id).await?;
        let change = Change::in_tenants("signIn", store::tenants_of(&tx, user.id).await?).subject(user.id);
        ctx.commit(tx, change.after(&json!({ "session": signed_in.session }))).await?;
        Ok(signed_in)
    }

    /// Counts a try; one that comes too early is in the log as well.
    async fn begin(&self, ctx: &OpCtx, email_key: &str) -> Result<attempts::Try, SignInError> {
        let begun = attempts::begin(ctx, email_key).await;
        if let Err(SignInError::TooManyAttempts { .. }) = &begun {
            note_refused(ctx, None).await?;
        }
        begun
    }

    /// Exchanges a refresh token for a new pair. A token that comes a second time ends its session.
    pub async fn token_refresh(&self, ctx: &OpCtx, refresh_token: &SecretString) -> Result<SignedIn, SignInError> {
        let (now, tx) = (ctx.now(), ctx.identity_writer().await?);
        let session = match store::use_refresh_token(&tx, refresh_token.expose_secret(), now).await? {
            Presented::First(session) => session,
            Presented::Unknown => return Err(SignInError::InvalidRefreshToken),
            Presented::Again(session) => {
                store::revoke_session(&tx, session, now).await?;
                ctx.commit(tx, Change::new("tokenRefresh", None).subject(session).refused()).await?;
                tracing::warn!(%session, "a refresh token was used twice; its session has been ended");
                return Err(SignInError::RefreshTokenReused);
            }
        };
        let user = store::use_session(&tx, session, now).await?.ok_or(SignInError::InvalidRefreshToken)?;
        let found = store::credentials(&tx, Which::Id(user), false).await?;
        if found.is_none_or(|user| user.status != UserStatus::Active) {
            return Err(SignInError::InvalidRefreshToken);
        }
        let signed_in = self.new_tokens(ctx, &tx, user, session).await?;
        let change = Change::in_tenants("tokenRefresh", store::tenants_of(&tx, user).await?).subject(user);
        ctx.commit(tx, change.after(&json!({ "session": session }))).await?;
        Ok(signed_in)
    }

    /// Ends the caller's session. False when there is none to end: an API token, an outside identity.
    pub async fn sign_out(&self, ctx: &OpCtx) -> Result<bool, SignInError> {
        let session = match ctx.caller() {
            Caller::User(user) => user.session,
            Caller::Anonymous | Caller::Token(_) | Caller::Merchant(_) | Caller::System => None,
        };
        let Some(session) = session else { return Ok(false) };
        let tx = ctx.identity_writer().await?;
        let ended = store::revoke_session(&tx, session, ctx.now()).await?;
        ctx.commit(tx, Change::new("signOut", None).subject(session)).await?;
        Ok(ended)
    }

    /// Accepts an invitation. The link is used up only when everything else is in order.
    pub async fn invitation_accept(&self, ctx: &OpCtx, link: &SecretString, proof: Proof, name: Option<String>) -> Result<Accepted, SignInError> {
        let name = optional_text("name", name.as_deref(), SHORT)?;
        let before = self.holder(ctx, LinkKind::Invitation, link).await?;
        let proven = self.prove(ctx, &before, proof).await?;
        let with_password = !matches!(proven, Proven::Identity(_));
        let (now, tx) = (ctx.now(), ctx.identity_writer().await?);
        store::credentials(&tx, Which::Id(before.id), true).await?.filter(|user| user.status == before.status).ok_or(SignInError::InvalidLink)?;
        let used = use_link(&tx, LinkKind::Invitation, link.expose_secret(), now).await?.ok_or(SignInError::InvalidLink)?;
        let tenant = used.tenant.ok_or(SignInError::InvalidLink)?;
        match proven {
            Proven::OwnPassword => {}
            Proven::NewPassword(hash) => store::set_password(&tx, before.id, &hash, now).await?,
            Proven::Identity(identity) => link_identity(ctx, &tx, &before, identity).await?,
        }
        if before.status == UserStatus::Invited {
            store::activate(&tx, before.id, name, now).await?;
        }
        if !store::accept_membership(&tx, tenant, before.id, now).await? {
            return Err(SignInError::InvalidLink);
        }
        let signed_in = if with_password { Some(self.open_session(ctx, &tx, before.id).await?) } else { None };
        let user = user_row(&tx, before.id).await?.ok_or(SignInError::InvalidLink)?;
        ctx.commit(tx, Change::new("invitationAccept", tenant).subject(user.id).announce(EventType::UserJoined, "userId")).await?;
        Ok(Accepted { user, tenant, signed_in })
    }

    /// Sets a new password by link, and ends all sessions of the user.
    pub async fn password_reset(&self, ctx: &OpCtx, link: &SecretString, password: &SecretString) -> Result<UserRow, SignInError> {
        let before = self.holder(ctx, LinkKind::PasswordReset, link).await?;
        Passwords::check("password", password, &before.email)?;
        let hash = self.passwords.hash(password).await?;
        let (now, tx) = (ctx.now(), ctx.identity_writer().await?);
        let user = store::credentials(&tx, Which::Id(before.id), true).await?.filter(|user| user.status == UserStatus::Active);
        let user = user.ok_or(SignInError::InvalidLink)?;
        let used = use_link(&tx, LinkKind::PasswordReset, link.expose_secret(), now).await?.ok_or(SignInError::InvalidLink)?;
        if let Some(tenant) = used.tenant
            && (user.platform_admin || store::belongs_elsewhere(&tx, tenant, user.id).await?)
        {
            return Err(SignInError::InvalidLink);
        }
        store::set_password(&tx, user.id, &hash, now).await?;
        store::revoke_sessions(&tx, user.id, now).await?;
        let others = Expr::col(Column::UserId).eq(user.id).and(Expr::col(Column::Kind).eq(LinkKind::PasswordReset.as_str()));
        void_links(&tx, others, now).await?;
        let row = user_row(&tx, user.id).await?.ok_or(SignInError::InvalidLink)?;
        let change = Change::in_tenants("passwordReset", store::tenants_of(&tx, user.id).await?).subject(user.id);
        ctx.commit(tx, change).await?;
        Ok(row)
    }

    /// The user whom an open link is for.
    async fn holder(&self, ctx: &OpCtx, kind: LinkKind, link: &SecretString) -> Result<Credentials, SignInError> {
        let now = ctx.now();
        let found = read(ctx, async |tx| match peek_link(tx, kind, link.expose_secret(), now).await? {
            Some(link) => store::credentials(tx, Which::Id(link.user), false).await,
            None => Ok(None),
        });
        found.await?.filter(|user| user.status != UserStatus::Disabled).ok_or(SignInError::InvalidLink)
    }

    async fn prove(&self, ctx: &OpCtx, user: &Credentials, proof: Proof) -> Result<Proven, SignInError> {
        match proof {
            Proof::IdentityToken(token) => Ok(Proven::Identity(self.providers.verify(token.expose_secret()).await?)),
            Proof::Password(password) if user.status == UserStatus::Invited => {
                Passwords::check("password", &password, &user.email)?;
                Ok(Proven::NewPassword(self.passwords.hash(&password).await?))
            }
            Proof::Password(password) => {
                let attempt = self.begin(ctx, &user.email_key).await?;
                if !self.passwords.verify(&password, user.password_hash.as_deref()).await? {
                    note_refused(ctx, Some(user.id)).await?;
                    return Err(SignInError::InvalidCredentials);
                }
                attempt.succeeded(ctx).await?;
                Ok(Proven::OwnPassword)
            }
        }
    }

    async fn open_session(&self, ctx: &OpCtx, tx: &Tx, user: UserId) -> Result<SignedIn, SignInError> {
        let (now, id) = (ctx.now(), ctx.new_id::<SessionId>());
        let session = sessions::ActiveModel {
            id: Set(id),
            user_id: Set(user),
            client: Set(ctx.origin().user_agent.as_ref().map(|agent| agent.chars().take(SHORT).collect())),
            address: Set(ctx.origin().address.map(|address| address.to_string())),
            revoked_at: Set(None),
            last_used_at: Set(now),
            expires_at: Set(now + SESSION),
            created_at: Set(now),
        };
        store::insert_session(tx, session).await?;
        store::note_sign_in(tx, user, now).await?;
        self.new_tokens(ctx, tx, user, id).await
    }

    async fn new_tokens(&self, ctx: &OpCtx, tx: &Tx, user: UserId, session: SessionId) -> Result<SignedIn, SignInError> {
        let refresh = NewSecret::random(REFRESH_PREFIX);
        store::insert_refresh_token(tx, refresh.hash, session, ctx.now()).await?;
        let (access_token, expires_at) = self.access_tokens.issue(user, session, ctx.now())?;
        let user = user_row(tx, user).await?.ok_or(SignInError::InvalidCredentials)?;
        Ok(SignedIn { access_token, expires_at, refresh_token: refresh.secret, session, user })
    }
}

/// A sign-in with a wrong password, of nobody that is known, or too early: the platform's log tells of it.
async fn note_refused(ctx: &OpCtx, user: Option<UserId>) -> Result<(), DbErr> {
    let tx = ctx.identity_writer().await?;
    let change = Change::new("signIn", None).refused();
    ctx.commit(tx, if let Some(user) = user { change.subject(user) } else { change }).await
}

/// Reads as the identity role, and lets go of the connection before any password is hashed.
async fn read<T>(ctx: &OpCtx, work: impl AsyncFnOnce(&Tx) -> Result<T, DbErr>) -> Result<T, DbErr> {
    let tx = ctx.db().read(Access::Identity).await?;
    work(&tx).await
}

async fn link_identity(ctx: &OpCtx, tx: &Tx, user: &Credentials, identity: OutsideIdentity) -> Result<(), SignInError> {
    match store::linked_user(tx, &identity).await? {
        Some(linked) if linked == user.id => Ok(()),
        Some(_) => Err(SignInError::IdentityTaken),
        None if user.status != UserStatus::Invited => Err(SignInError::IdentityNotLinked),
        None if store::link_identity(tx, ctx.new_id::<IdentityId>(), user.id, identity, ctx.now()).await? => Ok(()),
        None => Err(SignInError::IdentityTaken),
    }
}
