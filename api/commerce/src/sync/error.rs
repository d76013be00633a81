//! Why something about syncs is refused.

use people::validation::Invalid;
use platform::idempotency::IdempotencyError;
use platform::{DbErr, Denied};

/// Why something about syncs is refused.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such store or run, or not the caller's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A value that is not accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The store cannot be synced as it is.
    #[error("the store cannot be synced: {0}")]
    StoreNotReady(String),
    /// A run of this kind is under way.
    #[error("a sync of this kind is under way for this store ({0}): follow it, or cancel it first")]
    UnderWay(String),
    /// There is nothing to go on from.
    #[error("nothing has been synced yet that could be gone on from; ask for a FULL sync first")]
    NothingYet,
    /// A part of what is asked for is kept from the app.
    #[error("{0}")]
    OutOfReach(String),
    /// It is over.
    #[error("it is over already")]
    Over,
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl SyncError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Invalid(invalid) => invalid.problem.code(),
            Self::StoreNotReady(_) => "STORE_NOT_READY",
            Self::UnderWay(_) => "SYNC_UNDER_WAY",
            Self::NothingYet => "NOTHING_SYNCED_YET",
            Self::OutOfReach(_) => "OUT_OF_REACH",
            Self::Over => "SYNC_OVER",
            Self::Idempotency(_) => "CONFLICT",
            Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound("sync run") | Self::Over => Some("id"),
            Self::NotFound(_) | Self::StoreNotReady(_) => Some("storeId"),
            Self::Invalid(invalid) => Some(invalid.field),
            Self::UnderWay(_) | Self::NothingYet => Some("kind"),
            Self::OutOfReach(_) => Some("from"),
            Self::Denied(_) | Self::Idempotency(_) | Self::Storage(_) => None,
        }
    }
}
