//! What a caller may use up, so that no caller can hurt another: buckets of points that are refilled by the second.
//!
//! Behind the port [`Buckets`]; [`MemoryBuckets`] keeps them in this process. What costs points is decided above.

mod memory;
mod operations;
mod rates;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entities::{ApiTokenId, StoreId, UserId};

pub use memory::MemoryBuckets;
pub use operations::{OPERATION_CLASSES, OperationClass, OperationLimits};
pub use rates::{CostRates, plan_of};

use crate::callers::{Caller, OpCtx};

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// The bearer of an API token.
    Token(ApiTokenId),
    /// A signed-in user.
    User(UserId),
    /// All who have an app open inside of a store's shop.
    Store(StoreId),
    /// Whoever calls from an address and is not known; of IPv6 the network, for a client has all of that.
    Address(IpAddr),
    /// Whoever sends a bearer that was good before, by its keyed hash.
    Bearer(u64),
    /// Whoever sends webhooks from an address to a connection that is there, by the keyed hash of both.
    Door(u64),
}

impl Payer {
    /// Who pays for an operation.
    pub fn of(ctx: &OpCtx) -> Self {
        match ctx.caller() {
            Caller::Token(token) => Self::Token(token.id),
            Caller::User(user) => Self::User(user.id),
            Caller::Merchant(merchant) => Self::Store(merchant.store),
            Caller::Anonymous | Caller::System => Self::address(ctx.origin().address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))),
        }
    }

    /// Whoever calls from an address.
    pub fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::Address(address.into()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::Address(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
        }
    }
}

/// What a bucket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purse {
    /// What queries cost.
    Cost,
    /// Operations of a class.
    Operations(OperationClass),
    /// Requests that were refused.
    Refusals,
}

/// Which bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BucketKey {
    /// Whose.
    pub payer: Payer,
    /// What for.
    pub purse: Purse,
}

/// How large a bucket is and how fast it is refilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Points in a full bucket.
    pub capacity: u64,
    /// Points restored each minute.
    pub per_minute: u64,
}

impl Rate {
    /// How long it takes until so many points are restored.
    pub fn time_for(&self, points: u64) -> Duration {
        let micros = (u128::from(points) * 60_000_000).div_ceil(u128::from(self.per_minute.max(1)));
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// What came of taking points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// They were there.
    Granted {
        /// Points that are left.
        available: u64,
    },
    /// They were not; nothing was taken.
    Refused {
        /// Points that are there.
        available: u64,
        /// When there will be enough.
        retry_after: Duration,
    },
}

/// Keeps buckets. One that was never heard of is full.
#[async_trait]
pub trait Buckets: Send + Sync {
    /// The points that are there.
    async fn available(&self, key: &BucketKey, rate: Rate, now: DateTime<Utc>) -> u64;

    /// Takes points, all or none. More than a full bucket holds counts as a full bucket.
    async fn take(&self, key: &BucketKey, rate: Rate, points: u64, now: DateTime<Utc>) -> Taken;

    /// Puts points back that were taken and not used, and tells how many there are now.
    async fn give_back(&self, key: &BucketKey, rate: Rate, points: u64, now: DateTime<Utc>) -> u64;
}
