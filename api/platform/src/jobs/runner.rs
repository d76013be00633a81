//! The workers of one process.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use entities::JobId;
use futures::FutureExt;
use sea_orm::DbErr;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::claim::{self, BEAT, Workers};
use super::look::Round;
use super::places::Places;
use super::schedule::{Schedule, Ticker};
use super::settle::{self, Ending};
use super::work::{JobError, Queue, Running, Worker};
use crate::clock::Clock;
use crate::db::{Access, Database, Wake};

/// How often a queue is looked at when nobody says that there is something.
const LOOK: Duration = Duration::from_secs(1);
/// How long a queue gives way at a time, and in a row.
const WAY: Duration = Duration::from_millis(50);
const WAYS: u32 = 100;
/// How long to wait where there may be more at once.
const BREATH: Duration = Duration::from_millis(5);

struct Held {
    lease: Uuid,
    task: Option<AbortHandle>,
}

/// Runs jobs, schedules and the care for both.
#[derive(Clone)]
pub struct Jobs(Arc<Inner>);

struct Inner {
    db: Database,
    clock: Arc<dyn Clock>,
    workers: Workers,
    held: Mutex<HashMap<JobId, Held>>,
    stop: CancellationToken,
    queues: TaskTracker,
    tasks: TaskTracker,
    running: TaskTracker,
}

impl Jobs {
    /// Starts the workers and schedules of this process.
    pub fn start(db: Database, clock: Arc<dyn Clock>, workers: Vec<Arc<dyn Worker>>, schedules: Vec<Schedule>) -> Self {
        let workers = workers.into_iter().map(|worker| (worker.kind().name, worker)).collect();
        let jobs = Self(Arc::new(Inner {
            clock: clock.clone(),
            workers,
            held: Mutex::default(),
            stop: CancellationToken::new(),
            queues: TaskTracker::new(),
            tasks: TaskTracker::new(),
            running: TaskTracker::new(),
            db: db.clone(),
        }));
        for queue in Queue::ALL {
            jobs.0.queues.spawn(jobs.clone().work(queue));
        }
        jobs.0.queues.close();
        jobs.0.tasks.spawn(jobs.clone().care());
        jobs.0.tasks.spawn(jobs.clone().tick(Ticker::new(db, clock, schedules)));
        jobs.0.tasks.close();
        jobs
    }

    /// Takes no more jobs, waits for those that run, at most `grace`, and gives back what is not done by then.
    pub async fn stop(&self, grace: Duration) {
        self.0.stop.cancel();
        // What was being claimed when it was said is begun, and waited for as all the rest.
        self.0.queues.wait().await;
        self.0.running.close();
        if tokio::time::timeout(grace, self.0.running.wait()).await.is_err() {
            tracing::warn!("jobs were still running when the grace time was over; others take them over");
            self.give_back().await;
        }
        self.0.tasks.wait().await;
    }

