//! What becomes of a stored delivery, written down.

use entities::{EventType, StoreId, TenantId, WebhookEventId, WebhookEventStatus};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use serde_json::json;

use super::empty::empty;
use super::keep::job;
use super::work::Handled;
use crate::Trace;
use crate::db::{Tx, is_sqlite};
use crate::jobs::{Enqueued, enqueue};
use crate::outbox::emit;
use crate::record::Happened;

/// The longest reason that is kept, in characters.
const REASON: usize = 2_000;

fn reason(why: &str) -> String {
    why.chars().filter(|c| *c != '\0').take(REASON).collect()
}

/// Counts a delivery that was settled.
pub(super) fn count(provider: &str, status: WebhookEventStatus) {
    metrics::counter!("noren_webhook_events_total", "provider" => provider.to_owned(), "status" => status.as_str()).increment(1);
}

/// It was worked on.
pub(super) async fn handled(tx: &Tx, trace: &Trace, tenant: TenantId, id: WebhookEventId, handled: &Handled) -> Result<(), DbErr> {
    let sql = "update webhook_events set status = $1, attempts = attempts + 1, error_message = $2, processed_at = $3, updated_at = $3,
                 store_id = coalesce(store_id, $4)
               where tenant_id = $5 and id = $6";
    let note = handled.note.as_deref().map(reason);
    let values: [Value; 6] = [handled.status.as_str().into(), note.into(), trace.now().into(), handled.store.into(), tenant.into(), id.into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    if handled.emptied { empty(tx, tenant, &[id.uuid()], trace.now()).await.map(drop) } else { Ok(()) }
}

/// It could not be worked on and will be tried again.
pub(super) async fn to_be_tried_again(tx: &Tx, trace: &Trace, tenant: TenantId, id: WebhookEventId, why: &str) -> Result<(), DbErr> {
    let sql = "update webhook_events set attempts = attempts + 1, error_message = $1, updated_at = $2 where tenant_id = $3 and id = $4 and status = 'PENDING'";
    let values: [Value; 4] = [reason(why).into(), trace.now().into(), tenant.into(), id.into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await.map(drop)
}

/// It could not be worked on and will not be tried again by itself: announced. `attempted` is whether that was one more attempt.
pub(super) async fn failed(tx: &Tx, trace: &Trace, id: WebhookEventId, why: &str, attempted: bool) -> Result<(), DbErr> {
    let sql = "update webhook_events set status = $1, attempts = attempts + $2, error_message = $3, processed_at = null, updated_at = $4
               where id = $5 and status = 'PENDING' returning tenant_id, store_id, provider";
    let values: [Value; 5] = [WebhookEventStatus::Failed.as_str().into(), i32::from(attempted).into(), reason(why).into(), trace.now().into(), id.into()];
    let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await? else { return Ok(()) };
    let (tenant, store): (TenantId, Option<StoreId>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    count(&row.try_get_by_index::<String>(2)?, WebhookEventStatus::Failed);
    let (kind, data) = (EventType::WebhookEventFailed, json!({ "webhookEventId": id }));
    emit(tx, trace, Happened { kind, tenant: Some(tenant), store, subject: Some(id.to_string()), data }).await
}

/// Has a stored delivery worked on again. [`Enqueued::AlreadyThere`] when it still waits or is being worked on.
pub async fn again(tx: &Tx, trace: &Trace, tenant: TenantId, id: WebhookEventId) -> Result<Enqueued, DbErr> {
    let enqueued = enqueue(tx, trace, job(tenant, id)).await?;
    if enqueued != Enqueued::AlreadyThere {
        let sql = "update webhook_events set status = $1, error_message = null, processed_at = null, updated_at = $2 where tenant_id = $3 and id = $4";
        let values: [Value; 4] = [WebhookEventStatus::Pending.as_str().into(), trace.now().into(), tenant.into(), id.into()];
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    }
    Ok(enqueued)
}

/// How a row is held against other writers; on SQLite whoever writes is alone.
pub(super) fn held(tx: &Tx) -> &'static str {
    if is_sqlite(tx.get_database_backend()) { "" } else { "for update" }
}
