//! Why something about the audit log is refused.

use platform::{DbErr, Denied};

/// Why something about the audit log is refused.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such tenant, or not the caller's.
    #[error("no such tenant")]
    NotFound,
    /// Entries are erased by the id of a person, a token or a thing, never by a word that many share.
    #[error("`{0}` is not an id of this API; pass the id of a user, an API token or whatever else entries are about")]
    NotAnId(String),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl AuditError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::NotFound => "NOT_FOUND",
            Self::NotAnId(_) => "BAD_USER_INPUT",
            Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound => Some("tenantId"),
            Self::NotAnId(_) => Some("subject"),
            Self::Denied(_) | Self::Storage(_) => None,
        }
    }
}
