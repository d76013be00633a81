//! The work on runs: a job for each that comes back until the run is over, and the clock that has increments and reconciliations begun.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use entities::{EventType, StoreId, SyncKind, SyncRunId, SyncStatus, TenantId};
use integrations::registry;
use platform::db::Access;
use platform::jobs::{Backoff, JobError, JobKind, Queue, Running, Schedule, Worker};
use platform::{Database, DbErr, Tx};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use super::pausing::works;
use super::row::SyncRunRow;
use super::service::request;
use super::settings::{DAYS, INTERVAL};
use super::slice;
use super::step::{Next, Step, SyncLimits, Trouble};
use super::store::{self, At};
use crate::imports::is_held;
use crate::installs::Shops;

/// The work on one run. It is claimed again after each wait, which does not count as an attempt; a process that dies does.
pub const STEP: &JobKind = &JobKind {
    name: "sync.step",
    queue: Queue::SYNC,
    max_attempts: 50,
    timeout: Duration::from_secs(4 * 60 * 60),
    backoff: Backoff::Exponential(Duration::from_secs(5), Duration::from_secs(300)),
};

/// Has begun what is due.
pub const TICK: &JobKind = &JobKind {
    name: "sync.tick",
    queue: Queue::UPKEEP,
    max_attempts: 3,
    timeout: Duration::from_secs(60),
    backoff: Backoff::Exponential(Duration::from_secs(5), Duration::from_secs(60)),
};

/// The longest wait after failures in a row.
const LONGEST: Duration = Duration::from_secs(600);
/// A run that nobody works on is looked after when it was silent for so long.
const SILENT: TimeDelta = TimeDelta::minutes(5);
/// Runs that are begun in one go; those for which there is no room are due at the next tick still.
const AT_ONCE: i64 = 500;

/// What the job is about.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Work {
    pub store_id: StoreId,
    pub sync_run_id: SyncRunId,
}

/// Who works on runs.
pub fn workers(shops: Shops, limits: SyncLimits) -> Vec<Arc<dyn Worker>> {
    vec![Arc::new(Stepper { shops, limits }), Arc::new(Ticker)]
}

/// What is due by the clock.
pub fn schedules() -> Vec<Schedule> {
    Schedule::new("sync.tick", "* * * * *", Tz::UTC, TICK).into_iter().collect()
}

struct Stepper {
    shops: Shops,
    limits: SyncLimits,
}

#[async_trait]
impl Worker for Stepper {
    fn kind(&self) -> &'static JobKind {
        STEP
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let Work { store_id, sync_run_id } = job.payload()?;
        let tenant = job.tenant.ok_or_else(|| JobError::Fail("a sync belongs to a tenant".to_owned()))?;
        let at = At { tenant, store: store_id, run: sync_run_id };
        let (why, wait) = match self.stretch(job, at).await {
            Ok(Next::Ended) => return Ok(()),
            Ok(Next::After(wait)) => return Err(JobError::Postpone(wait, "the shop prepares what it was asked for".to_owned())),
            Err(Trouble::Stopped) => {
                self.call_off(job, at).await;
                return Ok(());
            }
            Err(Trouble::Turn(wait, why)) => return Err(JobError::Postpone(wait, why)),
            Err(Trouble::Storage(error)) => {
                tracing::warn!(%error, run = %at.run, "the database failed under a sync");
                ("the database failed".to_owned(), None)
            }
            Err(Trouble::Fatal(why)) => return Ok(self.give_up(job, at, &why).await?),
            Err(Trouble::Later(wait, why)) => (why, wait),
            Err(Trouble::Void(why) | Trouble::Differs(why)) => (why, None),
        };
        self.note(job, at, why, wait).await
    }
}

