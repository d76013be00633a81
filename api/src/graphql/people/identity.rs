//! Signing in and out.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use people::identity::{Proof, SignedIn};
use people::validation::{Problem, invalid};
use secrecy::{ExposeSecret, SecretString};

use super::users::User;
use crate::graphql::errors::{IntoGraphql, bad_input};
use crate::graphql::payload::payload;
use crate::graphql::services::{op, services};

/// The bearers of a session.
#[derive(SimpleObject)]
pub struct Session {
    /// The bearer for the API: send it as `Authorization: Bearer …`.
    access_token: String,
    /// When the access token ends (UTC): a quarter of an hour after it was made.
    expires_at: DateTime<Utc>,
    /// What tokenRefresh takes, once.
    refresh_token: String,
}

/// Splits what signing in gave into the session and its user.
fn opened(signed_in: SignedIn) -> (Session, User) {
    let session = Session {
        access_token: signed_in.access_token.expose_secret().to_owned(),
        expires_at: signed_in.expires_at,
        refresh_token: signed_in.refresh_token.expose_secret().to_owned(),
    };
    (session, User::alone(signed_in.user))
}

/// Who signs in.
#[derive(InputObject)]
pub struct SignInInput {
    /// The e-mail address.
    email: String,
    /// The password.
    #[graphql(secret)]
    password: String,
}

/// What to exchange.
#[derive(InputObject)]
pub struct TokenRefreshInput {
    /// The refresh token; it can be used once.
    #[graphql(secret)]
    refresh_token: String,
}

/// How an invitation is accepted: with a password, or with a token of an outside identity provider.
#[derive(InputObject)]
pub struct InvitationAcceptInput {
    /// The secret of the invitation.
    #[graphql(secret)]
    token: String,
    /// For a new user: the password to be, 12 to 128 characters. For one who has an account: its password.
    #[graphql(secret)]
    password: Option<String>,
    /// A token of an outside identity provider, which will identify the user from now on.
    #[graphql(secret)]
    identity_token: Option<String>,
    /// The name, for a new user.
    name: Option<String>,
}

/// How a password is set anew.
#[derive(InputObject)]
pub struct PasswordResetInput {
    /// The secret of the link.
    #[graphql(secret)]
    token: String,
    /// The password to be, 12 to 128 characters.
    #[graphql(secret)]
    password: String,
}

payload! {
    /// What came of signIn.
    SignInPayload {
        /// The session's bearers.
        session: Session,
        /// Who signed in.
        user: User,
    }
    /// What came of tokenRefresh.
    TokenRefreshPayload {
        /// The session's new bearers.
        session: Session,
        /// Whose session it is.
        user: User,
    }
    /// What came of signOut.
    SignOutPayload {
        /// Whether a session was ended: an API token has none.
        signed_out: bool,
    }
    /// What came of invitationAccept.
    InvitationAcceptPayload {
        /// The user.
        user: User,
        /// The tenant that the user belongs to now.
        tenant_id: ID,
        /// The session's bearers; null when an outside identity was used, whose token is a bearer already.
        session: Session,
    }
    /// What came of passwordReset.
    PasswordResetPayload {
        /// The user. All sessions have been ended: sign in with the new password.
        user: User,
    }
}

/// Signing in and out.
#[derive(Default)]
pub struct IdentityMutation;

#[Object]
impl IdentityMutation {
    /// Opens a session with e-mail and password. Failed attempts from one address slow the next ones down.
    async fn sign_in(&self, ctx: &Context<'_>, #[graphql(desc = "Who.")] input: SignInInput) -> Result<SignInPayload> {
        match services(ctx)?.sign_in.sign_in(op(ctx)?, &input.email, &SecretString::from(input.password)).await {
            Ok(signed_in) => {
                let (session, user) = opened(signed_in);
                Ok(SignInPayload { session: Some(session), user: Some(user), user_errors: Vec::new() })
            }
            Err(error) => SignInPayload::refused(error),
        }
    }

    /// Exchanges a refresh token for new bearers. One that comes a second time ends its session: somebody else may hold it.
    async fn token_refresh(&self, ctx: &Context<'_>, #[graphql(desc = "What.")] input: TokenRefreshInput) -> Result<TokenRefreshPayload> {
        match services(ctx)?.sign_in.token_refresh(op(ctx)?, &SecretString::from(input.refresh_token)).await {
            Ok(signed_in) => {
                let (session, user) = opened(signed_in);
                Ok(TokenRefreshPayload { session: Some(session), user: Some(user), user_errors: Vec::new() })
            }
            Err(error) => TokenRefreshPayload::refused(error),
        }
    }

    /// Ends the session whose access token is sent.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SignOutPayload> {
        let op = op(ctx)?;
        if matches!(op.caller(), platform::Caller::Anonymous) {
            return Err(platform::Denied::Unauthenticated.into_graphql());
        }
        match services(ctx)?.sign_in.sign_out(op).await {
            Ok(signed_out) => Ok(SignOutPayload { signed_out: Some(signed_out), user_errors: Vec::new() }),
            Err(error) => SignOutPayload::refused(error),
        }
    }

    /// Accepts an invitation, with a password or with an outside identity.
    async fn invitation_accept(&self, ctx: &Context<'_>, #[graphql(desc = "How.")] input: InvitationAcceptInput) -> Result<InvitationAcceptPayload> {
        let proof = match (input.password, input.identity_token) {
            (Some(password), None) => Proof::Password(password.into()),
            (None, Some(token)) => Proof::IdentityToken(token.into()),
            (None, None) => return InvitationAcceptPayload::refused(people::identity::SignInError::Invalid(invalid("password", Problem::Required))),
            (Some(_), Some(_)) => return Err(bad_input("pass `password` or `identityToken`, not both")),
        };
        match services(ctx)?.sign_in.invitation_accept(op(ctx)?, &SecretString::from(input.token), proof, input.name).await {
            Ok(accepted) => Ok(InvitationAcceptPayload {
                session: accepted.signed_in.map(|signed_in| opened(signed_in).0),
                user: Some(User::alone(accepted.user)),
                tenant_id: Some(accepted.tenant.to_string().into()),
                user_errors: Vec::new(),
            }),
            Err(error) => InvitationAcceptPayload::refused(error),
        }
    }

    /// Sets a new password with a link's secret, and ends all sessions of the user.
    async fn password_reset(&self, ctx: &Context<'_>, #[graphql(desc = "How.")] input: PasswordResetInput) -> Result<PasswordResetPayload> {
        match services(ctx)?.sign_in.password_reset(op(ctx)?, &SecretString::from(input.token), &SecretString::from(input.password)).await {
            Ok(row) => Ok(PasswordResetPayload { user: Some(User::alone(row)), user_errors: Vec::new() }),
            Err(error) => PasswordResetPayload::refused(error),
        }
    }
}
