//! Counting by the clock: deliveries and versions every hour, what is stored every night.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono_tz::Tz;
use entities::{StoreId, TenantId};
use platform::db::Access;
use platform::jobs::{Backoff, JobError, JobKind, NewJob, Queue, Running, Schedule, Worker, enqueue};
use sea_orm::ConnectionTrait;
use serde::Deserialize;

use super::{deliveries, sizes, versions};
use crate::installs::Shops;

const BACKOFF: Backoff = Backoff::Exponential(Duration::from_secs(60), Duration::from_secs(900));

/// Counts the deliveries of all tenants, and compares the versions that were asked for with those that were seen.
pub const HOUR: &JobKind = &JobKind { name: "activity.hour", queue: Queue::UPKEEP, max_attempts: 5, timeout: Duration::from_secs(900), backoff: BACKOFF };
/// Has what is stored of every tenant's stores counted.
pub const SIZES: &JobKind = &JobKind { name: "activity.sizes", queue: Queue::UPKEEP, max_attempts: 5, timeout: Duration::from_secs(600), backoff: BACKOFF };
/// Counts what is stored of one tenant's stores, or of one of them.
pub const SIZES_OF_TENANT: &JobKind =
    &JobKind { name: "activity.sizes_of_tenant", queue: Queue::UPKEEP, max_attempts: 5, timeout: Duration::from_secs(1_800), backoff: BACKOFF };

/// Who counts.
pub fn workers(shops: Shops) -> Vec<Arc<dyn Worker>> {
    vec![Arc::new(Hour { shops }), Arc::new(Sizes), Arc::new(SizesOfTenant)]
}

/// When it is counted.
pub fn schedules() -> Vec<Schedule> {
    let hourly = Schedule::new("activity.hour", "3 * * * *", Tz::UTC, HOUR);
    let nightly = Schedule::new("activity.sizes", "50 3 * * *", Tz::Asia__Tokyo, SIZES);
    [hourly, nightly].into_iter().flatten().collect()
}

struct Hour {
    shops: Shops,
}

#[async_trait]
impl Worker for Hour {
    fn kind(&self) -> &'static JobKind {
        HOUR
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        deliveries::count(job.db(), job.now()).await?;
        versions::watch(job, &self.shops).await
    }
}

struct Sizes;

#[async_trait]
impl Worker for Sizes {
    fn kind(&self) -> &'static JobKind {
        SIZES
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let tx = job.db().write(Access::Worker).await?;
        for row in tx.query_all_raw(job.db().statement("select id from tenants where deleted_at is null", [])).await? {
            let tenant: TenantId = row.try_get_by_index(0)?;
            enqueue(&tx, &job.trace(), NewJob::new(SIZES_OF_TENANT, Some(tenant), serde_json::json!({})).unique(tenant)).await?;
        }
        job.done(&tx).await?;
        Ok(tx.commit().await?)
    }
}

struct SizesOfTenant;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    #[serde(default)]
    store_id: Option<StoreId>,
}

#[async_trait]
impl Worker for SizesOfTenant {
    fn kind(&self) -> &'static JobKind {
        SIZES_OF_TENANT
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let Which { store_id } = job.payload()?;
        let tenant = job.tenant.ok_or_else(|| JobError::Fail("a store belongs to a tenant".to_owned()))?;
        Ok(sizes::count(job.db(), tenant, store_id, job.now()).await?)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_count_has_its_time() {
        assert_eq!(super::schedules().len(), 2);
    }
}
