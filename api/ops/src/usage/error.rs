//! Why usage is not shown.

use platform::{DbErr, Denied};

/// Why usage is not shown.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// More rows than one answer has.
    #[error("that is more than {0} rows; ask for fewer days, stores or metrics at once")]
    TooMany(u64),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}
