//! Storing a delivery together with the job that works on it: once, in as few round trips as a transaction has.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use entities::{ConnectionId, JobId, TenantId, WebhookEventId};
use sea_orm::{ConnectionTrait, DbErr, Value};
use serde_json::json;

use super::work::PROCESS;
use crate::Trace;
use crate::db::{Access, Database, Wake, is_sqlite};
use crate::jobs::{INTO_JOBS, NewJob, enqueue};

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

/// `$1` to `$15`. The store is whichever of the tenant has the account as its domain; there may be none yet.
const INTO_WEBHOOK_EVENTS: &str = "insert into webhook_events (id, tenant_id, connection_id, store_id, provider, topic, account, event_id,
      provider_event_id, api_version, headers, payload, payload_bytes, status, attempts, triggered_at, received_at, payload_deletion_at, updated_at)
    values ($1, $2, $3, (select id from stores where tenant_id = $2 and provider = $4 and domain = $6), $4, $5, $6, $7,
      $8, $9, $10, $11, $12, 'PENDING', 0, $13, $14, $15, $14)
    on conflict (connection_id, event_id) do nothing";

/// Stores a delivery and enqueues the work on it, unless it is there already.
pub async fn keep(db: &Database, trace: &Trace, delivery: Incoming) -> Result<Kept, DbErr> {
    let (id, now, tenant): (WebhookEventId, _, _) = (trace.new_id(), trace.now(), delivery.tenant);
    let mut values: Vec<Value> = vec![
        id.into(),
        tenant.into(),
        delivery.connection.into(),
        delivery.provider.into(),
        delivery.topic.into(),
        delivery.account.into(),
        delivery.event_id.into(),
        delivery.provider_event_id.into(),
        delivery.api_version.into(),
        delivery.headers.into(),
        delivery.payload.to_vec().into(),
        i64::try_from(delivery.payload.len()).unwrap_or(i64::MAX).into(),
        delivery.triggered_at.into(),
        now.into(),
        delivery.payload_deletion_at.into(),
    ];
    let tx = db.write(Access::Tenant(tenant)).await?;
    let stored = if is_sqlite(db.backend()) {
        let stored = tx.execute_raw(db.statement(INTO_WEBHOOK_EVENTS, values)).await?.rows_affected() == 1;
        if stored {
            enqueue(&tx, trace, job(tenant, id)).await?;
        }
        stored
    } else {
        let sql = format!(
            "with stored as ({INTO_WEBHOOK_EVENTS} returning id)
             {INTO_JOBS} select $16, $2, $17, $18, $19, $20, $21, 'QUEUED', 0, $22, $14, $14, $14 from stored"
        );
        let job = job(tenant, id);
        let lane = job.lane();
        let NewJob { kind, payload, unique_key, .. } = job;
        let most = i32::try_from(kind.max_attempts).unwrap_or(i32::MAX);
        let (queue, kind) = (kind.queue.name, kind.name);
        let of_job: [Value; 7] = [trace.new_id::<JobId>().into(), queue.into(), lane.into(), kind.into(), unique_key.into(), payload.into(), most.into()];
        values.extend(of_job);
        tx.execute_raw(db.statement(sql, values)).await?.rows_affected() == 1
    };
    if !stored {
        return Ok(Kept::AlreadyThere);
    }
    tx.will_wake(Wake::Jobs);
    tx.commit().await?;
    Ok(Kept::Stored(id))
}

/// The work on a delivery: there is never more than one at a time.
pub(super) fn job(tenant: TenantId, id: WebhookEventId) -> NewJob {
    NewJob::new(PROCESS, Some(tenant), json!({ "webhookEventId": id })).unique(id)
}
