//! One import per store at a time: the run's row, the lease on it, and taking over from a run that died.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entities::ImportStatus;
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::error::ImportError;
use super::progress::{Phase, Progress};
use super::receipt::Receipt;
use super::scope::Run;

/// How long a run that does not renew its lease counts as alive.
const LEASE: TimeDelta = TimeDelta::seconds(10);
/// One that has not renewed it for so long after does not come back.
pub(super) const DEAD_AFTER: TimeDelta = TimeDelta::minutes(1);
const RENEW_EVERY: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Another run of the store.
struct Holder {
    id: entities::ImportRunId,
    lease_until: DateTime<Utc>,
    since: DateTime<Utc>,
    source: String,
}

/// Enters the run, after waiting for one that may have died.
pub(super) async fn enter(run: &Run, provider: &str, source: &str, keep_going: bool, progress: &dyn Progress) -> Result<(), ImportError> {
    let mut watched: Option<Holder> = None;
    loop {
        if insert(run, run.clock.now(), provider, source, keep_going).await? {
            return Ok(());
        }
        let Some(holder) = holder(run).await? else { continue };
        if let Some(before) = watched.as_ref().filter(|before| before.id == holder.id)
            && before.lease_until < holder.lease_until
        {
            return Err(ImportError::Busy { since: holder.since, source_name: holder.source });
        }
        if holder.lease_until < run.clock.now() && take_over(run, &holder, run.clock.now()).await? {
            progress.notice("the earlier import of this store has died; what it left is taken away");
            continue;
        }
        if watched.is_none() {
            progress.phase(Phase::Waiting);
            progress.notice(&format!("an import of this store ({}) is running, or has died: waiting up to {} s to see", holder.source, LEASE.num_seconds()));
        }
        watched.get_or_insert(holder);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn insert(run: &Run, now: DateTime<Utc>, provider: &str, source: &str, keep_going: bool) -> Result<bool, DbErr> {
    let tx = run.db.write(run.access()).await?;
    let sql = "insert into import_runs (id, tenant_id, store_id, provider, source, status, keep_going, lease_until, created_at, cleaned)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, false) on conflict do nothing";
    let values: [Value; 9] = [
        run.id.uuid().into(),
        run.tenant.uuid().into(),
        run.store.uuid().into(),
        provider.into(),
        source.into(),
        ImportStatus::Staging.as_str().into(),
        keep_going.into(),
        (now + LEASE).into(),
        now.into(),
    ];
    let inserted = tx.execute_raw(run.db.statement(sql, values)).await?.rows_affected() == 1;
    tx.commit().await?;
    Ok(inserted)
}

async fn holder(run: &Run) -> Result<Option<Holder>, DbErr> {
    let tx = run.db.read(run.access()).await?;
    let sql = run.fill(
        "select id, lease_until, created_at, source from import_runs where tenant_id = {tenant} and store_id = {store} and status in ('STAGING', 'MERGING')",
    );
    let Some(row) = tx.query_one_raw(run.db.statement(sql, [])).await? else { return Ok(None) };
    Ok(Some(Holder { id: row.try_get_by_index(0)?, lease_until: row.try_get_by_index(1)?, since: row.try_get_by_index(2)?, source: row.try_get_by_index(3)? }))
}

async fn take_over(run: &Run, holder: &Holder, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let dead = Run { id: holder.id, now, ..run.clone() };
    let tx = run.db.write(run.access()).await?;
    let sql = "update import_runs set status = 'FAILED', finished_at = {now} where tenant_id = {tenant} and id = {run} and status in ('STAGING', 'MERGING') and lease_until < {now}";
    let taken = dead.execute(&tx, sql).await? == 1;
    tx.commit().await?;
    Ok(taken)
}

/// Renews the lease within a transaction; whoever was taken for dead learns it here.
pub(super) async fn renew(run: &Run, tx: &Tx, now: DateTime<Utc>) -> Result<(), ImportError> {
    let until = run.instant_literal(now + LEASE);
    let sql = format!("update import_runs set lease_until = {until} where tenant_id = {{tenant}} and id = {{run}} and status in ('STAGING', 'MERGING')");
    if run.execute(tx, &sql).await? == 1 { Ok(()) } else { Err(ImportError::LostLease) }
}

/// Moves the run to another state; it must still be ours.
pub(super) async fn enter_state(
    run: &Run,
    tx: &Tx,
    status: ImportStatus,
    finished_at: Option<DateTime<Utc>>,
    receipt: Option<&Receipt>,
) -> Result<(), ImportError> {
    let sql = "update import_runs set status = $1, finished_at = $2, receipt = $3 where tenant_id = $4 and id = $5 and status in ('STAGING', 'MERGING')";
    let receipt = receipt.and_then(|receipt| serde_json::to_value(receipt).ok());
    let values: [Value; 5] = [status.as_str().into(), finished_at.into(), Value::from(receipt), run.tenant.uuid().into(), run.id.uuid().into()];
    let moved = tx.execute_raw(run.db.statement(sql, values)).await?.rows_affected() == 1;
    if moved { Ok(()) } else { Err(ImportError::LostLease) }
}

/// Renews the lease from beside the work, which may wait for its file or for one long statement.
pub(super) struct Heartbeat {
    lost: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Heartbeat {
    pub fn start(run: Run) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let lost = Arc::new(AtomicBool::new(false));
        let found_lost = lost.clone();
        let task = tokio::spawn(async move {
            // Never cancelled in the middle of a transaction: it is asked to stop, or finds its owner gone.
            while tokio::time::timeout(RENEW_EVERY, stopped.changed()).await.is_err() {
                match beat(&run, run.clock.now()).await {
                    Ok(()) => {}
                    Err(ImportError::LostLease) => {
                        found_lost.store(true, Ordering::Relaxed);
                        return;
                    }
                    Err(error) => tracing::warn!(%error, "the lease of an import could not be renewed"),
                }
            }
        });
        Self { lost, stop, task }
    }

    /// Whether the run is still ours.
    pub fn check(&self) -> Result<(), ImportError> {
        if self.lost.load(Ordering::Relaxed) { Err(ImportError::LostLease) } else { Ok(()) }
    }

    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

async fn beat(run: &Run, now: DateTime<Utc>) -> Result<(), ImportError> {
    let tx = run.db.write(run.access()).await?;
    renew(run, &tx, now).await?;
    tx.commit().await?;
    Ok(())
}
