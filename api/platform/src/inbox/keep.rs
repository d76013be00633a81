//! Storing deliveries together with the jobs that work on them: each once, and those of a tenant that come at the same time in one
//! transaction.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use batch_aint_one::{BatchError, Batcher, BatchingPolicy, Limits, Processor};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use entities::{ConnectionId, JobId, TenantId, WebhookEventId};
use sea_orm::{ConnectionTrait, DbErr, Value};
use serde_json::json;
use uuid::Uuid;

use super::work::PROCESS;
use crate::clock::Clock;
use crate::db::{Access, Database, Tx, Wake, is_sqlite};
use crate::jobs::{INTO_JOBS, NewJob, enqueue};
use crate::{Ids, Trace};

/// Deliveries of one transaction, at most.
const TOGETHER: usize = 64;
/// Transactions of one tenant at once.
const AT_ONCE: usize = 2;
/// Deliveries of one tenant that wait, at most: each may be large.
const WAITING: usize = 2_000;

/// Bytes of one statement, about. More than a record of TLS takes (16 KiB) is written in pieces, and the last of them waits up to 40 ms for
/// the acknowledgement of the one before: the driver leaves Nagle's algorithm on.
const STATEMENT: usize = 14 * 1024;
/// What a delivery takes of that beside its body, about.
const OF_A_DELIVERY: usize = 800;

/// A verified delivery.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The tenant of its connection.
    pub tenant: TenantId,
    /// The connection that it came by.
    pub connection: ConnectionId,
    /// The provider's key.
    pub provider: String,
    /// What it tells of.
    pub topic: String,
    /// The account that it names: the domain of a store.
    pub account: Option<String>,
    /// By what repeats of it are told.
    pub event_id: String,
    /// The provider's id of what happened.
    pub provider_event_id: Option<String>,
    /// The version of the provider's API.
    pub api_version: Option<String>,
    /// The provider's headers, without the signature: a list of pairs.
    pub headers: serde_json::Value,
    /// The body, byte for byte.
    pub payload: Bytes,
    /// When it happened, as the provider says.
    pub triggered_at: Option<DateTime<Utc>>,
    /// When headers and body are to be deleted.
    pub payload_deletion_at: DateTime<Utc>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is stored, and will be worked on.
    Stored(WebhookEventId),
    /// It was stored before.
    AlreadyThere,
}

/// Why a delivery is not stored; sent again, it may be.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeepError {
    /// More come than can be stored.
    #[error("too many deliveries of the tenant wait to be stored")]
    Crowded,
    /// The database failed.
    #[error("{0}")]
    Storage(Arc<DbErr>),
    /// The storing broke off.
    #[error("the storing broke off: {0}")]
    Broken(String),
}

/// Stores deliveries. What comes while others of its tenant are being stored goes together. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    keeping: Batcher<Keeping>,
    db: Database,
}

impl Intake {
    /// Stores in `db`. To be called where tasks can be spawned.
    pub fn new(db: Database, clock: Arc<dyn Clock>) -> Self {
        let limits = Limits::builder().max_batch_size(TOGETHER).max_key_concurrency(AT_ONCE).max_key_queued_items(WAITING).build();
        let batching_policy = BatchingPolicy::Balanced { min_size_hint: TOGETHER / 2 };
        let keeping = Batcher::builder().name("inbox").processor(Keeping { db: db.clone(), clock }).limits(limits).batching_policy(batching_policy).build();
        Self { keeping, db }
    }

    /// Stores a delivery and enqueues the work on it, unless it is there already. Once begun it goes on to its end, whether or not
    /// somebody waits for it.
    pub async fn keep(&self, delivery: Incoming) -> Result<Kept, KeepError> {
        let _pressing = self.db.signals().press();
        match self.keeping.add(delivery.tenant, delivery).await {
            Ok(kept) => kept,
            Err(BatchError::BatchFailed(error) | BatchError::ResourceAcquisitionFailed(error)) => Err(KeepError::Storage(error)),
            Err(BatchError::Rejected(_)) => Err(KeepError::Crowded),
            Err(error) => Err(KeepError::Broken(error.to_string())),
        }
    }
}

#[derive(Clone)]
struct Keeping {
    db: Database,
    clock: Arc<dyn Clock>,
}

impl Processor for Keeping {
    type Key = TenantId;
    type Input = Incoming;
    type Output = Result<Kept, KeepError>;
    type Error = Arc<DbErr>;
    type Resources = Tx;

    async fn acquire_resources(&self, tenant: TenantId) -> Result<Tx, Arc<DbErr>> {
        Ok(self.db.write(Access::Tenant(tenant)).await?)
    }

