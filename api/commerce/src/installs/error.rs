//! Why an installation does not come about.

use integrations::ports::shop::{CallbackError, SessionError};
use people::tenants::TenantKeyError;
use people::validation::Invalid;
use platform::{DbErr, Denied};

use super::access::ShopError;

/// Why an installation does not come about.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such connection or store, or not the caller's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A value that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The app was removed from the shop already.
    #[error("the app was removed from the shop already")]
    Uninstalled,
    /// The connection is no app that can be installed, or the program does not know where it is reached.
    #[error("{0}")]
    NotConfigured(&'static str),
    /// The tenant may not write.
    #[error("the app is not taking installations at the moment")]
    Suspended,
    /// What the browser came with is not believed.
    #[error("{0}")]
    Callback(#[from] CallbackError),
    /// The session token is not believed.
    #[error("{0}")]
    Session(#[from] SessionError),
    /// The merchant agreed for another shop than they began with.
    #[error("this is another shop than the installation was begun for")]
    OtherShop,
    /// The shop was installed by another app of the tenant.
    #[error("the shop is installed under another connection; remove that app first")]
    OtherConnection,
    /// The shop does not hand out tokens for what the merchant came with.
    #[error("the shop does not accept it: {0}; begin the installation again")]
    Refused(String),
    /// The shop could not be asked, or its answer was lost.
    #[error("the shop could not be reached: {0}; begin the installation again")]
    Unreachable(String),
    /// A key could not be had.
    #[error("internal error")]
    Key(#[from] TenantKeyError),
    /// A store's shop does not open.
    #[error("internal error")]
    Shop(#[from] ShopError),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl InstallError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) | Self::Suspended => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Invalid(invalid) => invalid.problem.code(),
            Self::Uninstalled => "STORE_UNINSTALLED",
            Self::NotConfigured(_) => "NOT_CONFIGURED",
            Self::Callback(CallbackError::BadSignature) | Self::Session(SessionError::BadSignature) => "BAD_SIGNATURE",
            Self::Callback(CallbackError::WrongState) => "WRONG_STATE",
            Self::Callback(CallbackError::Stale) | Self::Session(SessionError::OutOfTime) => "STALE",
            Self::Callback(CallbackError::NotAShop | CallbackError::Malformed(_)) => "MALFORMED",
            Self::Session(SessionError::Malformed | SessionError::OtherApp | SessionError::NotAShop) => "MALFORMED",
            Self::OtherShop => "OTHER_SHOP",
            Self::OtherConnection => "OTHER_CONNECTION",
            Self::Refused(_) => "REFUSED",
            Self::Unreachable(_) => "UNREACHABLE",
            Self::Key(_) | Self::Shop(_) | Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound("connection") | Self::NotConfigured(_) => Some("connectionId"),
            Self::NotFound(_) | Self::Uninstalled => Some("id"),
            Self::Invalid(invalid) => Some(invalid.field),
            _ => None,
        }
    }
}
