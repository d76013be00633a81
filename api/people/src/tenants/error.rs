//! Why something about tenants is refused.

use platform::idempotency::IdempotencyError;
use platform::{DbErr, Denied};

use super::keys::TenantKeyError;
use super::state::TransitionError;
use crate::validation::Invalid;

/// Why something about tenants is refused.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such tenant, or not the caller's.
    #[error("no such tenant")]
    NotFound,
    /// A value that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Not from this state.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// Deleted tenants do not change.
    #[error("the tenant is deleted")]
    Deleted,
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Idempotency(IdempotencyError),
    /// A key could not be made.
    #[error("internal error")]
    Key(#[from] TenantKeyError),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl From<IdempotencyError> for TenantError {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::Storage(error) => Self::Storage(error),
            IdempotencyError::Conflict | IdempotencyError::Malformed => Self::Idempotency(error),
        }
    }
}

impl TenantError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::NotFound => "NOT_FOUND",
            Self::Invalid(invalid) => invalid.problem.code(),
            Self::Transition(_) => "INVALID_TRANSITION",
            Self::Deleted => "TENANT_DELETED",
            Self::Idempotency(IdempotencyError::Conflict) => "CONFLICT",
            Self::Idempotency(IdempotencyError::Malformed) => "BAD_USER_INPUT",
            Self::Idempotency(IdempotencyError::Storage(_)) | Self::Key(_) | Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound | Self::Transition(_) | Self::Deleted => Some("id"),
            Self::Invalid(invalid) => Some(invalid.field),
            Self::Idempotency(_) => Some("idempotencyKey"),
            Self::Denied(_) | Self::Key(_) | Self::Storage(_) => None,
        }
    }
}
