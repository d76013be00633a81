//! The job of a request: does what it asks, and says what was done.

use std::time::Duration;

use async_trait::async_trait;
use entities::{EventType, PrivacyRequestId, PrivacyRequestKind, PrivacyRequestOutcome, PrivacyRequestStatus, TenantId};
use people::tenants::TenantKeys;
use platform::db::Access;
use platform::jobs::{Backoff, JobError, JobKind, Queue, Running, Worker};
use platform::{Change, DbErr, Tx};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::row::PrivacyRequestRow;
use super::{erase, export, redact, store};
use crate::installs::Shops;

/// Doing what a request asks: tried for about eight hours; a request that failed can be tried again.
pub const WORK: &JobKind = &JobKind {
    name: "privacy.work",
    queue: Queue::PRIVACY,
    max_attempts: 12,
    timeout: Duration::from_secs(30 * 60),
    backoff: Backoff::Exponential(Duration::from_secs(60), Duration::from_secs(60 * 60)),
};

/// Does what requests ask.
pub struct PrivacyWorker {
    keys: TenantKeys,
    shops: Shops,
}

impl PrivacyWorker {
    /// Seals bundles with these keys, and asks these shops whether an app is in them.
    pub fn new(keys: TenantKeys, shops: Shops) -> Self {
        Self { keys, shops }
    }

    async fn attempt(&self, job: &Running, tenant: TenantId, id: PrivacyRequestId) -> Result<(), JobError> {
        let tx = job.db().write(Access::Tenant(tenant)).await?;
        let request = store::locked(&tx, tenant, id).await?;
        let request = match request {
            Some(request) if request.status == PrivacyRequestStatus::Pending => request,
            // Done by an attempt that could not say so, or given up.
            Some(_) | None => {
                job.done(&tx).await?;
                return Ok(tx.commit().await?);
            }
        };
        drop(tx);
        match request.kind {
            PrivacyRequestKind::DataRequest => export::export(job, &self.keys, &request).await,
            PrivacyRequestKind::CustomerRedaction => redact::redact(job, &request).await,
            PrivacyRequestKind::ShopRedaction | PrivacyRequestKind::StoreDeletion => erase::erase(job, &self.shops, &request).await,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    privacy_request_id: PrivacyRequestId,
}

#[async_trait]
impl Worker for PrivacyWorker {
    fn kind(&self) -> &'static JobKind {
        WORK
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let id = job.payload::<Subject>()?.privacy_request_id;
        let tenant = job.tenant.ok_or_else(|| JobError::Fail("a privacy request belongs to a tenant; the job names none".to_owned()))?;
        let error = match self.attempt(job, tenant, id).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let over = match &error {
            JobError::Fail(_) => true,
            JobError::Retry(_) | JobError::RetryAfter(..) => job.is_last(),
            JobError::Postpone(..) | JobError::Lost => false,
        };
        if over {
            let tx = job.db().write(Access::Tenant(tenant)).await?;
            store::fail(&tx, tenant, id, &error.to_string(), job.now()).await?;
            tx.commit().await?;
        }
        Err(error)
    }
}

/// What was done so far: counts by the names of what was touched. It says nothing of persons.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Evidence(Map<String, Json>);

impl Evidence {
    pub fn of(request: &PrivacyRequestRow) -> Self {
        Self(request.evidence.as_object().cloned().unwrap_or_default())
    }

    /// A transaction that holds the request, and what was done before it.
    pub async fn begin(job: &Running, request: &PrivacyRequestRow) -> Result<(Tx, Self), JobError> {
        let tx = job.db().write(Access::Tenant(request.tenant_id)).await?;
        match store::locked(&tx, request.tenant_id, request.id).await? {
            Some(held) if held.status == PrivacyRequestStatus::Pending => Ok((tx, Self::of(&held))),
            // Somebody else has finished it.
            Some(_) | None => Err(JobError::Lost),
        }
    }

    pub fn add(&mut self, name: &str, count: u64) {
        if count > 0 {
            let before = self.0.get(name).and_then(Json::as_u64).unwrap_or(0);
            self.0.insert(name.to_owned(), (before + count).into());
        }
    }

    pub fn with(mut self, name: &str, count: usize) -> Self {
        self.add(name, u64::try_from(count).unwrap_or(u64::MAX));
        self
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Commits what was done together with the word of it.
    pub async fn write(self, job: &Running, tx: Tx, request: &PrivacyRequestRow) -> Result<(), DbErr> {
        store::note(&tx, request, &Json::Object(self.0), job.now()).await?;
        tx.commit().await
    }
}

/// The request's last transaction: what came of it, the log's word and the job's end are one.
pub(super) async fn finish(job: &Running, tx: Tx, request: &PrivacyRequestRow, outcome: PrivacyRequestOutcome, evidence: &Evidence) -> Result<(), JobError> {
    let evidence = Json::Object(evidence.0.clone());
    store::complete(&tx, request, outcome, &evidence, job.now()).await?;
    let data = json!({ "privacyRequestId": request.id, "kind": request.kind, "storeId": request.store_id, "outcome": outcome });
    let after = json!({ "kind": request.kind, "storeId": request.store_id, "outcome": outcome, "evidence": evidence });
    let change = Change::new("privacyRequestComplete", request.tenant_id).subject(request.id).after(&after);
    change.announce_with(EventType::PrivacyRequestCompleted, request.store_id, data).write(&tx, &job.trace()).await?;
    job.done(&tx).await?;
    Ok(tx.commit().await?)
}
