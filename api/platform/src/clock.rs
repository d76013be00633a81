//! Time and ids come from here, so that a test can hold them.

use std::sync::Arc;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use uuid::{NoContext, Timestamp, Uuid};

/// Tells the time in UTC, to the microsecond: both databases keep exactly that.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }
}

/// Makes ids: UUID v7, ordered by the clock's time.
#[derive(Clone)]
pub struct Ids {
    clock: Arc<dyn Clock>,
}

impl Ids {
    /// Ids stamped by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// A new id of any kind.
    pub fn next<T: From<Uuid>>(&self) -> T {
        T::from(Self::at(self.clock.now()))
    }

    /// A new id that sorts at `instant`: rows that came to be in the past sort there.
    pub fn at(instant: DateTime<Utc>) -> Uuid {
        let seconds = u64::try_from(instant.timestamp()).unwrap_or(0);
        Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, instant.timestamp_subsec_nanos()))
    }
}
