//! Why a change was not written.

use integrations::ports::commerce::LineError;
use platform::DbErr;

/// Why a change was not written. The transaction is to be dropped: of the change nothing must stay.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It says what the store cannot take, in the words of an import's receipt. Telling it again does not help.
    #[error(transparent)]
    Rejected(LineError),
    /// An import of the store is being merged.
    #[error("an import of this store is being merged; try again when it is done")]
    Importing,
    /// The database failed, or another writer came first.
    #[error("the database failed: {0}")]
    Storage(#[from] DbErr),
}

impl ChangeError {
    /// Whether the same change may be written later.
    pub const fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Rejected(_) => false,
            Self::Importing | Self::Storage(_) => true,
        }
    }
}