    async fn give_back(&self) {
        let held: Vec<(JobId, Held)> = self.held().drain().collect();
        for (id, held) in held {
            if let Some(task) = held.task {
                task.abort();
            }
            let given = async {
                let tx = self.0.db.write(Access::Worker).await?;
                settle::put_back(&tx, id, held.lease, self.0.clock.now(), "its process was shut down").await?;
                tx.commit().await
            };
            if let Err(error) = given.await {
                tracing::warn!(%error, %id, "a job could not be given back; its lease ends by itself");
            }
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Held>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on one queue.
    async fn work(self, queue: &'static Queue) {
        let (places, mut round) = (Places::of(queue), Round::default());
        let mut enqueued = self.0.db.signals().of(Wake::Jobs);
        let mut gave_way = 0;
        while !self.0.stop.is_cancelled() {
            if queue.gives_way && gave_way < WAYS && self.0.db.signals().are_pressed() {
                gave_way += 1;
                tokio::time::sleep(WAY).await;
                continue;
            }
            gave_way = 0;
            enqueued.mark_unchanged();
            if places.are_taken() {
                tokio::select! {
                    () = places.freed() => {}
                    () = self.0.stop.cancelled() => {}
                }
                continue;
            }
            match claim::claim(&self.0.db, &self.0.clock, &places, &self.0.workers, &mut round).await {
                Ok(claimed) if claimed.jobs.is_empty() => {
                    tokio::select! {
                        _ = enqueued.changed() => {}
                        () = places.freed(), if claimed.crowded => {}
                        () = tokio::time::sleep(if claimed.again { BREATH } else { LOOK }) => {}
                        () = self.0.stop.cancelled() => {}
                    }
                }
                Ok(claimed) => {
                    for (job, place) in claimed.jobs {
                        let jobs = self.clone();
                        self.held().insert(job.id, Held { lease: job.lease, task: None });
                        let id = job.id;
                        let task = self.0.running.spawn(async move {
                            jobs.one(job).await;
                            drop(place);
                        });
                        if let Some(held) = self.held().get_mut(&id) {
                            held.task = Some(task.abort_handle());
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, queue = queue.name, "jobs could not be claimed; trying again");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// One attempt of one job.
    async fn one(&self, job: Running) {
        let began = Instant::now();
        let Some(worker) = self.0.workers.get(job.kind.name) else { return };
        let span = tracing::info_span!("job", id = %job.id, kind = job.kind.name, attempt = job.attempt, tenant = job.tenant.map(tracing::field::display));
        let attempt = AssertUnwindSafe(worker.run(&job)).catch_unwind();
        let attempt = tracing::Instrument::instrument(tokio::time::timeout(job.kind.timeout, attempt), span.clone());
        let outcome = match attempt.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(JobError::Retry("it panicked".to_owned())),
            Err(_) => Err(JobError::Retry(format!("it took longer than {} s", job.kind.timeout.as_secs()))),
        };
        let word = match &outcome {
            Ok(()) => "done",
            Err(JobError::Retry(_) | JobError::RetryAfter(..)) if !job.is_last() => "retry",
            Err(JobError::Postpone(..)) => "postponed",
            Err(JobError::Lost) => "lost",
            Err(JobError::Retry(_) | JobError::RetryAfter(..) | JobError::Fail(_)) => "failed",
        };
        metrics::counter!("noren_jobs_total", "kind" => job.kind.name, "outcome" => word).increment(1);
        metrics::histogram!("noren_job_seconds", "kind" => job.kind.name).record(began.elapsed().as_secs_f64());
        match &outcome {
            Ok(()) => {}
            Err(JobError::Postpone(wait, why)) => span.in_scope(|| tracing::debug!(?wait, why, "a job was postponed")),
            Err(error) => span.in_scope(|| tracing::warn!(%error, outcome = word, "an attempt did not succeed")),
        }
        // While the lease holds nobody else begins: the outcome can be told until it is heard.
        for wait in [0, 1, 2, 4, 8] {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            match self.settle(&job, &outcome).await {
                Ok(()) => break,
                Err(error) => tracing::warn!(%error, id = %job.id, "the outcome of a job could not be written; trying again"),
            }
        }
        // It may have been claimed again by now.
        let mut held = self.held();
        if held.get(&job.id).is_some_and(|held| held.lease == job.lease) {
            held.remove(&job.id);
        }
    }

    async fn settle(&self, job: &Running, outcome: &Result<(), JobError>) -> Result<(), DbErr> {
        let now = self.0.clock.now();
        let again = |wait: Duration, why: &str| match job.is_last() {
            true => Ending::Failed(why.to_owned()),
            false => Ending::Again(now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1)), why.to_owned()),
        };
        let ending = match outcome {
            // What the worker wrote itself. Where its commit failed it answers otherwise.
            Ok(()) | Err(JobError::RetryAfter(..)) if job.settled.load(Ordering::Relaxed) => return Ok(()),
            Ok(()) => None,
            Err(JobError::Lost) => return Ok(()),
            Err(JobError::Postpone(..)) => None,
            Err(JobError::Retry(why)) => Some(again(job.kind.backoff.after(job.attempt), why)),
            Err(JobError::RetryAfter(wait, why)) => Some(again(*wait, why)),
            Err(JobError::Fail(why)) => Some(Ending::Failed(why.clone())),
        };
        let tx = self.0.db.write(Access::Worker).await?;
        if let Err(JobError::Postpone(wait, why)) = outcome {
            settle::put_back(&tx, job.id, job.lease, now + TimeDelta::from_std(*wait).unwrap_or(TimeDelta::hours(1)), why).await?;
            return tx.commit().await;
        }
        match ending {
            None => drop(settle::done(&tx, job.id, job.lease, now).await?),
            Some(ending) => drop(settle::end(&tx, &self.0.clock, job.id, job.lease, ending, None).await?),
        }
        tx.commit().await
    }

    /// Renews leases, breaks off what was called off, and takes over what the dead have left.
    async fn care(self) {
        // Jobs that were running when all processes died are not to wait for a beat.
        let mut beat = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                _ = beat.tick() => {}
                () = self.0.stop.cancelled() => {
                    // Those that still run keep their leases until they are done or given back.
                    if self.0.running.is_empty() { return; }
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
            let mine: Vec<(JobId, Uuid)> = self.held().iter().map(|(id, held)| (*id, held.lease)).collect();
            match claim::renew(&self.0.db, self.0.clock.now(), &mine).await {
                Ok(lost) => self.break_off(&lost),
                Err(error) => tracing::warn!(%error, "the leases of jobs could not be renewed; trying again"),
            }
            match claim::adopt_orphans(&self.0.db, &self.0.clock).await {
                Ok(0) => {}
                Ok(adopted) => tracing::info!(adopted, "took over jobs of a process that died"),
                Err(error) => tracing::warn!(%error, "orphaned jobs could not be looked for; trying again"),
            }
        }
    }

    /// A job that has just ended is not held any more, and is left alone; so is one that was claimed again meanwhile.
    fn break_off(&self, lost: &[(JobId, Uuid)]) {
        for (id, lease) in lost {
            let mut held = self.held();
            if held.get(id).is_none_or(|held| held.lease != *lease) {
                continue;
            }
            if let Some(task) = held.remove(id).and_then(|held| held.task) {
                tracing::warn!(%id, "a job was called off or taken over; breaking it off");
                task.abort();
            }
        }
    }

    async fn tick(self, mut ticker: Ticker) {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                _ = seconds.tick() => {}
                () = self.0.stop.cancelled() => return,
            }
            if let Err(error) = ticker.tick().await {
                tracing::warn!(%error, "schedules could not be read; trying again");
            }
        }
    }
}
