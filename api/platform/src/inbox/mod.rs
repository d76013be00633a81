//! The inbox: what a provider delivers is stored once before it is answered, worked on by a job, and again whenever it is replayed.
//!
//! Knows no provider and no domain: those who do are its [`Handler`]s. What it gets was verified by whoever took it in.

mod empty;
mod keep;
mod settle;
mod stranded;
mod work;

pub use empty::{EMPTY, Emptying, empty};
pub use keep::{Incoming, Intake, KeepError, Kept};
pub use settle::again;
pub use stranded::Stranded;
pub use work::{HandleError, Handled, Handler, PROCESS, Processing, Stored, called_off, reopen};
