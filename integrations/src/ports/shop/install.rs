//! How a merchant lets the app into a shop: by an authorisation, or by opening the app inside of the shop.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use url::Url;

use super::App;
use crate::ports::commerce::InvalidDomain;

/// Lets an app into shops.
#[async_trait]
pub trait ShopInstaller: Send + Sync {
    /// Where the merchant is sent to agree. `state` comes back with the merchant, and must be bound to the browser.
    fn authorize_url(&self, app: &App, shop: &str, redirect: &Url, state: &str) -> Result<Url, InvalidDomain>;

    /// Checks what a merchant comes with who opens the app from the provider's side: the query of the app's address, as it came. Gives the
    /// shop's domain, in the one spelling that is stored.
    fn verify_launch(&self, app: &App, query: &str, now: DateTime<Utc>) -> Result<String, CallbackError>;

    /// Checks what the merchant came back with: the query of the callback's address, as it came.
    fn verify_callback(&self, app: &App, query: &str, state: &str, now: DateTime<Utc>) -> Result<Callback, CallbackError>;

    /// Trades the code of a callback for tokens. A code is good once.
    async fn exchange_code(&self, app: &App, shop: &str, code: &SecretString, now: DateTime<Utc>) -> Result<Tokens, TokenError>;

    /// Of which app and shop a bearer says that it is, if it could be the token of an app that is open inside of a shop: whom to ask, and
    /// nothing that may be believed before [`verify_session`](Self::verify_session).
    fn claimed_session(&self, token: &str) -> Option<ClaimedSession>;

    /// Checks the token that the shop gives to an app that is open inside of it.
    fn verify_session(&self, app: &App, token: &str, now: DateTime<Utc>) -> Result<ShopSession, SessionError>;

    /// Trades such a token for tokens of the app's own.
    async fn exchange_session(&self, app: &App, shop: &str, session: &SecretString, now: DateTime<Utc>) -> Result<Tokens, TokenError>;

    /// Trades a refresh token for the next pair. The old one may be tried again until the new access token has been used: an answer that
    /// was lost loses nothing.
    async fn refresh(&self, app: &App, shop: &str, refresh: &SecretString, now: DateTime<Utc>) -> Result<Tokens, TokenError>;
}

/// A merchant who has agreed.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The shop's domain, in the one spelling that is stored.
    pub shop: String,
    /// What is traded for tokens.
    pub code: SecretString,
}

/// Why a callback is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// Whoever made it does not know the secret.
    #[error("the signature is missing or does not match")]
    BadSignature,
    /// It is not the answer to what this browser asked.
    #[error("the state is not the one that was given out")]
    WrongState,
    /// Made too long ago, or too far ahead.
    #[error("the callback is too old, or from the future")]
    Stale,
    /// The shop's name is none.
    #[error("the callback names no shop of the provider")]
    NotAShop,
    /// Something is missing or comes twice.
    #[error("the callback is incomplete: {0}")]
    Malformed(&'static str),
}

/// Tokens of a shop. They belong together, and are stored together.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// What opens the shop.
    pub access: SecretString,
    /// Until when; none for those that last.
    pub access_expires_at: Option<DateTime<Utc>>,
    /// What is traded for the next pair.
    pub refresh: Option<SecretString>,
    /// Until when.
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// What the merchant has granted.
    pub scopes: Vec<String>,
}

/// Why there are no tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The code, session or refresh token is not taken: used, expired, or of another app.
    #[error("not taken: {0}")]
    Rejected(String),
    /// The app's own id or secret is not known.
    #[error("the app's client id or secret is wrong: {0}")]
    BadClient(String),
    /// The shop is frozen, locked or gone.
    #[error("the shop is closed to the app (status {0})")]
    ShopClosed(u16),
    /// Not now.
    #[error("{why}")]
    Later {
        /// What the other side says.
        why: String,
        /// When to come back, if the answer says so.
        after: Option<Duration>,
    },
    /// It was sent, and nobody can tell what became of it.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
    /// It never arrived.
    #[error("{0}")]
    Unreachable(String),
}

/// What a session token says that nobody has checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimedSession {
    /// The app's public name.
    pub client_id: String,
    /// The shop's domain, in the one spelling that is stored.
    pub shop: String,
}

/// A merchant's user who has the app open inside of a shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopSession {
    /// The shop's domain, in the one spelling that is stored.
    pub shop: String,
    /// The provider's id of the user.
    pub user: String,
    /// The provider's id of the session.
    pub session: Option<String>,
    /// The provider's id of this token.
    pub token_id: Option<String>,
    /// Until when the token is good.
    pub expires_at: DateTime<Utc>,
}

/// Why a session token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Not a token of this kind.
    #[error("this is not a session token")]
    Malformed,
    /// Whoever made it does not know the secret.
    #[error("the signature does not match")]
    BadSignature,
    /// Made for another app.
    #[error("the token is for another app")]
    OtherApp,
    /// No longer good, or not yet.
    #[error("the token has expired, or is not valid yet")]
    OutOfTime,
    /// It names no shop, or two.
    #[error("the token names no shop of the provider")]
    NotAShop,
}
