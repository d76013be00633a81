//! Who calls, what they may do, and the proof of it that storage demands.

mod caller;
mod ctx;
mod permit;
mod rights;
mod standing;

pub use caller::{Caller, MembershipFact, MerchantCaller, TokenCaller, UserCaller};
pub use ctx::{OpCtx, Origin};
pub use permit::{Denied, Permit, Scope};
pub use rights::{Action, Kind, Mode, RIGHTS, Reach, Right, actions};
pub use standing::{Standing, StandingError};
