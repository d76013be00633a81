//! Why something about privacy requests is refused.

use people::tenants::TenantKeyError;
use platform::{DbErr, Denied};

/// Why something about privacy requests is refused.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such request, or not the caller's.
    #[error("no such privacy request")]
    NotFound,
    /// It is on its way.
    #[error("it is not done yet; `status` tells when it is")]
    StillPending,
    /// There is nothing to be had from it.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The bundle is gone.
    #[error("what was put together is deleted: it was fetched, kept long enough, or the customer was forgotten since")]
    BundleDeleted,
    /// The bundle cannot be opened.
    #[error("the bundle cannot be opened: {0}")]
    Key(#[from] TenantKeyError),
    /// The bundle is not what it was.
    #[error("the bundle is not readable: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl PrivacyError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::StillPending => "STILL_PENDING",
            Self::NotAllowed(_) => "NOT_ALLOWED",
            Self::BundleDeleted => "PAYLOAD_DELETED",
            Self::Key(_) | Self::Unreadable(_) | Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound | Self::StillPending | Self::NotAllowed(_) | Self::BundleDeleted => Some("id"),
            Self::Denied(_) | Self::Key(_) | Self::Unreadable(_) | Self::Storage(_) => None,
        }
    }
}
