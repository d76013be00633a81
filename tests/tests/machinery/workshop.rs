//! A database with a tenant, and workers that do what the test says.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use entities::{JobId, TenantId};
use platform::db::Access;
use platform::jobs::{Backoff, Enqueued, JobError, JobKind, Jobs, NewJob, Queue, Running, Schedule, Worker, enqueue};
use platform::{Clock, Database, Trace};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::{Backend, People, Server, TestClock};

pub const KIND: JobKind = JobKind {
    name: "test.work",
    queue: Queue::INBOX,
    max_attempts: 3,
    timeout: Duration::from_millis(400),
    backoff: Backoff::Exponential(Duration::from_secs(60), Duration::from_secs(600)),
};

/// What an attempt does, by what the job's payload says.
#[derive(Default)]
pub struct Work {
    /// Payloads of the attempts that were begun.
    pub begun: Mutex<Vec<Value>>,
    pub at_once: AtomicUsize,
    pub most_at_once: AtomicUsize,
}

impl Work {
    pub fn begun(&self) -> usize {
        self.begun.lock().unwrap().len()
    }
}

#[async_trait]
impl Worker for Work {
    fn kind(&self) -> &'static JobKind {
        &KIND
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        self.begun.lock().unwrap().push(job.payload.clone());
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        let outcome = attempt(job).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        outcome
    }
}

async fn attempt(job: &Running) -> Result<(), JobError> {
    match job.payload["does"].as_str().unwrap_or_default() {
        "fails twice" if job.attempt <= 2 => Err(JobError::Retry(format!("attempt {}", job.attempt))),
        "always fails" => Err(JobError::Retry("no luck".to_owned())),
        "cannot" => Err(JobError::Fail("never".to_owned())),
        "asks for time" if job.attempt == 1 => Err(JobError::RetryAfter(Duration::from_secs(7_200), "come back later".to_owned())),
        "panics" if job.attempt == 1 => panic!("a test's panic"),
        "hangs" if job.attempt == 1 => std::future::pending().await,
        "takes a while" => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(())
        }
        "marks" => {
            // What it writes and its being done are one.
            let tx = job.ctx()?.writer().await?;
            let sql = "update tenants set contact_phone = coalesce(contact_phone, '') || 'x' where id = $1";
            tx.execute_raw(job.db().statement(sql, [job.tenant.into()])).await?;
            tokio::time::sleep(Duration::from_millis(job.payload["ms"].as_u64().unwrap_or(0))).await;
            job.done(&tx).await?;
            Ok(tx.commit().await?)
        }
        _ => Ok(()),
    }
}

pub struct Workshop {
    pub server: Server,
    pub tenant: TenantId,
    pub work: Arc<Work>,
}

impl Workshop {
    pub async fn new(backend: Backend) -> Self {
        let server = Server::start(backend).await;
        let tenant = People::of(&server).tenant("Workshop K.K.").await;
        Self { server, tenant, work: Arc::default() }
    }

    pub fn db(&self) -> &Database {
        self.server.db()
    }

    pub fn clock(&self) -> Arc<TestClock> {
        self.server.clock.clone()
    }

    pub fn trace(&self) -> Trace {
        Trace::system("a test", self.server.clock())
    }

    /// Workers as one process has them.
    pub fn process(&self) -> Jobs {
        self.process_with(Vec::new())
    }

    pub fn process_with(&self, schedules: Vec<Schedule>) -> Jobs {
        let clock: Arc<dyn Clock> = self.server.clock();
        Jobs::start(self.db().clone(), clock, vec![self.work.clone()], schedules)
    }

    pub fn job(&self, does: &str) -> NewJob {
        NewJob::new(&KIND, Some(self.tenant), json!({ "does": does }))
    }

    pub async fn enqueue(&self, job: NewJob) -> Enqueued {
        let tx = self.db().write(Access::Tenant(self.tenant)).await.unwrap();
        let enqueued = enqueue(&tx, &self.trace(), job).await.unwrap();
        tx.commit().await.unwrap();
        enqueued
    }

    pub async fn enqueued(&self, job: NewJob) -> JobId {
        match self.enqueue(job).await {
            Enqueued::New(id) => id,
            Enqueued::AlreadyThere => panic!("there is one already"),
        }
    }

    /// Status, attempts and last error.
    pub async fn state(&self, id: JobId) -> (String, i32, Option<String>) {
        let tx = self.db().read(Access::Worker).await.unwrap();
        let row = tx.query_one_raw(self.db().statement("select status, attempts, last_error from jobs where id = $1", [id.into()])).await.unwrap().unwrap();
        (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap())
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let tx = self.db().read(Access::Platform).await.unwrap();
        tx.query_one_raw(self.db().statement(sql, [])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// Waits until a job is in a state.
    pub async fn until(&self, id: JobId, status: &str, attempts: i32) {
        for _ in 0..600 {
            let (now, tried, _) = self.state(id).await;
            if now == status && tried == attempts {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{id} is {:?}, not {status} after {attempts}", self.state(id).await);
    }
}
