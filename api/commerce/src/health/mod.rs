//! Whether stores' shops answer: a light call for each now and then, and what follows when several in a row fail.
//!
//! May touch `store_health`, the list of stores, and [`installs`](crate::installs) to open their shops.

mod check;
mod row;

pub(crate) use check::forget;
pub use check::{CHECK, FAILURES, schedules, workers};
pub use row::StoreHealthRow;
