//! Counting in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use entities::{StoreId, TenantId, UsageMetric};
use sea_orm::DbErr;

use super::days;
use crate::callers::{Kind, OpCtx, Standing};
use crate::clock::Clock;
use crate::db::{Access, Database};

/// How often what was counted is written.
const EVERY: Duration = Duration::from_secs(5);
/// Counters are kept by quarters of an hour: every time zone's midnight is the beginning of one.
const SLOT: TimeDelta = TimeDelta::minutes(15);
/// Requests that count at once wait for each other only within one of these.
const SHARDS: usize = 16;

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Counter {
    pub(super) tenant: TenantId,
    pub(super) store: Option<StoreId>,
    pub(super) metric: UsageMetric,
    pub(super) slot: DateTime<Utc>,
}

type Counts = HashMap<Counter, i64>;

/// Counts what tenants use. Cheap to clone.
#[derive(Clone)]
pub struct Usage(Arc<Inner>);

struct Inner {
    db: Database,
    clock: Arc<dyn Clock>,
    shards: [Mutex<Counts>; SHARDS],
    writing: futures::lock::Mutex<()>,
}

impl Usage {
    /// Nothing has been counted yet.
    pub fn new(db: Database, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { db, clock, shards: Default::default(), writing: Default::default() }))
    }

    /// Counts one operation of a tenant's caller; a platform administrator's is nobody's.
    pub fn api_call(&self, ctx: &OpCtx) {
        match ctx.standing() {
            Standing::Tenant { kind: Kind::PlatformAdmin, .. } | Standing::Nobody | Standing::SignedIn { .. } | Standing::Platform => {}
            Standing::Tenant { tenant, .. } => self.count(*tenant, None, UsageMetric::ApiCalls, 1),
        }
    }

    /// Counts that a tenant used `amount` more, in one of its stores or in none of them.
    pub fn count(&self, tenant: TenantId, store: Option<StoreId>, metric: UsageMetric, amount: i64) {
        let now = self.0.clock.now();
        let slot = now.duration_trunc(SLOT).unwrap_or(now);
        add(&mut self.shard(tenant), Counter { tenant, store, metric, slot }, amount);
    }

    fn shard(&self, tenant: TenantId) -> MutexGuard<'_, Counts> {
        // The last bytes of an id are random.
        let index = usize::from(tenant.uuid().as_bytes()[15]) % SHARDS;
        self.0.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was counted since the last time. What cannot be written is kept for the next time.
    pub async fn flush(&self) -> Result<(), DbErr> {
        let usage = self.clone();
        // Whoever waits may be cancelled. The writing may not: nobody would know whether it was done.
        tokio::spawn(async move { usage.flush_whole().await }).await.map_err(|error| DbErr::Custom(error.to_string()))?
    }

    async fn flush_whole(&self) -> Result<(), DbErr> {
        let _alone = self.0.writing.lock().await;
        let mut counted = BTreeMap::new();
        for shard in &self.0.shards {
            counted.extend(std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        if counted.is_empty() {
            return Ok(());
        }
        let written = self.write(&counted).await;
        if written.is_err() {
            for (counter, amount) in counted {
                add(&mut self.shard(counter.tenant), counter, amount);
            }
        }
        written
    }

    async fn write(&self, counted: &BTreeMap<Counter, i64>) -> Result<(), DbErr> {
        let tx = self.0.db.write(Access::Worker).await?;
        days::add(&tx, counted, self.0.clock.now()).await?;
        tx.commit().await
    }

    /// Writes every few seconds, for as long as the program runs.
    pub async fn keep_flushing(&self) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = self.flush().await {
                tracing::warn!(%error, "usage could not be written; it is kept and written later");
            }
        }
    }
}

fn add(counts: &mut Counts, counter: Counter, amount: i64) {
    let count = counts.entry(counter).or_default();
    *count = count.saturating_add(amount);
}
