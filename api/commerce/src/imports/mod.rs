//! Importing the result files of a shop system's bulk operations: a stream into a staging area, checks, one merge, a receipt.
//!
//! May touch the stores' rows, `entities` values and the port `commerce`; the rules of `records`; nothing of other rooms.

mod check;
mod clean;
mod ending;
mod error;
mod lease;
mod load;
mod merge;
mod pace;
mod progress;
mod receipt;
mod scope;
mod search;
mod service;
mod slices;
mod source;

pub(crate) use clean::{Quiet, is_held, is_importing, quiet};
pub(crate) use ending::Ending;
pub use error::ImportError;
pub(crate) use load::insert_rows;
pub use progress::{Phase, Progress, Unwatched};
pub use receipt::{Counts, LISTED_REJECTIONS, Receipt, Rejection};
pub(crate) use service::{Brought, BroughtBy};
pub use service::{ImportOptions, Imports};
pub use source::Source;

/// On SQLite, the condition under which a row of `table` is visible: no import has still to show it. On PostgreSQL every row is.
pub const SHOWN: &str = "pending_import_id is null or pending_import_id in (select id from import_runs where status = 'DONE')";
