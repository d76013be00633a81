//! A shop's budget of calls, as arithmetic: a bucket of points that fills up again at a steady rate, shared by all who call the shop for
//! the same app. A call is let in when the bucket surely holds what it asks for; what it did not need comes back with its answer.

use std::time::Duration;

use tokio::time::Instant;

/// What a call cost, and how the bucket stands after it, in points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// What had to be in the bucket.
    pub requested: u64,
    /// What was taken; none if the call was not let in.
    pub actual: Option<u64>,
    /// What the bucket holds when it is full.
    pub maximum: u64,
    /// What it held when the answer was written.
    pub available: u64,
    /// What comes back in a second.
    pub restore_rate: u64,
}

/// What an answer told of the bucket, and how long it took to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The cost.
    pub cost: Cost,
    /// From the sending to the answer.
    pub duration: Duration,
}

/// When a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// At once.
    Now,
    /// After this time, if nothing changes.
    For(Duration),
    /// When one of those under way has been answered.
    ForAnswer,
    /// Never: the bucket is too small for it.
    Never,
}

/// A call under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    requested: u64,
    /// What calls beside it had asked for when it was made.
    beside: u64,
    /// What all calls before it had asked for.
    before: u64,
}

/// The budget of one shop. It knows no clock.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    bucket: Option<Bucket>,
    /// Points that calls under way have asked for.
    reserved: u64,
    /// Points that all calls so far have asked for.
    asked: u64,
    under_way: u32,
    crowded_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    maximum: u64,
    restore_rate: u64,
    /// In thousandths of a point.
    available: u64,
    at: Instant,
}

/// For how long others are reckoned with once they have shown themselves.
const CROWDED: Duration = Duration::from_secs(10);
const MILLI: u64 = 1_000;

impl Bucket {
    /// What it surely holds at an instant, in thousandths. What came back since counts in whole milliseconds.
    fn at(&self, now: Instant) -> u64 {
        let millis = u64::try_from(now.saturating_duration_since(self.at).as_millis()).unwrap_or(u64::MAX);
        self.available.saturating_add(self.restore_rate.saturating_mul(millis)).min(self.maximum.saturating_mul(MILLI))
    }
}

impl Budget {
    /// What the bucket holds when it is full, once an answer has told.
    pub fn maximum(&self) -> Option<u64> {
        self.bucket.map(|bucket| bucket.maximum)
    }

    /// Whether somebody else has lately spent from the same bucket.
    pub fn is_crowded(&self, now: Instant) -> bool {
        self.crowded_until.is_some_and(|until| now < until)
    }

    /// When a call that asks for so many points may be made. As long as nothing is known of the bucket, one call at a time finds out.
    /// While others share it, half of it is left to them.
    pub fn wait_for(&self, requested: u64, now: Instant) -> Wait {
        let Some(bucket) = self.bucket else {
            return if self.under_way == 0 { Wait::Now } else { Wait::ForAnswer };
        };
        if requested > bucket.maximum {
            return Wait::Never;
        }
        let left_to_others = if self.is_crowded(now) { bucket.maximum / 2 } else { 0 };
        let needed = requested.saturating_add(left_to_others).min(bucket.maximum).saturating_add(self.reserved);
        let (needed, available) = (needed.saturating_mul(MILLI), bucket.at(now));
        if available >= needed {
            return Wait::Now;
        }
        if needed > bucket.maximum.saturating_mul(MILLI) || bucket.restore_rate == 0 {
            return if self.under_way == 0 { Wait::For(Duration::from_secs(1)) } else { Wait::ForAnswer };
        }
        Wait::For(Duration::from_millis((needed - available).div_ceil(bucket.restore_rate)))
    }

    /// A call that asks for so many points is made.
    pub fn begin(&mut self, requested: u64) -> Begun {
        let begun = Begun { requested, beside: self.reserved, before: self.asked };
        self.reserved = self.reserved.saturating_add(requested);
        self.asked = self.asked.wrapping_add(requested);
        self.under_way += 1;
        begun
    }

    /// That call is over. Without word of the bucket, all that it asked for counts as spent.
    pub fn end(&mut self, begun: Begun, told: Option<&Told>, now: Instant) {
        self.reserved = self.reserved.saturating_sub(begun.requested);
        self.under_way = self.under_way.saturating_sub(1);
        match (told, &mut self.bucket) {
            (Some(told), _) => self.learn(&begun, told, now),
            (None, Some(bucket)) => {
                bucket.available = bucket.at(now).saturating_sub(begun.requested.saturating_mul(MILLI));
                bucket.at = now;
            }
            (None, None) => {}
        }
    }

    fn learn(&mut self, begun: &Begun, Told { cost, duration }: &Told, now: Instant) {
        let reported = cost.available.saturating_mul(MILLI);
        let mut available = reported;
        if let Some(bucket) = self.bucket {
            let sent = now.checked_sub(*duration).unwrap_or(now);
            if bucket.at > sent {
                // Answers overtake each other: word that may be older than what is known does not make it more.
                available = available.min(bucket.at(now));
            } else {
                // Alone, the bucket held at least this when the answer was written, whatever else of ours was under way by then.
                let later = self.asked.wrapping_sub(begun.before).saturating_sub(begun.requested);
                let ours = cost.actual.unwrap_or(0).saturating_add(begun.beside).saturating_add(later);
                if reported < bucket.at(sent).saturating_sub(ours.saturating_mul(MILLI)) / MILLI * MILLI {
                    self.crowded_until = Some(now + CROWDED);
                }
            }
        }
        if cost.actual.is_none() {
            // Not let in, although there was room for it by what is known.
            self.crowded_until = Some(now + CROWDED);
        }
        self.bucket = Some(Bucket { maximum: cost.maximum, restore_rate: cost.restore_rate, available, at: now });
    }
}