    async fn process(&self, tenant: TenantId, inputs: impl Iterator<Item = Incoming> + Send, tx: Tx) -> Result<Vec<Self::Output>, Arc<DbErr>> {
        let deliveries: Vec<Arrived> = inputs.map(|delivery| Arrived::new(delivery, &self.clock)).collect();
        match self.store(tx, &deliveries).await {
            Ok(kept) => Ok(kept.into_iter().map(Ok).collect()),
            Err(error) if deliveries.len() == 1 => Ok(vec![Err(KeepError::Storage(Arc::new(error)))]),
            // It may be that of one of them alone: the others are stored without it.
            Err(_) => {
                let mut each = Vec::with_capacity(deliveries.len());
                for delivery in &deliveries {
                    let alone = async { self.store(self.db.write(Access::Tenant(tenant)).await?, std::slice::from_ref(delivery)).await };
                    each.push(alone.await.map(|kept| kept.first().copied().unwrap_or(Kept::AlreadyThere)).map_err(|error| KeepError::Storage(Arc::new(error))));
                }
                Ok(each)
            }
        }
    }
}

/// A delivery, with what it is to be known by here.
struct Arrived {
    id: WebhookEventId,
    job: JobId,
    at: DateTime<Utc>,
    delivery: Incoming,
}

impl Arrived {
    fn new(delivery: Incoming, clock: &Arc<dyn Clock>) -> Self {
        let ids = Ids::new(clock.clone());
        Self { id: ids.next(), job: ids.next(), at: clock.now(), delivery }
    }

    /// In the order of [`COLUMNS`].
    fn values(&self) -> [Value; 15] {
        let delivery = &self.delivery;
        [
            self.id.into(),
            delivery.tenant.into(),
            delivery.connection.into(),
            delivery.provider.clone().into(),
            delivery.topic.clone().into(),
            delivery.account.clone().into(),
            delivery.event_id.clone().into(),
            delivery.provider_event_id.clone().into(),
            delivery.api_version.clone().into(),
            delivery.headers.clone().into(),
            delivery.payload.to_vec().into(),
            i64::try_from(delivery.payload.len()).unwrap_or(i64::MAX).into(),
            delivery.triggered_at.into(),
            self.at.into(),
            delivery.payload_deletion_at.into(),
        ]
    }
}

impl Keeping {
    async fn store(&self, tx: Tx, deliveries: &[Arrived]) -> Result<Vec<Kept>, DbErr> {
        let stored = if is_sqlite(self.db.backend()) { self.one_by_one(&tx, deliveries).await? } else { self.together(&tx, deliveries).await? };
        if !stored.is_empty() {
            tx.will_wake(Wake::Jobs);
            tx.commit().await?;
        }
        Ok(deliveries.iter().map(|one| if stored.contains(&one.id.uuid()) { Kept::Stored(one.id) } else { Kept::AlreadyThere }).collect())
    }

    /// SQLite is in this very process: a statement costs no round trip.
    async fn one_by_one(&self, tx: &Tx, deliveries: &[Arrived]) -> Result<HashSet<Uuid>, DbErr> {
        let trace = Trace::system(PROCESS.name, self.clock.clone());
        let mut stored = HashSet::new();
        for one in deliveries {
            if tx.execute_raw(self.db.statement(INTO_WEBHOOK_EVENTS, one.values())).await?.rows_affected() == 1 {
                enqueue(tx, &trace, job(one.delivery.tenant, one.id)).await?;
                stored.insert(one.id.uuid());
            }
        }
        Ok(stored)
    }

    /// PostgreSQL: a statement for many, with the jobs. Always so many that few statements have to be prepared.
    async fn together(&self, tx: &Tx, deliveries: &[Arrived]) -> Result<HashSet<Uuid>, DbErr> {
        let (mut stored, mut rest) = (HashSet::new(), deliveries);
        while let Some(power) = that_fit(rest).checked_ilog2() {
            let part;
            (part, rest) = rest.split_at(1 << power);
            let sql = WITH_JOBS.get(power as usize).ok_or_else(|| DbErr::Custom("too many deliveries at once".to_owned()))?;
            let mut values: Vec<Value> = Vec::with_capacity(part.len() * OF_ROW + OF_ALL);
            for one in part {
                let NewJob { payload, unique_key, .. } = job(one.delivery.tenant, one.id);
                values.extend(one.values());
                values.extend::<[Value; 3]>([one.job.into(), unique_key.into(), payload.into()]);
            }
            let Some(first) = part.first() else { break };
            let of_first = job(first.delivery.tenant, first.id);
            let most = i32::try_from(PROCESS.max_attempts).unwrap_or(i32::MAX);
            values.extend::<[Value; OF_ALL]>([PROCESS.queue.name.into(), of_first.lane().into(), PROCESS.name.into(), most.into()]);
            for row in tx.query_all_raw(self.db.statement(sql.clone(), values)).await? {
                stored.insert(row.try_get_by_index(0)?);
            }
        }
        Ok(stored)
    }
}

