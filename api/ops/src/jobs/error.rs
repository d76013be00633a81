//! Why something about jobs is refused.

use platform::{DbErr, Denied};

/// Why something about jobs is refused.
#[derive(Debug, thiserror::Error)]
pub enum JobRefused {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such job, or not the caller's.
    #[error("no such job")]
    NotFound,
    /// It is being worked on.
    #[error("the job is being worked on; wait for its end, or call it off with jobCancel first")]
    Running,
    /// It is over.
    #[error("the job is {0} already")]
    Over(&'static str),
    /// Another one does its work.
    #[error("another job of this kind with this uniqueKey waits or runs already")]
    Superseded,
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl JobRefused {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::NotFound => "NOT_FOUND",
            Self::Running => "JOB_RUNNING",
            Self::Over(_) => "JOB_OVER",
            Self::Superseded => "JOB_SUPERSEDED",
            Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound | Self::Running | Self::Over(_) | Self::Superseded => Some("id"),
            Self::Denied(_) | Self::Storage(_) => None,
        }
    }
}
