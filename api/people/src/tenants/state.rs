//! The life of a tenant: which steps lead where.

use entities::TenantStatus;

/// A step in a tenant's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Stops writing, syncing and spending.
    Suspend,
    /// Back to work.
    Reactivate,
    /// Gone, softly.
    Delete,
}

/// A step that the tenant cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tenant that is {from} cannot be {}", step.participle())]
pub struct TransitionError {
    /// Where the tenant is.
    pub from: TenantStatus,
    /// What was asked for.
    pub step: Transition,
}

impl Transition {
    /// Where the step leads.
    pub const fn from(self, status: TenantStatus) -> Result<TenantStatus, TransitionError> {
        match (status, self) {
            (TenantStatus::Active | TenantStatus::Inactive, Self::Suspend) => Ok(TenantStatus::Suspended),
            (TenantStatus::Suspended | TenantStatus::Inactive, Self::Reactivate) => Ok(TenantStatus::Active),
            (TenantStatus::Active | TenantStatus::Inactive | TenantStatus::Suspended, Self::Delete) => Ok(TenantStatus::Deleted),
            (TenantStatus::Suspended | TenantStatus::Deleted, Self::Suspend)
            | (TenantStatus::Active | TenantStatus::Deleted, Self::Reactivate)
            | (TenantStatus::Deleted, Self::Delete) => Err(TransitionError { from: status, step: self }),
        }
    }

    const fn participle(self) -> &'static str {
        match self {
            Self::Suspend => "suspended",
            Self::Reactivate => "reactivated",
            Self::Delete => "deleted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_back_from_deleted() {
        for step in [Transition::Suspend, Transition::Reactivate, Transition::Delete] {
            assert!(step.from(TenantStatus::Deleted).is_err());
        }
        assert_eq!(Transition::Suspend.from(TenantStatus::Active), Ok(TenantStatus::Suspended));
        let refused = Transition::Suspend.from(TenantStatus::Suspended).unwrap_err();
        assert_eq!(refused.to_string(), "a tenant that is SUSPENDED cannot be suspended");
    }
}
