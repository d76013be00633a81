//! Why something about deliveries is refused.

use platform::{DbErr, Denied};

/// Why something about deliveries is refused.
#[derive(Debug, thiserror::Error)]
pub enum WebhookEventError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such delivery, or not the caller's.
    #[error("no such webhook event")]
    NotFound,
    /// There is nothing left to work on.
    #[error("its payload was deleted; ask the provider for the data itself")]
    PayloadDeleted,
    /// It is on its way already.
    #[error("it still waits to be worked on; replay it when it is PROCESSED, IGNORED or FAILED")]
    StillPending,
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl WebhookEventError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::PayloadDeleted => "PAYLOAD_DELETED",
            Self::StillPending => "STILL_PENDING",
            Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound | Self::PayloadDeleted | Self::StillPending => Some("id"),
            Self::Denied(_) | Self::Storage(_) => None,
        }
    }
}