impl Stepper {
    async fn stretch(&self, job: &Running, at: At) -> Result<Next, Trouble> {
        let db = job.db();
        let (run, currency, provider) = {
            let tx = db.read(Access::Tenant(at.tenant)).await?;
            let Some(run) = store::run(&tx, at.tenant, at.run).await? else { return Ok(Next::Ended) };
            let sql = "select currency_code, provider from stores where tenant_id = $1 and id = $2";
            let row = tx.query_one_raw(db.statement(sql, [at.tenant.into(), at.store.into()])).await?;
            let row = row.ok_or_else(|| Trouble::Fatal("the store is gone".to_owned()))?;
            (run, row.try_get_by_index::<String>(0)?, row.try_get_by_index::<String>(1)?)
        };
        if run.status == SyncStatus::Cancelled {
            return Err(Trouble::Stopped);
        }
        if run.finished_at.is_some() {
            return Ok(Next::Ended);
        }
        let currency = currency.parse().map_err(|_| Trouble::Fatal(format!("the store's currency {currency} is not known")))?;
        let provider = registry::commerce(&provider).ok_or_else(|| Trouble::Fatal(format!("{provider} is no shop system")))?;
        let run = self.begun(job, at, run).await?;
        // What would be asked of the shop could not be written.
        let tx = db.read(Access::Tenant(at.tenant)).await?;
        if is_held(&tx, at.tenant, at.store, job.now()).await? {
            return Err(Trouble::Turn(Duration::from_secs(15), "something is being imported into the store".to_owned()));
        }
        drop(tx);
        let shop = self.shops.open(db, at.tenant, at.store).await?;
        let mut step =
            Step { db: db.clone(), trace: job.trace(), clock: job.clock(), limits: self.limits, at, currency, provider, shop, run, told: Arc::default() };
        match go(&mut step).await {
            Err(Trouble::Void(_)) => {
                step.shop = self.shops.reopen(db, &step.shop).await?;
                go(&mut step).await
            }
            other => other,
        }
    }

    async fn begun(&self, job: &Running, at: At, run: SyncRunRow) -> Result<SyncRunRow, Trouble> {
        if run.status != SyncStatus::Queued {
            return Ok(run);
        }
        let tx = job.db().write(Access::Tenant(at.tenant)).await?;
        let set = ("status = 'RUNNING', started_at = $1", Vec::new());
        let run = store::change(&tx, &job.trace(), at, set, Some(EventType::SyncStarted)).await?.ok_or(Trouble::Stopped)?;
        tx.commit().await?;
        Ok(run)
    }

    /// Notes a failure, and says when to come back; after many in a row the run is given up.
    async fn note(&self, job: &Running, at: At, why: String, wait: Option<Duration>) -> Result<(), JobError> {
        let kept: String = why.chars().filter(|c| *c != '\0').take(2_000).collect();
        let tx = job.db().write(Access::Tenant(at.tenant)).await?;
        let set = ("failures = failures + 1, error_message = $4", vec![kept.into()]);
        let Some(run) = store::change(&tx, &job.trace(), at, set, Some(EventType::SyncProgressed)).await? else { return Ok(()) };
        if run.failures >= self.limits.failures {
            let why = format!("{why} ({} failures in a row)", run.failures);
            store::end(&tx, &job.trace(), at, SyncStatus::Failed, Some(&why)).await?;
            tx.commit().await?;
            return Ok(());
        }
        tx.commit().await?;
        let failures = u32::try_from(run.failures).unwrap_or(1);
        let usual = Backoff::Exponential(Duration::from_secs(5), LONGEST).after(failures);
        Err(JobError::Postpone(wait.unwrap_or(usual), why))
    }

    async fn give_up(&self, job: &Running, at: At, why: &str) -> Result<(), DbErr> {
        let tx = job.db().write(Access::Tenant(at.tenant)).await?;
        store::end(&tx, &job.trace(), at, SyncStatus::Failed, Some(why)).await?;
        tx.commit().await
    }

    /// Calls off what the shop still prepares for a run that was stopped. It may come to nothing: exports end by themselves.
    async fn call_off(&self, job: &Running, at: At) {
        let open = async {
            let tx = job.db().read(Access::Tenant(at.tenant)).await?;
            slice::open(&tx, at).await
        };
        let Ok((open, _)) = open.await else { return };
        let exports: Vec<String> = open.into_iter().filter_map(|slice| slice.export).collect();
        if exports.is_empty() {
            return;
        }
        let Ok(shop) = self.shops.open(job.db(), at.tenant, at.store).await else { return };
        for export in exports {
            if let Err(error) = shop.system.cancel_export(&shop.access, &export).await {
                tracing::info!(%error, "an export of a sync that was stopped could not be called off");
            }
        }
    }
}

async fn go(step: &mut Step) -> Result<Next, Trouble> {
    match step.run.kind {
        SyncKind::Full => step.full().await,
        SyncKind::Increment => step.increment().await,
        SyncKind::Reconciliation => step.reconcile().await,
    }
}

/// Begins what is due, and looks after runs that nobody works on.
struct Ticker;

