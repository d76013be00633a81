//! Keeping what nobody touches: tokens are renewed long before they end, and stores are set up again where their app has changed, and once a
//! day.

use async_trait::async_trait;
use chrono::{TimeDelta, Timelike};
use entities::{StoreId, TenantId};
use platform::db::Access;
use platform::jobs::{JobError, JobKind, NewJob, Running, Worker, enqueue_all};
use sea_orm::{ConnectionTrait, Value};
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

/// Those that are looked at again, each in its own hour of the day: who fails to take too many webhooks has none registered any more, and what
/// could not be set up may be by now.
const AGAIN: &str = "select i.tenant_id, i.id from installations i join stores s on s.tenant_id = i.tenant_id and s.id = i.id
    where s.status <> 'UNINSTALLED' and i.authorization_lost_at is null and i.connection_id is not null and (i.set_up_at is null or i.set_up_at < $1)";
/// What was set up since then was not set up in this hour of the day before.
const LATELY: TimeDelta = TimeDelta::hours(12);
const HOURS: u128 = 24;

/// Whether it is a store's hour of the day.
fn has_hour(store: StoreId, hour: u32) -> bool {
    store.uuid().as_u128() % HOURS == u128::from(hour)
}

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
        let looks: [(_, _, Vec<Value>, fn(StoreId, u32) -> bool); 3] = [
            (REFRESH, ENDING, vec![(now + AHEAD).into(), AT_ONCE.into()], |_, _| true),
            (SET_UP, CHANGED, vec![AT_ONCE.into()], |_, _| true),
            (SET_UP, AGAIN, vec![(now - LATELY).into()], has_hour),
        ];
        for (kind, sql, values, is_due) in looks {
            let mut jobs = Vec::new();
            for row in tx.query_all_raw(db.statement(sql, values)).await? {
                let (tenant, store): (TenantId, StoreId) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
                if !is_due(store, now.hour()) {
                    continue;
                }
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
        let Errand { store_id, .. } = job.payload()?;
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
