//! Usage: how much of what each tenant and store used, on each day of the tenant's time zone.
//!
//! What happens with every request is counted in memory and added a few times a minute ([`Usage`]): no request waits for a row.
//! What can be counted from the rows themselves is measured and set ([`set_day`]): measured twice, it is still once.

mod count;
mod days;

pub use count::Usage;
pub use days::{Measured, day_bounds, set_day, time_zones};