#[async_trait]
impl Worker for Ticker {
    fn kind(&self) -> &'static JobKind {
        TICK
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        for (kind, tenant, store) in due(job.db(), job.now()).await? {
            let tx = job.db().write(Access::Tenant(tenant)).await?;
            // It may have been paused since it was looked at.
            if !works(&tx, tenant, store).await? {
                continue;
            }
            request(&tx, &job.trace(), tenant, store, kind).await?;
            tx.commit().await?;
        }
        for at in silent(job.db(), job.now()).await? {
            let tx = job.db().write(Access::Tenant(at.tenant)).await?;
            // Its job is done, failed or gone: a new one finds out how it stands.
            platform::jobs::enqueue(&tx, &job.trace(), super::service::job(at)).await?;
            let set = ("failures = failures + 1", Vec::new());
            let run = store::change(&tx, &job.trace(), at, set, None).await?;
            if run.is_some_and(|run| run.failures > 20) {
                store::end(&tx, &job.trace(), at, SyncStatus::Failed, Some("the work on it broke off again and again")).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }
}

/// What is due: increments of stores that were synced before, and a reconciliation a day. Stores spread by themselves, since each counts
/// from its own last run.
async fn due(db: &Database, now: DateTime<Utc>) -> Result<Vec<(SyncKind, TenantId, StoreId)>, DbErr> {
    let tx = db.read(Access::Worker).await?;
    let mut due = Vec::new();
    let intervals = format!(
        "select distinct coalesce(g.interval_minutes, {INTERVAL}) from stores s left join sync_settings g on g.tenant_id = s.tenant_id and g.store_id = s.id"
    );
    for row in tx.query_all_raw(db.statement(intervals, [])).await? {
        let minutes: i32 = row.try_get_by_index(0)?;
        if minutes > 0 {
            let of = format!("coalesce(g.interval_minutes, {INTERVAL}) = {minutes}");
            due.extend(due_since(db, &tx, SyncKind::Increment, &of, now - TimeDelta::minutes(i64::from(minutes))).await?);
        }
    }
    let of = format!("coalesce(g.reconciled_days, {DAYS}) > 0");
    due.extend(due_since(db, &tx, SyncKind::Reconciliation, &of, now - TimeDelta::days(1)).await?);
    Ok(due)
}

/// Stores that were synced before, of which a condition on their settings holds, and of which no run of this kind was asked for since then.
async fn due_since(db: &Database, tx: &Tx, kind: SyncKind, of: &str, since: DateTime<Utc>) -> Result<Vec<(SyncKind, TenantId, StoreId)>, DbErr> {
    let sql = format!(
        "select s.tenant_id, s.id from stores s join sync_checkpoints c on c.tenant_id = s.tenant_id and c.store_id = s.id and c.kind = 'ORDERS'
         join tenants n on n.id = s.tenant_id and n.status = 'ACTIVE'
         left join sync_settings g on g.tenant_id = s.tenant_id and g.store_id = s.id
         where s.status = 'ACTIVE' and {of}
           and not exists (select 1 from sync_runs r where r.tenant_id = s.tenant_id and r.store_id = s.id and r.kind in ($1, 'FULL') and r.created_at > $2)
           and not exists (select 1 from sync_runs u where u.tenant_id = s.tenant_id and u.store_id = s.id and u.kind = $1 and u.status in ('QUEUED', 'RUNNING'))
         limit {AT_ONCE}"
    );
    let rows = tx.query_all_raw(db.statement(sql, [kind.as_str().into(), since.into()])).await?;
    rows.iter().map(|row| Ok((kind, row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// Runs that are under way, and that no job works on.
async fn silent(db: &Database, now: DateTime<Utc>) -> Result<Vec<At>, DbErr> {
    let tx = db.read(Access::Worker).await?;
    let sql = "select id, tenant_id, store_id from sync_runs where status in ('QUEUED', 'RUNNING') and updated_at < $1 order by updated_at limit 500";
    let mut found = Vec::new();
    for row in tx.query_all_raw(db.statement(sql, [(now - SILENT).into()])).await? {
        let at = At { run: row.try_get_by_index(0)?, tenant: row.try_get_by_index(1)?, store: row.try_get_by_index(2)? };
        let sql = "select 1 from jobs where kind = $1 and unique_key = $2 and status in ('QUEUED', 'RUNNING')";
        if tx.query_one_raw(db.statement(sql, [STEP.name.into(), at.run.to_string().into()])).await?.is_none() {
            found.push(at);
        }
    }
    Ok(found)
}
