//! Why a caller is not recognised, and why signing in is refused.

use chrono::{DateTime, Utc};
use integrations::ports::shop::SessionError;
use platform::DbErr;

use crate::validation::Invalid;

/// Why a bearer was refused. Everything but [`Storage`](Self::Storage) is UNAUTHENTICATED.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Neither an API token nor a JWT.
    #[error("the bearer is neither an API token nor an access token nor a session token of a shop")]
    Malformed,
    /// No such token.
    #[error("the API token is not known")]
    UnknownToken,
    /// Taken back.
    #[error("the API token was revoked")]
    TokenRevoked,
    /// Over.
    #[error("the API token has expired")]
    TokenExpired,
    /// The tenant is gone.
    #[error("the tenant of this API token was deleted")]
    TenantDeleted,
    /// An access token of ours that does not verify.
    #[error("the access token is not valid")]
    InvalidAccessToken,
    /// An access token of ours that is over.
    #[error("the access token has expired; call tokenRefresh")]
    AccessTokenExpired,
    /// Signed out, expired or revoked.
    #[error("the session has ended; sign in again")]
    SessionEnded,
    /// Shut out.
    #[error("the user is disabled")]
    UserDisabled,
    /// Invited only.
    #[error("the user has not accepted the invitation yet")]
    UserInvited,
    /// An outside token that is refused.
    #[error("the identity provider's token is refused: {0}")]
    Outside(#[from] OutsideRefusal),
    /// A good outside token of somebody who is no user.
    #[error("no user is linked to this identity; accept an invitation with it first")]
    UnknownIdentity,
    /// A session token that is of no app that is installed in that shop: unknown, removed, disabled or signed by somebody else, which all
    /// answer alike.
    #[error(
        "the session token is of no app that is installed in this shop here, or is not signed with its secret; install the app, or send its session token to the connection's installUrl with /session behind it"
    )]
    UnknownSession,
    /// A session token of an app that is installed, and not good.
    #[error("the session token is refused: {0}; get a new one from the shop")]
    Session(#[from] SessionError),
    /// A shop in which the same app is installed for several tenants.
    #[error("the app is installed in this shop for more than one tenant: remove it for all but one")]
    SeveralInstallations,
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl AuthError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed
            | Self::UnknownToken
            | Self::TokenRevoked
            | Self::TokenExpired
            | Self::TenantDeleted
            | Self::InvalidAccessToken
            | Self::AccessTokenExpired
            | Self::SessionEnded
            | Self::UserDisabled
            | Self::UserInvited
            | Self::Outside(_)
            | Self::UnknownIdentity
            | Self::UnknownSession
            | Self::Session(_)
            | Self::SeveralInstallations => "UNAUTHENTICATED",
            Self::Storage(_) => "INTERNAL",
        }
    }
}

/// Why an outside token was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutsideRefusal {
    /// Not a JWT.
    #[error("it is not a well-formed signed JWT")]
    Malformed,
    /// From nobody that is configured.
    #[error("its issuer is not configured")]
    UnknownIssuer,
    /// An algorithm that this provider does not use.
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// Signed with a key that is not published.
    #[error("its key is not in the provider's key set")]
    UnknownKey,
    /// The signature does not verify.
    #[error("its signature does not verify")]
    Signature,
    /// Meant for somebody else.
    #[error("its audience is another")]
    Audience,
    /// Over.
    #[error("it has expired")]
    Expired,
    /// Not yet.
    #[error("it is not valid yet")]
    NotYet,
    /// Names nobody.
    #[error("it has no subject")]
    NoSubject,
}

/// Why signing in, refreshing or a link was refused.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown e-mail, wrong password, no password, not active: one answer for all.
    #[error("the e-mail or the password is wrong")]
    InvalidCredentials,
    /// Too many failures from this address.
    #[error("too many attempts; try again at {}", retry_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))]
    TooManyAttempts {
        /// When to come back.
        retry_at: DateTime<Utc>,
    },
    /// Unknown, expired, of an ended session or of a disabled user.
    #[error("the refresh token is not valid; sign in again")]
    InvalidRefreshToken,
    /// A refresh token came a second time: somebody else may hold it, so its session was ended.
    #[error("the refresh token was used before; its session has been ended, sign in again")]
    RefreshTokenReused,
    /// Unknown, used, expired or withdrawn.
    #[error("the link is not valid: it was used, has expired or was withdrawn; ask for a new one")]
    InvalidLink,
    /// The identity is somebody else's.
    #[error("this identity is linked to another user")]
    IdentityTaken,
    /// The user has an account already, which this identity does not prove to be theirs.
    #[error("you have an account already: accept with its password, or with an identity that is linked to it")]
    IdentityNotLinked,
    /// An outside token that is refused.
    #[error("the identity provider's token is refused: {0}")]
    Outside(#[from] OutsideRefusal),
    /// A value that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Hashing failed.
    #[error("internal error")]
    Hashing,
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl SignInError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::TooManyAttempts { .. } => "TOO_MANY_ATTEMPTS",
            Self::InvalidRefreshToken => "INVALID_REFRESH_TOKEN",
            Self::RefreshTokenReused => "REFRESH_TOKEN_REUSED",
            Self::InvalidLink => "INVALID_LINK",
            Self::IdentityTaken => "IDENTITY_TAKEN",
            Self::IdentityNotLinked => "IDENTITY_NOT_LINKED",
            Self::Outside(_) => "IDENTITY_REFUSED",
            Self::Invalid(invalid) => invalid.problem.code(),
            Self::Hashing | Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(invalid) => Some(invalid.field),
            Self::InvalidRefreshToken | Self::RefreshTokenReused => Some("refreshToken"),
            Self::InvalidLink => Some("token"),
            Self::IdentityTaken | Self::IdentityNotLinked | Self::Outside(_) => Some("identityToken"),
            Self::InvalidCredentials | Self::TooManyAttempts { .. } | Self::Hashing | Self::Storage(_) => None,
        }
    }
}
