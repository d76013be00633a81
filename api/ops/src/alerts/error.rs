//! Why something about alerts is refused.

use people::validation::Invalid;
use platform::idempotency::IdempotencyError;
use platform::{DbErr, Denied};

use super::silences::MAX_SILENCES;

/// Why something about alerts is refused.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such alert, silence, store or tenant, or not the caller's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A value that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Somebody else looks after it.
    #[error("the alert was acknowledged by {0} already")]
    AlreadyAcknowledged(String),
    /// It is over.
    #[error("the alert was resolved by {0} already; when it comes back, it is another alert")]
    AlreadyResolved(String),
    /// The tenant has as many as it may.
    #[error("at most {MAX_SILENCES} silences hold at once; end one of them with alertSilenceEnd")]
    TooMany,
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl AlertError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::NotFound(_) => "NOT_FOUND",
            Self::Invalid(invalid) => invalid.problem.code(),
            Self::AlreadyAcknowledged(_) => "ALREADY_ACKNOWLEDGED",
            Self::AlreadyResolved(_) => "ALREADY_RESOLVED",
            Self::TooMany => "LIMIT_REACHED",
            Self::Idempotency(IdempotencyError::Conflict) => "CONFLICT",
            Self::Idempotency(IdempotencyError::Malformed) => "BAD_USER_INPUT",
            Self::Idempotency(IdempotencyError::Storage(_)) | Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound("tenant") => Some("tenantId"),
            Self::NotFound("store") => Some("storeId"),
            Self::NotFound(_) | Self::AlreadyAcknowledged(_) | Self::AlreadyResolved(_) => Some("id"),
            Self::Invalid(invalid) => Some(invalid.field),
            Self::Idempotency(_) => Some("idempotencyKey"),
            Self::Denied(_) | Self::TooMany | Self::Storage(_) => None,
        }
    }
}
