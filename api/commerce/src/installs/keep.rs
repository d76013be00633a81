//! Keeping what nobody touches: tokens are renewed long before they end, and stores are set up again where their app has changed.

use async_trait::async_trait;
use chrono::TimeDelta;
use entities::{StoreId, TenantId};
use platform::db::Access;
use platform::jobs::{JobError, JobKind, NewJob, Running, Worker, enqueue_all};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::access::{ShopError, Shops, ends_soon};
use super::jobs::{Errand, REFRESH, RENEWAL, SET_UP, again};
use super::state::{By, Hold, find};

/// Refresh tokens last 90 days: halfway through there is time for whatever comes in between.
const AHEAD: TimeDelta = TimeDelta::days(45);
/// Stores of one look: the rest has its turn an hour later.
const AT_ONCE: i64 = 2_000;

const ENDING: &str = "select i.tenant_id, i.id from installations i join stores s on s.tenant_id = i.tenant_id and s.id = i.id
    where i.refresh_token_expires_at < $1 and i.authorization_lost_at is null and s.status <> 'UNINSTALLED' order by i.refresh_token_expires_at limit $2";

/// Those whose app has been changed since, such as by what it asks for. What was never set up has its job already.
const CHANGED: &str = "select i.tenant_id, i.id from installations i join stores s on s.tenant_id = i.tenant_id and s.id = i.id
    join connections c on c.tenant_id = i.tenant_id and c.id = i.connection_id
    where s.status <> 'UNINSTALLED' and i.authorization_lost_at is null and i.set_up_at < c.updated_at order by i.set_up_at limit $1";

/// Looks for them.
pub(super) struct Keeping;

#[async_trait]
impl Worker for Keeping {
    fn kind(&self) -> &'static JobKind {
        RENEWAL
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let (db, now) = (job.db(), job.now());
        let tx = db.write(Access::Worker).await?;
        for (kind, sql, values) in [(REFRESH, ENDING, vec![(now + AHEAD).into(), AT_ONCE.into()]), (SET_UP, CHANGED, vec![sea_orm::Value::from(AT_ONCE)])] {
            let mut jobs = Vec::new();
            for row in tx.query_all_raw(db.statement(sql, values)).await? {
                let (tenant, store): (TenantId, StoreId) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
                jobs.push(NewJob::new(kind, Some(tenant), json!({ "storeId": store })).unique(store));
            }
            enqueue_all(&tx, &job.trace(), jobs).await?;
        }
        job.done(&tx).await?;
        Ok(tx.commit().await?)
    }
}

/// Renews a store's tokens.
pub(super) struct Renewing {
    pub shops: Shops,
}

#[async_trait]
impl Worker for Renewing {
    fn kind(&self) -> &'static JobKind {
        REFRESH
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let Errand { store_id } = job.payload()?;
        let tenant = job.tenant.ok_or_else(|| JobError::Fail("a store belongs to a tenant".to_owned()))?;
        let ctx = job.ctx()?;
        let state = find(&*ctx.reader().await?, tenant, By::Id(store_id), Hold::No).await?;
        ctx.release().await;
        let until = state.and_then(|state| state.installation).and_then(|installation| installation.refresh_expires_at);
        if ends_soon(until, job.now(), AHEAD) {
            match self.shops.renew(job.db(), tenant, store_id).await {
                // That the authorisation is lost, an alert tells.
                Ok(_) | Err(ShopError::NotFound | ShopError::Uninstalled | ShopError::NoAccess(_)) => {}
                Err(error) => return Err(again(error)),
            }
        }
        let tx = ctx.writer().await?;
        job.done(&tx).await?;
        Ok(ctx.commit_unrecorded(tx).await?)
    }
}
