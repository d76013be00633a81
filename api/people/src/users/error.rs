//! Why something about users is refused.

use platform::{DbErr, Denied};

use crate::validation::Invalid;

/// Why something about users is refused.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such user or tenant, or not the caller's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A platform administrator has to say which tenant.
    #[error("say which tenant: a platform administrator has none of their own")]
    TenantRequired,
    /// A value that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Already there.
    #[error("this user already belongs to the tenant")]
    AlreadyMember,
    /// Somebody must be able to run the tenant.
    #[error("this is the tenant's last administrator; make somebody else an administrator first")]
    LastAdmin,
    /// Not one's own.
    #[error("nobody changes or disables their own account")]
    OwnAccount,
    /// The account is not the tenant's alone.
    #[error("this user also belongs elsewhere; only a platform administrator can make a password link")]
    SharedUser,
    /// Not in a state for it.
    #[error("the user has not accepted an invitation, or is disabled")]
    NotActive,
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl UserError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::NotFound(_) => "NOT_FOUND",
            Self::TenantRequired => "TENANT_REQUIRED",
            Self::Invalid(invalid) => invalid.problem.code(),
            Self::AlreadyMember => "ALREADY_MEMBER",
            Self::LastAdmin => "LAST_ADMIN",
            Self::OwnAccount => "OWN_ACCOUNT",
            Self::SharedUser => "SHARED_USER",
            Self::NotActive => "USER_NOT_ACTIVE",
            Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(invalid) => Some(invalid.field),
            Self::TenantRequired | Self::NotFound("tenant") => Some("tenantId"),
            Self::NotFound("store") => Some("storeIds"),
            Self::AlreadyMember => Some("email"),
            Self::NotFound(_) | Self::OwnAccount | Self::SharedUser | Self::NotActive | Self::LastAdmin => Some("userId"),
            Self::Denied(_) | Self::Storage(_) => None,
        }
    }
}
