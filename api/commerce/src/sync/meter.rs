//! How far a run is, told while a file is read: at most once a second; and whether somebody has stopped it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entities::EventType;
use platform::db::Access;
use platform::{Database, DbErr, Trace};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::store::{self, At};
use crate::imports::{Phase, Progress};

/// Between two tellings of a run's progress, at least.
const EVERY: Duration = Duration::from_secs(1);

/// When a run's progress was last told, by whoever told it.
#[derive(Default)]
pub(super) struct Told(Mutex<Option<Instant>>);

impl Told {
    /// What is to be told of progress now: nothing when it was told within the last second.
    pub(super) fn event(&self) -> Option<EventType> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|told| told.elapsed() < EVERY) {
            return None;
        }
        *told = Some(Instant::now());
        Some(EventType::SyncProgressed)
    }
}

/// Counts what comes.
#[derive(Default)]
pub(super) struct Meter {
    lines: AtomicU64,
    /// All was read: how much there is, its end says.
    read: AtomicBool,
    /// Told to whoever works: the run is over.
    pub stop: Arc<AtomicBool>,
}

impl Progress for Meter {
    fn phase(&self, phase: Phase) {
        if matches!(phase, Phase::Checking | Phase::Merging | Phase::Finishing) {
            self.read.store(true, Ordering::Relaxed);
        }
    }

    fn read(&self, _: u64, lines: u64) {
        self.lines.store(lines, Ordering::Relaxed);
    }

    fn notice(&self, message: &str) {
        tracing::debug!(message, "a sync waits for its store");
    }
}

/// Tells of the meter until it is stopped.
pub(super) struct Telling {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Telling {
    /// Tells of what comes beyond what has come before.
    pub(super) fn start(db: Database, trace: Trace, at: At, before: i64, meter: Arc<Meter>, told: Arc<Told>) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut counted = 0;
            // Never cancelled in the middle of a transaction: it is asked to stop, or finds its owner gone.
            while tokio::time::timeout(EVERY, stopped.changed()).await.is_err() {
                let lines = meter.lines.load(Ordering::Relaxed);
                match once(&db, &trace, at, (before, lines), lines > counted && !meter.read.load(Ordering::Relaxed), &told).await {
                    Ok(true) => counted = lines,
                    Ok(false) => meter.stop.store(true, Ordering::Relaxed),
                    Err(error) => tracing::debug!(%error, "the progress of a sync could not be told"),
                }
            }
        });
        Self { stop, task }
    }

    pub(super) async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Writes how far it is; false when the run is over.
async fn once(db: &Database, trace: &Trace, at: At, (before, lines): (i64, u64), more: bool, told: &Told) -> Result<bool, DbErr> {
    if !more {
        let tx = db.read(Access::Tenant(at.tenant)).await?;
        return Ok(store::run(&tx, at.tenant, at.run).await?.is_some_and(|run| run.finished_at.is_none()));
    }
    let received = before.saturating_add(i64::try_from(lines).unwrap_or(i64::MAX));
    let tx = db.write(Access::Tenant(at.tenant)).await?;
    let run = store::change(&tx, trace, at, ("received = case when received < $4 then $4 else received end", vec![received.into()]), told.event()).await?;
    tx.commit().await?;
    Ok(run.is_some())
}
