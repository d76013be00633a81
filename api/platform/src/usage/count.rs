//! Counting in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use entities::{StoreId, TenantId, UsageMetric};
use sea_orm::DbErr;

use super::days;
use crate::callers::{Kind, OpCtx, Standing};
use crate::clock::Clock;
use crate::db::{Access, Database};
use crate::tally::{Tallied, Tally};

/// Counters are kept by quarters of an hour: every time zone's midnight is the beginning of one.
const SLOT: TimeDelta = TimeDelta::minutes(15);

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Counter {
    pub(super) tenant: TenantId,
    pub(super) store: Option<StoreId>,
    pub(super) metric: UsageMetric,
    pub(super) slot: DateTime<Utc>,
}

/// Counts what tenants use. Cheap to clone.
#[derive(Clone)]
pub struct Usage(Tally<Used>);

struct Used {
    db: Database,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Tallied for Used {
    type Key = Counter;
    type Amount = i64;
    const WHAT: &'static str = "usage";

    fn add(count: &mut i64, more: &i64) {
        *count = count.saturating_add(*more);
    }

    async fn write(&self, counted: &BTreeMap<Counter, i64>) -> Result<(), DbErr> {
        let tx = self.db.write(Access::Worker).await?;
        days::add(&tx, counted, self.clock.now()).await?;
        tx.commit().await
    }
}

impl Usage {
    /// Nothing has been counted yet.
    pub fn new(db: Database, clock: Arc<dyn Clock>) -> Self {
        Self(Tally::new(Used { db, clock }))
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
        let now = self.0.of().clock.now();
        let slot = now.duration_trunc(SLOT).unwrap_or(now);
        self.0.count(Counter { tenant, store, metric, slot }, &amount);
    }

    /// Writes what was counted since the last time. What cannot be written is kept for the next time.
    pub async fn flush(&self) -> Result<(), DbErr> {
        self.0.flush().await
    }

    /// Writes every few seconds, for as long as the program runs.
    pub async fn keep_flushing(&self) {
        self.0.keep_flushing().await;
    }
}
