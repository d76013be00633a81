//! Working on stored deliveries: a domain does what they tell, and the delivery and its job are settled in the same transaction.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entities::{StoreId, TenantId, WebhookEventId, WebhookEventStatus};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use serde::Deserialize;

use super::settle;
use crate::Trace;
use crate::db::{Access, Tx};
use crate::jobs::{Backoff, JobError, JobKind, Queue, Running, Worker};

/// Working on one delivery: for about 50 minutes, if need be.
pub const PROCESS: &JobKind = &JobKind {
    name: "webhook_event.process",
    queue: Queue::INBOX,
    max_attempts: 12,
    timeout: Duration::from_secs(60),
    backoff: Backoff::Exponential(Duration::from_secs(5), Duration::from_secs(600)),
};

/// A delivery as it was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: WebhookEventId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Its store, when that was known.
    pub store: Option<StoreId>,
    /// The provider's key.
    pub provider: String,
    /// What it tells of.
    pub topic: String,
    /// The account that it names.
    pub account: Option<String>,
    /// By what repeats of it are told.
    pub event_id: String,
    /// The provider's id of what happened.
    pub provider_event_id: Option<String>,
    /// The version of the provider's API.
    pub api_version: Option<String>,
    /// The provider's headers: a list of pairs.
    pub headers: serde_json::Value,
    /// The body, byte for byte.
    pub payload: Vec<u8>,
    /// When it happened, as the provider says.
    pub triggered_at: Option<DateTime<Utc>>,
}

/// What a domain made of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    pub(super) status: WebhookEventStatus,
    pub(super) store: Option<StoreId>,
    pub(super) note: Option<String>,
    pub(super) emptied: bool,
}

impl Handled {
    /// It was worked on; it is about this store.
    pub fn processed(store: Option<StoreId>) -> Self {
        Self { status: WebhookEventStatus::Processed, store, note: None, emptied: false }
    }

    /// Nothing is done with it, because.
    pub fn ignored(store: Option<StoreId>, why: impl Into<String>) -> Self {
        Self { status: WebhookEventStatus::Ignored, store, note: Some(why.into()), emptied: false }
    }

    /// The same, and nothing of what it carries may be kept: it is about somebody who was forgotten.
    pub fn emptied(self) -> Self {
        Self { emptied: true, ..self }
    }

    /// The store that it is about.
    pub fn store(&self) -> Option<StoreId> {
        self.store
    }
}

/// Why a domain could not work on a delivery; of what it wrote nothing stays.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// It cannot be worked on before something is mended; in words for people.
    #[error("{0}")]
    Rejected(String),
    /// It may be worked on later; in words for people.
    #[error("{0}")]
    Later(String),
    /// The database failed.
    #[error("storage failed: {0}")]
    Storage(#[from] DbErr),
}

/// A domain that works on deliveries of its providers.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Whether deliveries of this provider are its own.
    fn takes(&self, provider: &str) -> bool;

    /// Does what a delivery tells, in a transaction of its tenant that settles the delivery too. It may have been done before.
    async fn handle(&self, tx: &Tx, job: &Running, delivery: &Stored) -> Result<Handled, HandleError>;
}

/// Works on deliveries, each with the domain that it is for.
pub struct Processing {
    handlers: Vec<Arc<dyn Handler>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    webhook_event_id: WebhookEventId,
}

/// Why an attempt came to nothing.
enum Trouble {
    Rejected(String),
    /// What people are told, and what operators are.
    Later(String, String),
    Lost,
}

impl From<DbErr> for Trouble {
    fn from(error: DbErr) -> Self {
        Self::Later("the database failed".to_owned(), error.to_string())
    }
}

impl From<JobError> for Trouble {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Lost => Self::Lost,
            JobError::Retry(why) | JobError::RetryAfter(_, why) | JobError::Postpone(_, why) => Self::Later("the database failed".to_owned(), why),
            JobError::Fail(why) => Self::Rejected(why),
        }
    }
}

impl From<HandleError> for Trouble {
    fn from(error: HandleError) -> Self {
        match error {
            HandleError::Rejected(why) => Self::Rejected(why),
            HandleError::Later(why) => Self::Later(why.clone(), why),
            HandleError::Storage(error) => error.into(),
        }
    }
}

impl Processing {
    /// Hands deliveries to these domains.
    pub fn new(handlers: Vec<Arc<dyn Handler>>) -> Self {
        Self { handlers }
    }

