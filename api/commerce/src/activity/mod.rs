//! Activity: what goes on between the program and stores' shops, in numbers; what is stored of each store; and which versions of the
//! provider's API answer.
//!
//! Calls are counted in memory as they end ([`Calls`]) and added a few times a minute. Deliveries are counted once an hour from the inbox,
//! which has them all; what has come since is counted when somebody asks. May touch its own tables; reads stores, syncs and the inbox.

mod calls;
mod deliveries;
mod jobs;
mod reading;
mod sizes;
mod versions;

pub use calls::Calls;
pub use jobs::{HOUR, SIZES, SIZES_OF_TENANT, schedules, workers};
pub use reading::{Analytics, StoreAnalytics, Window};
pub use sizes::{Resizing, StoreSizes};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// Of the store `s`: its data was not erased, or it was installed again since.
const KEPT: &str = "(s.data_deletion_completed_at is null or s.data_deletion_completed_at < coalesce(s.installed_at, s.created_at))";

/// How many windows there are.
pub const WINDOWS: usize = 7;
/// Hours of a window.
const HOURS: i64 = 24;

/// The hour that an instant is in.
fn hour_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

/// When the windows begin, the oldest first: each has 24 hours, and the hour that it is now is the last one of the last.
fn edges(now: DateTime<Utc>) -> [DateTime<Utc>; WINDOWS] {
    let last = hour_of(now) - TimeDelta::hours(HOURS - 1);
    std::array::from_fn(|index| last - TimeDelta::hours(HOURS) * (WINDOWS - 1 - index) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_window_ends_with_this_hour_and_each_begins_where_the_one_before_ends() {
        let edges = edges("2026-11-21T09:59:59.999Z".parse().unwrap());
        assert_eq!(edges[6].to_rfc3339(), "2026-11-20T10:00:00+00:00");
        assert!(edges.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::hours(24)), "{edges:?}");
        assert_eq!(hour_of("2026-11-21T09:00:00Z".parse().unwrap()).to_rfc3339(), "2026-11-21T09:00:00+00:00");
    }
}
