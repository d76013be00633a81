//! Recognising callers: API tokens, Noren's own access tokens, session tokens of shops, outside identity providers; signing in and out,
//! one-time links.
//!
//! Touches users, sessions, links and identities, which no other room does but `users`.

mod activity;
mod attempts;
mod callers;
mod error;
mod jwt;
mod keys;
mod links;
mod many;
mod merchants;
mod passwords;
mod providers;
mod service;
mod store;

pub use callers::Callers;
pub(crate) use callers::TOKEN_PREFIX;
pub use error::{AuthError, OutsideRefusal, SignInError};
pub use jwt::AccessTokens;
pub use merchants::Merchants;
pub use passwords::Passwords;
pub use providers::{OutsideIdentity, OutsideProviders, ProviderError, ProviderSettings, SigningAlgorithm};
pub use service::{Accepted, Proof, SignIn, SignedIn};

pub(crate) use links::{LinkFor, create_link, void_links};
pub(crate) use store::{belongs_elsewhere, known_scopes, revoke_sessions};
