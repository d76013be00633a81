//! Buckets in this process's memory, which is bounded whoever calls.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{BucketKey, Buckets, Rate, Taken};

/// What one point is counted in, so that a point a minute adds up to whole numbers each microsecond.
const UNITS: u128 = 60_000_000;
const SHARDS: usize = 16;
/// Buckets in a shard, at most.
const SHARD: usize = 8_192;

/// What is missing from a full bucket.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    spent: u128,
    per_minute: u64,
    at: DateTime<Utc>,
}

impl Bucket {
    /// What is missing by now.
    fn spent(&self, now: DateTime<Utc>) -> u128 {
        let passed = (now - self.at).num_microseconds().and_then(|passed| u128::try_from(passed).ok()).unwrap_or(0);
        self.spent.saturating_sub(passed * u128::from(self.per_minute))
    }
}

/// Buckets in memory.
#[derive(Debug)]
pub struct MemoryBuckets {
    hasher: RandomState,
    shards: [Mutex<HashMap<BucketKey, Bucket>>; SHARDS],
}

impl Default for MemoryBuckets {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: Default::default() }
    }
}

impl MemoryBuckets {
    /// How many buckets are remembered.
    pub fn remembered(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, key: &BucketKey) -> MutexGuard<'_, HashMap<BucketKey, Bucket>> {
        lock(&self.shards[self.hasher.hash_one(key) as usize % SHARDS])
    }
}

/// No lock is held while anything could panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets buckets that are full again, and if that is not enough those that are nearest to it.
fn make_room(shard: &mut HashMap<BucketKey, Bucket>, now: DateTime<Utc>) {
    shard.retain(|_, bucket| bucket.spent(now) > 0);
    if shard.len() > SHARD / 2 {
        let mut spent: Vec<u128> = shard.values().map(|bucket| bucket.spent(now)).collect();
        let (_, median, _) = spent.select_nth_unstable(SHARD / 2);
        let median = *median;
        let mut room = shard.len().saturating_sub(SHARD / 2);
        shard.retain(|_, bucket| {
            let goes = room > 0 && bucket.spent(now) <= median;
            room -= usize::from(goes);
            !goes
        });
    }
}

fn available(rate: Rate, spent: u128) -> u64 {
    let left = (u128::from(rate.capacity) * UNITS).saturating_sub(spent) / UNITS;
    u64::try_from(left).unwrap_or(u64::MAX)
}

#[async_trait]
impl Buckets for MemoryBuckets {
    async fn available(&self, key: &BucketKey, rate: Rate, now: DateTime<Utc>) -> u64 {
        let spent = self.shard(key).get(key).map_or(0, |bucket| bucket.spent(now));
        available(rate, spent)
    }

    async fn take(&self, key: &BucketKey, rate: Rate, points: u64, now: DateTime<Utc>) -> Taken {
        let mut shard = self.shard(key);
        let spent = shard.get(key).map_or(0, |bucket| bucket.spent(now));
        let wanted = u128::from(points.min(rate.capacity)) * UNITS;
        let full = u128::from(rate.capacity) * UNITS;
        let missing = (spent + wanted).saturating_sub(full);
        if missing > 0 {
            let micros = missing.div_ceil(u128::from(rate.per_minute.max(1)));
            let retry_after = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
            return Taken::Refused { available: available(rate, spent), retry_after };
        }
        if shard.len() >= SHARD && !shard.contains_key(key) {
            make_room(&mut shard, now);
        }
        shard.insert(*key, Bucket { spent: spent + wanted, per_minute: rate.per_minute, at: now });
        Taken::Granted { available: available(rate, spent + wanted) }
    }

    async fn give_back(&self, key: &BucketKey, rate: Rate, points: u64, now: DateTime<Utc>) -> u64 {
        let mut shard = self.shard(key);
        let Entry::Occupied(mut entry) = shard.entry(*key) else { return rate.capacity };
        let spent = entry.get().spent(now).saturating_sub(u128::from(points) * UNITS);
        if spent == 0 {
            entry.remove();
        } else {
            entry.insert(Bucket { spent, per_minute: rate.per_minute, at: now });
        }
        available(rate, spent)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use chrono::TimeDelta;
    use futures::executor::block_on;

    use super::*;
    use crate::limits::{Payer, Purse};

    const RATE: Rate = Rate { capacity: 100, per_minute: 600 };

    fn key(address: u32) -> BucketKey {
        BucketKey { payer: Payer::address(Ipv4Addr::from_bits(address).into()), purse: Purse::Cost }
    }

    fn start() -> DateTime<Utc> {
        "2026-11-21T09:00:00Z".parse().unwrap()
    }

    #[test]
    fn points_come_back_by_the_second_and_never_more_than_were_there() {
        let buckets = MemoryBuckets::default();
        let take = |points, at: TimeDelta| block_on(buckets.take(&key(1), RATE, points, start() + at));
        assert_eq!(take(60, TimeDelta::zero()), Taken::Granted { available: 40 });
        assert_eq!(take(60, TimeDelta::zero()), Taken::Refused { available: 40, retry_after: Duration::from_secs(2) });
        assert_eq!(take(60, TimeDelta::milliseconds(1_999)), Taken::Refused { available: 59, retry_after: Duration::from_millis(1) });
        assert_eq!(take(60, TimeDelta::seconds(2)), Taken::Granted { available: 0 });
        assert_eq!(block_on(buckets.available(&key(1), RATE, start() + TimeDelta::seconds(3))), 10);
        // A clock that is set back restores nothing and takes nothing.
        assert!(matches!(take(1, TimeDelta::seconds(-60)), Taken::Refused { available: 0, .. }));
        assert_eq!(block_on(buckets.give_back(&key(1), RATE, 50, start() + TimeDelta::seconds(2))), 50);
        assert_eq!(take(1_000, TimeDelta::seconds(60)), Taken::Granted { available: 0 });
        assert_eq!(block_on(buckets.give_back(&key(1), RATE, 1_000, start() + TimeDelta::seconds(60))), 100);
        assert_eq!(buckets.remembered(), 0);
    }

    #[test]
    fn memory_is_bounded_whoever_calls() {
        let buckets = MemoryBuckets::default();
        let spender = key(0);
        assert_eq!(block_on(buckets.take(&spender, RATE, 100, start())), Taken::Granted { available: 0 });
        for address in 1..400_000 {
            block_on(buckets.take(&key(address), RATE, 1, start()));
        }
        assert!(buckets.remembered() <= SHARDS * SHARD, "{}", buckets.remembered());
        assert!(matches!(block_on(buckets.take(&spender, RATE, 1, start())), Taken::Refused { .. }), "who spent most is forgotten last");
        // Asking leaves nothing behind.
        let before = buckets.remembered();
        assert_eq!(block_on(buckets.available(&key(1_000_000), RATE, start())), 100);
        assert_eq!(buckets.remembered(), before);
    }

    #[test]
    fn a_client_has_its_whole_network_of_ipv6() {
        let payer = |text: &str| Payer::address(text.parse::<IpAddr>().unwrap());
        assert_eq!(payer("2001:db8:1:2::1"), payer("2001:db8:1:2:ffff::9"));
        assert_ne!(payer("2001:db8:1:2::1"), payer("2001:db8:1:3::1"));
        assert_eq!(payer("::ffff:192.0.2.1"), payer("192.0.2.1"));
    }
}
