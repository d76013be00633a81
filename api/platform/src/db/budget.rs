//! What one operation may ask of the database, whatever its query says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::DbErr;

/// Statements that one operation reads with at most. The deepest query that is allowed needs far fewer.
const STATEMENTS: u64 = 300;
/// How long one operation may go on reading.
const TIME: Duration = Duration::from_secs(25);

/// Why an operation was stopped, as its caller is told.
pub const OVER_BUDGET: [&str; 2] =
    ["the operation needs too many statements; ask for fewer lists and aliases at once", "the operation takes too long; ask for less at once"];

/// What is left for one operation.
pub struct Budget {
    spent: AtomicU64,
    until: Instant,
}

impl Default for Budget {
    fn default() -> Self {
        Self { spent: AtomicU64::new(0), until: Instant::now() + TIME }
    }
}

impl Budget {
    /// Pays for one statement.
    pub(super) fn spend(&self) -> Result<(), DbErr> {
        let [too_many, too_long] = OVER_BUDGET;
        if self.spent.fetch_add(1, Ordering::Relaxed) >= STATEMENTS {
            return Err(DbErr::Custom(too_many.to_owned()));
        }
        if Instant::now() > self.until {
            return Err(DbErr::Custom(too_long.to_owned()));
        }
        Ok(())
    }
}

/// Whether an error says that an operation was over its budget.
pub fn over_budget(error: &DbErr) -> bool {
    matches!(error, DbErr::Custom(message) if OVER_BUDGET.contains(&message.as_str()))
}
