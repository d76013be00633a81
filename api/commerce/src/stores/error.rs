//! Why something about stores is refused.

use people::tenants::TenantKeyError;
use people::validation::Invalid;
use platform::idempotency::IdempotencyError;
use platform::{DbErr, Denied};

/// Why something about stores is refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such store or tenant, or not the caller's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A platform administrator has to say which tenant.
    #[error("say which tenant: a platform administrator has none of their own")]
    TenantRequired,
    /// A value that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The tenant has this shop already.
    #[error("{0} is connected already; change it with storeUpdate, where a new accessToken brings back a store that the app was removed from")]
    AlreadyConnected(String),
    /// A removed app is installed again at the provider, not here.
    #[error("the app was removed from the shop: install it again there, or give the store a new accessToken (storeUpdate)")]
    Uninstalled,
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// A key could not be had.
    #[error("internal error")]
    Key(#[from] TenantKeyError),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl StoreError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::TenantRequired => "TENANT_REQUIRED",
            Self::Invalid(invalid) => invalid.problem.code(),
            Self::AlreadyConnected(_) => "ALREADY_CONNECTED",
            Self::Uninstalled => "STORE_UNINSTALLED",
            Self::Idempotency(IdempotencyError::Conflict) => "CONFLICT",
            Self::Idempotency(IdempotencyError::Malformed) => "BAD_USER_INPUT",
            Self::Idempotency(IdempotencyError::Storage(_)) | Self::Key(_) | Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound("tenant") | Self::TenantRequired => Some("tenantId"),
            Self::NotFound(_) | Self::Uninstalled => Some("id"),
            Self::Invalid(invalid) => Some(invalid.field),
            Self::AlreadyConnected(_) => Some("domain"),
            Self::Idempotency(_) => Some("idempotencyKey"),
            Self::Denied(_) | Self::Key(_) | Self::Storage(_) => None,
        }
    }
}
