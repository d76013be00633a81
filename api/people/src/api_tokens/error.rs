//! Why something about API tokens is refused.

use platform::{DbErr, Denied};

use crate::validation::Invalid;

/// Why something about API tokens is refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiTokenError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such token or tenant, or not the caller's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A platform administrator has to say which tenant.
    #[error("say which tenant: a platform administrator has none of their own")]
    TenantRequired,
    /// A tenant has so many tokens at most.
    #[error("the tenant has {0} tokens that are good, and may have no more; revoke one first")]
    TooMany(i64),
    /// A value that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl ApiTokenError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::NotFound(_) => "NOT_FOUND",
            Self::TenantRequired => "TENANT_REQUIRED",
            Self::TooMany(_) => "LIMIT_REACHED",
            Self::Invalid(invalid) => invalid.problem.code(),
            Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::TenantRequired | Self::NotFound("tenant") => Some("tenantId"),
            Self::NotFound(_) => Some("id"),
            Self::Invalid(invalid) => Some(invalid.field),
            Self::Denied(_) | Self::TooMany(_) | Self::Storage(_) => None,
        }
    }
}
