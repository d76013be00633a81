//! Why an import did not come through.

use chrono::{DateTime, Utc};
use entities::StoreId;
use platform::db::CopyError;
use platform::{DbErr, Denied};

use super::receipt::Receipt;

/// Why an import did not come through. Nothing of it is visible.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such store, or it is not the caller's.
    #[error("there is no store {0}")]
    StoreNotFound(StoreId),
    /// The app was removed from the store's shop: its data is on its way out.
    #[error(
        "the app was removed from the store's shop, and its data is to be deleted; install the app again, or give the store a new accessToken, and then import"
    )]
    Uninstalled,
    /// The file is of another provider than the store.
    #[error("the store is of {store}, the file of {file}")]
    OtherProvider {
        /// The store's provider.
        store: String,
        /// The file's provider.
        file: &'static str,
    },
    /// The store's currency is not one of ISO 4217.
    #[error("the store's currency `{0}` is not one of ISO 4217")]
    StoreCurrency(String),
    /// Another import of this store is running.
    #[error("another import of this store is running since {since} ({source_name}); wait until it is done")]
    Busy {
        /// When it began.
        since: DateTime<Utc>,
        /// Its file.
        source_name: String,
    },
    /// Another process took this one for dead.
    #[error("the import paused for so long that another one took its place; run it again")]
    LostLease,
    /// Lines were rejected, and all or nothing was asked for.
    #[error("{} of {} lines are rejected, and nothing was written; correct the file, or pass --keep-going to write the good rows", .0.rejected, .0.lines)]
    Rejected(Box<Receipt>),
    /// The file has not what the provider says it has.
    #[error("the file has {found} lines where the provider counts {expected} objects, and nothing was written; fetch it again")]
    Incomplete {
        /// The provider's count.
        expected: u64,
        /// Lines in the file.
        found: u64,
    },
    /// What came is not what the provider says there is.
    #[error("{0}")]
    Differs(String),
    /// Somebody stopped it.
    #[error("stopped")]
    Stopped,
    /// The file cannot be read.
    #[error("cannot read the file: {0}")]
    Source(#[from] std::io::Error),
    /// The database failed.
    #[error("the database failed: {0}")]
    Storage(#[from] DbErr),
    /// The database failed while rows were copied in.
    #[error("the database failed: {0}")]
    Copy(#[from] CopyError),
    /// A part of the program failed.
    #[error("the import broke off: {0}")]
    Broken(String),
}
