//! What every change leaves behind, in its own transaction: an audit entry, and the events that it announces.

mod change;
mod trace;

pub use change::{Change, Happened};
pub use trace::Trace;
