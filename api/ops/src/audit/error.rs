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
    /// Only what is said of persons can be erased: the rest is evidence.
    #[error("`{0}` is not the id of a person; pass that of a user, a customer, a session, or a merchant's user as `actor` names them")]
    NotAPerson(String),
    /// Nobody erases what they did themselves.
    #[error("nobody erases what the log says of themselves; ask another administrator")]
    Oneself,
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
            Self::NotAPerson(_) => "UNKNOWN_VALUE",
            Self::Oneself => "OWN_ACCOUNT",
            Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound => Some("tenantId"),
            Self::NotAPerson(_) | Self::Oneself => Some("subject"),
            Self::Denied(_) | Self::Storage(_) => None,
        }
    }
}
