//! What work is: its kind, how it is tried again, and who does it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entities::{JobId, TenantId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::settle;
use crate::callers::{Caller, OpCtx, Origin};
use crate::clock::Clock;
use crate::db::{Database, Tx};
use crate::{DbErr, Trace};

/// Work that is done so many at a time in each process.
#[derive(Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: &'static str,
    /// Jobs at once.
    pub concurrency: usize,
    /// Jobs of one lane at once.
    pub of_lane: usize,
    /// Jobs of one tenant at once; fewer when there are not as many places free.
    pub of_tenant: usize,
    /// Whether its jobs wait for a moment while more work comes in than is taken in at once.
    pub gives_way: bool,
}

impl Queue {
    /// What providers told us.
    pub const INBOX: &Self = &Self { name: "inbox", concurrency: 8, of_lane: 4, of_tenant: 4, gives_way: true };
    /// What we tell integrations; a lane is all that goes to one endpoint.
    pub const WEBHOOKS: &Self = &Self { name: "webhooks", concurrency: 64, of_lane: 4, of_tenant: 16, gives_way: false };
    /// What we tell people.
    pub const NOTIFICATIONS: &Self = &Self { name: "notifications", concurrency: 16, of_lane: 4, of_tenant: 4, gives_way: false };
    /// What is asked of shops, beside their data.
    pub const SHOPS: &Self = &Self { name: "shops", concurrency: 16, of_lane: 8, of_tenant: 8, gives_way: false };
    /// What is fetched from shops; a lane is a store.
    pub const SYNC: &Self = &Self { name: "sync", concurrency: 4, of_lane: 1, of_tenant: 2, gives_way: false };
    /// What people and shops ask about their data; one request of a tenant after the other.
    pub const PRIVACY: &Self = &Self { name: "privacy", concurrency: 2, of_lane: 1, of_tenant: 1, gives_way: false };
    /// What comes with time: cleaning, counting, checking.
    pub const UPKEEP: &Self = &Self { name: "upkeep", concurrency: 1, of_lane: 1, of_tenant: 1, gives_way: false };

    /// Every queue.
    pub const ALL: &[&Self] = &[Self::INBOX, Self::WEBHOOKS, Self::NOTIFICATIONS, Self::SHOPS, Self::SYNC, Self::PRIVACY, Self::UPKEEP];
}

/// How long a failed job waits before it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// The first wait, doubled with each attempt, at most the second; up to a quarter more, by chance.
    Exponential(Duration, Duration),
    /// These waits in turn, the last one for all further attempts; up to a tenth more, by chance.
    Steps(&'static [Duration]),
}

impl Backoff {
    /// The wait after the given attempt, the first being 1.
    pub fn after(self, attempt: u32) -> Duration {
        let chance: f64 = rand::random();
        match self {
            Self::Exponential(first, most) => {
                let doubled = first.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
                doubled.min(most).mul_f64(1.0 + chance / 4.0)
            }
            Self::Steps(steps) => {
                let index = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1).min(steps.len().saturating_sub(1));
                steps.get(index).copied().unwrap_or_default().mul_f64(1.0 + chance / 10.0)
            }
        }
    }
}

/// A kind of work.
#[derive(Debug)]
pub struct JobKind {
    /// Its name, `room.verb`.
    pub name: &'static str,
    /// Where it queues.
    pub queue: &'static Queue,
    /// Attempts before it has failed for good.
    pub max_attempts: u32,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// How long it waits between attempts.
    pub backoff: Backoff,
}

/// Why an attempt did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may succeed later.
    #[error("{0}")]
    Retry(String),
    /// It may succeed after this time; a wait that the other side asked for.
    #[error("{1}")]
    RetryAfter(Duration, String),
    /// It was not begun, for want of room: it comes back after this time, and the attempt does not count.
    #[error("{1}")]
    Postpone(Duration, String),
    /// It will never succeed.
    #[error("{0}")]
    Fail(String),
    /// Somebody else has the job by now, or it was called off: what was begun must not be written.
    #[error("the job is not ours any more")]
    Lost,
}

impl From<DbErr> for JobError {
    fn from(error: DbErr) -> Self {
        // Administrators of tenants read why a job failed; SQL is for the log.
        tracing::warn!(%error, "a job's storage failed");
        Self::Retry("the database failed; the log says how".to_owned())
    }
}

/// Does one kind of work.
#[async_trait]
pub trait Worker: Send + Sync {
    /// The kind.
    fn kind(&self) -> &'static JobKind;

    /// How many jobs of a lane may be under way at once in this process, where that is fewer than the queue allows.
    fn room_in(&self, lane: &str) -> usize {
        let _ = lane;
        usize::MAX
    }

    /// Does it. It may have been done before, in part or whole, by a process that died: doing it again must change nothing.
    async fn run(&self, job: &Running) -> Result<(), JobError>;
}

/// A job that is being worked on.
pub struct Running {
    /// Its id.
    pub id: JobId,
    /// Its tenant; none for what belongs to none.
    pub tenant: Option<TenantId>,
    /// What it is about.
    pub payload: Value,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How many there may be.
    pub max_attempts: u32,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    pub(super) kind: &'static JobKind,
    pub(super) lease: Uuid,
    pub(super) db: Database,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settled: AtomicBool,
}

impl Running {
    /// What the job is about, as a struct.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        serde_json::from_value(self.payload.clone()).map_err(|error| JobError::Fail(format!("the payload of {} is not readable: {error}", self.kind.name)))
    }

    /// The database for background work.
    pub fn db(&self) -> &Database {
        &self.db
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// An operation of the program itself in the job's tenant, or above all of them.
    pub fn ctx(&self) -> Result<OpCtx, JobError> {
        let origin = Origin { request_id: self.id.to_string(), address: None, user_agent: None };
        OpCtx::new(self.db.clone(), self.clock.clone(), Caller::System, self.tenant, origin).map_err(|error| JobError::Fail(error.to_string()))
    }

    /// The job as the author of what it does.
    pub fn trace(&self) -> Trace {
        Trace::system(self.kind.name, self.clock.clone()).of_request(self.id.to_string())
    }

    /// Whether there will be no other attempt if this one fails.
    pub fn is_last(&self) -> bool {
        self.attempt >= self.max_attempts
    }

    /// The job is done with the transaction that does its work: both or neither. The transaction must see the job's tenant.
    pub async fn done(&self, tx: &Tx) -> Result<(), JobError> {
        if settle::done(tx, self.id, self.lease, self.now()).await? {
            self.settled.store(true, Ordering::Relaxed);
            Ok(())
        } else {
            Err(JobError::Lost)
        }
    }

    /// The attempt did not succeed, which is written with the transaction that says so elsewhere: both or neither. Once it is
    /// committed, the worker answers with the error that this gives. Not for the last attempt.
    pub async fn again(&self, tx: &Tx, wait: Duration, why: String) -> Result<JobError, JobError> {
        let at = self.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1));
        if settle::end(tx, &self.clock, self.id, self.lease, settle::Ending::Again(at, why.clone()), None).await? {
            self.settled.store(true, Ordering::Relaxed);
            Ok(JobError::RetryAfter(wait, why))
        } else {
            Err(JobError::Lost)
        }
    }
}