/// How many of these go into one statement: at least one, if there is any.
fn that_fit(deliveries: &[Arrived]) -> usize {
    let sizes = deliveries.iter().map(|one| one.delivery.payload.len() + OF_A_DELIVERY);
    let sums = sizes.scan(0, |sum, size| {
        *sum += size;
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= STATEMENT).count().max(1).min(deliveries.len())
}

/// The columns of a delivery, with their types.
const COLUMNS: [(&str, &str); 15] = [
    ("id", "uuid"),
    ("tenant_id", "uuid"),
    ("connection_id", "uuid"),
    ("provider", "text"),
    ("topic", "text"),
    ("account", "text"),
    ("event_id", "text"),
    ("provider_event_id", "text"),
    ("api_version", "text"),
    ("headers", "jsonb"),
    ("payload", "bytea"),
    ("payload_bytes", "bigint"),
    ("triggered_at", "timestamptz"),
    ("received_at", "timestamptz"),
    ("payload_deletion_at", "timestamptz"),
];
/// What comes beside them for the job.
const OF_JOB: [(&str, &str); 3] = [("job_id", "uuid"), ("unique_key", "text"), ("job_payload", "jsonb")];
const OF_ROW: usize = COLUMNS.len() + OF_JOB.len();
/// Queue, lane, kind and attempts of all jobs.
const OF_ALL: usize = 4;

/// `$1` to `$15`. The store is whichever of the tenant has the account as its domain; there may be none yet.
const INTO_WEBHOOK_EVENTS: &str = "insert into webhook_events (id, tenant_id, connection_id, store_id, provider, topic, account, event_id,
      provider_event_id, api_version, headers, payload, payload_bytes, status, attempts, triggered_at, received_at, payload_deletion_at, updated_at)
    values ($1, $2, $3, (select id from stores where tenant_id = $2 and provider = $4 and domain = $6), $4, $5, $6, $7,
      $8, $9, $10, $11, $12, 'PENDING', 0, $13, $14, $15, $14)
    on conflict (connection_id, event_id) do nothing";

/// The same for 1, 2, 4 … deliveries, with their jobs; gives the ids of those that were not there.
static WITH_JOBS: LazyLock<Vec<String>> = LazyLock::new(|| (0..=TOGETHER.ilog2()).map(|power| with_jobs(1 << power)).collect());

fn with_jobs(rows: usize) -> String {
    let columns = || COLUMNS.iter().chain(&OF_JOB);
    let names = columns().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let mut values = String::new();
    for row in 0..rows {
        let cells: Vec<String> = columns().enumerate().map(|(column, (_, kind))| format!("${}::{kind}", row * OF_ROW + column + 1)).collect();
        let _ = write!(values, "{}({})", if row == 0 { "" } else { ", " }, cells.join(", "));
    }
    let [queue, lane, kind, most] = std::array::from_fn(|index| rows * OF_ROW + index + 1);
    format!(
        "with arrived ({names}) as (values {values}),
         stored as (
           insert into webhook_events (id, tenant_id, connection_id, store_id, provider, topic, account, event_id, provider_event_id, api_version, headers,
             payload, payload_bytes, status, attempts, triggered_at, received_at, payload_deletion_at, updated_at)
           select a.id, a.tenant_id, a.connection_id, (select s.id from stores s where s.tenant_id = a.tenant_id and s.provider = a.provider and s.domain = a.account),
             a.provider, a.topic, a.account, a.event_id, a.provider_event_id, a.api_version, a.headers, a.payload, a.payload_bytes, 'PENDING', 0, a.triggered_at,
             a.received_at, a.payload_deletion_at, a.received_at
           from arrived a on conflict (connection_id, event_id) do nothing returning id),
         queued as (
           {INTO_JOBS} select a.job_id, a.tenant_id, ${queue}, ${lane}, ${kind}, a.unique_key, a.job_payload, 'QUEUED', 0, ${most}, a.received_at, a.received_at,
             a.received_at
           from arrived a join stored on stored.id = a.id)
         select id from stored"
    )
}

/// The work on a delivery: there is never more than one at a time.
pub(super) fn job(tenant: TenantId, id: WebhookEventId) -> NewJob {
    NewJob::new(PROCESS, Some(tenant), json!({ "webhookEventId": id })).unique(id)
}