    async fn attempt(&self, job: &Running, tenant: TenantId, id: WebhookEventId) -> Result<(), Trouble> {
        let tx = job.db().write(Access::Tenant(tenant)).await?;
        let (delivery, status) = load(&tx, tenant, id).await?.ok_or_else(|| Trouble::Rejected("the delivery is not there any more".to_owned()))?;
        if status == WebhookEventStatus::Pending {
            let delivery = delivery.ok_or_else(|| Trouble::Rejected("its payload was deleted before it was worked on".to_owned()))?;
            let handler = self.handlers.iter().find(|handler| handler.takes(&delivery.provider));
            let handler = handler.ok_or_else(|| Trouble::Rejected(format!("nothing works on deliveries of {}", delivery.provider)))?;
            let handled = handler.handle(&tx, job, &delivery).await?;
            settle::handled(&tx, &job.trace(), tenant, id, &handled).await?;
            settle::count(&delivery.provider, handled.status);
        }
        job.done(&tx).await?;
        Ok(tx.commit().await?)
    }
}

#[async_trait]
impl Worker for Processing {
    fn kind(&self) -> &'static JobKind {
        PROCESS
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let id = job.payload::<Subject>()?.webhook_event_id;
        let tenant = job.tenant.ok_or_else(|| JobError::Fail("a delivery belongs to a tenant; the job names none".to_owned()))?;
        match self.attempt(job, tenant, id).await {
            Ok(()) => Ok(()),
            Err(Trouble::Lost) => Err(JobError::Lost),
            Err(Trouble::Rejected(why)) => give_up(job, tenant, id, &why).await,
            Err(Trouble::Later(why, details)) if job.is_last() => {
                tracing::warn!(%id, error = details, "a delivery is given up");
                give_up(job, tenant, id, &format!("given up after {} attempts: {why}", job.attempt)).await
            }
            Err(Trouble::Later(why, details)) => {
                let noted = async {
                    let tx = job.db().write(Access::Tenant(tenant)).await?;
                    settle::to_be_tried_again(&tx, &job.trace(), tenant, id, &format!("{why}; it is tried again")).await?;
                    tx.commit().await
                };
                if let Err(error) = noted.await {
                    tracing::warn!(%error, %id, "an attempt on a delivery could not be noted");
                }
                // Administrators of tenants read why a job failed; SQL is for the log.
                tracing::warn!(%id, error = details, "an attempt on a delivery did not succeed");
                Err(JobError::Retry(why))
            }
        }
    }
}

/// The job that works on a delivery begins again: so does the delivery.
pub async fn reopen(tx: &Tx, trace: &Trace, payload: &serde_json::Value) -> Result<(), DbErr> {
    let Ok(subject) = serde_json::from_value::<Subject>(payload.clone()) else { return Ok(()) };
    let sql = "update webhook_events set status = $1, error_message = null, processed_at = null, updated_at = $2 where id = $3 and status = $4 and payload is not null";
    let (pending, failed) = (WebhookEventStatus::Pending.as_str(), WebhookEventStatus::Failed.as_str());
    let values = [pending.into(), trace.now().into(), subject.webhook_event_id.into(), failed.into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await.map(drop)
}

/// The job that works on a delivery was called off: nobody works on it by itself any more.
pub async fn called_off(tx: &Tx, trace: &Trace, payload: &serde_json::Value) -> Result<(), DbErr> {
    match serde_json::from_value::<Subject>(payload.clone()) {
        Ok(subject) => settle::failed(tx, trace, subject.webhook_event_id, "the work on it was called off", false).await,
        Err(_) => Ok(()),
    }
}

/// The delivery has failed, and its job has done what it can.
async fn give_up(job: &Running, tenant: TenantId, id: WebhookEventId, why: &str) -> Result<(), JobError> {
    let tx = job.db().write(Access::Tenant(tenant)).await?;
    settle::failed(&tx, &job.trace(), id, why, true).await?;
    job.done(&tx).await?;
    Ok(tx.commit().await?)
}

/// A delivery, without its content when that was deleted, and how far it is.
async fn load(tx: &Tx, tenant: TenantId, id: WebhookEventId) -> Result<Option<(Option<Stored>, WebhookEventStatus)>, DbErr> {
    let sql = format!(
        "select status, store_id, provider, topic, account, event_id, provider_event_id, api_version, headers, payload, triggered_at
         from webhook_events where tenant_id = $1 and id = $2 {}",
        settle::held(tx)
    );
    let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [tenant.into(), id.into()])).await? else {
        return Ok(None);
    };
    let status: WebhookEventStatus = row.try_get_by_index(0)?;
    let payload: Option<Vec<u8>> = row.try_get_by_index(9)?;
    let Some(payload) = payload else { return Ok(Some((None, status))) };
    let stored = Stored {
        id,
        tenant,
        store: row.try_get_by_index(1)?,
        provider: row.try_get_by_index(2)?,
        topic: row.try_get_by_index(3)?,
        account: row.try_get_by_index(4)?,
        event_id: row.try_get_by_index(5)?,
        provider_event_id: row.try_get_by_index(6)?,
        api_version: row.try_get_by_index(7)?,
        headers: row.try_get_by_index(8)?,
        payload,
        triggered_at: row.try_get_by_index(10)?,
    };
    Ok(Some((Some(stored), status)))
}
