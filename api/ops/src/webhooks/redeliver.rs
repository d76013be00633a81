//! Sending again: one delivery, or all that an endpoint has missed since a time; and a test of an endpoint.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use entities::{EventType, WebhookDeliveryId, WebhookEndpointId, WebhookEndpointStatus};
use platform::callers::actions::ManageWebhooks;
use platform::db::is_sqlite;
use platform::jobs::{enqueue_all, hasten};
use platform::outbox::FeedId;
use platform::{Change, DbErr, OpCtx, Permit, Tx};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::deliver::DELIVER;
use super::error::WebhookError;
use super::message::{Errand, Message, delivery};
use super::row::{WebhookDeliveryRow, WebhookEndpointRow};
use super::service::Webhooks;
use super::store;

/// Deliveries that one call has sent again, at most.
const AT_ONCE: usize = 1_000;
/// Nothing is kept for longer.
const KEPT: TimeDelta = TimeDelta::days(31);

/// What is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redelivered {
    /// So many deliveries.
    pub deliveries: u64,
    /// From when on there is more.
    pub continue_since: Option<DateTime<Utc>>,
}

/// What fits into one call, and where the rest begins.
struct Part<T> {
    taken: Vec<T>,
    rest_from: Option<DateTime<Utc>>,
}

impl<T> Part<T> {
    fn of(mut found: Vec<(DateTime<Utc>, T)>) -> Self {
        let rest_from = found.get(AT_ONCE).map(|(at, _)| *at);
        found.truncate(AT_ONCE);
        Self { taken: found.into_iter().map(|(_, one)| one).collect(), rest_from }
    }
}

impl Webhooks {
    /// Sends a delivery again, at once, whatever became of it before.
    pub async fn redeliver(&self, ctx: &OpCtx, id: WebhookDeliveryId) -> Result<WebhookDeliveryRow, WebhookError> {
        let permit = ctx.authorize::<ManageWebhooks>()?;
        let tx = ctx.writer().await?;
        let before = store::delivery(&tx, &permit, id).await?.ok_or(WebhookError::NotFound("delivery"))?;
        let endpoint = enabled(&tx, &permit, before.endpoint_id).await?;
        send_again(ctx, &tx, &endpoint, &[id]).await?;
        let after = store::delivery(&tx, &permit, id).await?.ok_or(WebhookError::NotFound("delivery"))?;
        let change = Change::new("webhookDeliveryRedeliver", before.tenant_id).subject(id).before(&outcome(&before)).after(&outcome(&after));
        ctx.commit(tx, change).await?;
        Ok(after)
    }

    /// Sends an endpoint what it has not taken since a time: deliveries that were given up, and events of while it was disabled;
    /// those that it took as well, unless `only_failed`.
    pub async fn redeliver_since(
        &self,
        ctx: &OpCtx,
        id: WebhookEndpointId,
        since: DateTime<Utc>,
        only_failed: bool,
    ) -> Result<(WebhookEndpointRow, Redelivered), WebhookError> {
        let permit = ctx.authorize::<ManageWebhooks>()?;
        let now = ctx.now();
        let tx = ctx.writer().await?;
        let endpoint = enabled(&tx, &permit, id).await?;
        let since = since.max(now - KEPT).max(endpoint.created_at).min(now + KEPT);
        let old = made_since(&tx, &endpoint, since, only_failed).await?;
        let missed = missed_since(&tx, &endpoint, since).await?;
        let all = store::endpoints_of(&tx, &BTreeSet::from([endpoint.tenant_id])).await?.remove(&endpoint.tenant_id).unwrap_or_default();
        send_again(ctx, &tx, &endpoint, &old.taken).await?;
        let rows: Vec<_> = missed
            .taken
            .iter()
            .filter(|message| endpoint.is_told(message, &all))
            .map(|message| {
                let id = ctx.new_id::<WebhookDeliveryId>();
                (id, delivery(id, (endpoint.tenant_id, endpoint.id), message, message.body(), now))
            })
            .collect();
        let (new, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        store::insert_deliveries(&tx, rows).await?;
        let jobs = new.iter().map(|id| Errand { delivery_id: *id, endpoint_id: endpoint.id }.job(endpoint.tenant_id)).collect();
        enqueue_all(&tx, &ctx.trace(), jobs).await?;
        let continue_since = old.rest_from.into_iter().chain(missed.rest_from).min();
        let redelivered = Redelivered { deliveries: (old.taken.len() + new.len()) as u64, continue_since };
        let told = json!({ "since": since, "onlyFailed": only_failed, "deliveries": redelivered.deliveries });
        ctx.commit(tx, Change::new("webhookEndpointRedeliver", endpoint.tenant_id).subject(id).after(&told)).await?;
        Ok((endpoint, redelivered))
    }

    /// Sends an endpoint a test, and nobody else.
    pub async fn test(&self, ctx: &OpCtx, id: WebhookEndpointId) -> Result<WebhookDeliveryRow, WebhookError> {
        let permit = ctx.authorize::<ManageWebhooks>()?;
        let now = ctx.now();
        let tx = ctx.writer().await?;
        let endpoint = enabled(&tx, &permit, id).await?;
        let (kind, data) = (EventType::WebhookEndpointTest, json!({ "webhookEndpointId": id }));
        let message = Message { id: ctx.new_id(), name: kind.as_str().to_owned(), version: kind.version(), occurred_at: now, data };
        let delivery_id = ctx.new_id::<WebhookDeliveryId>();
        store::insert_deliveries(&tx, vec![delivery(delivery_id, (endpoint.tenant_id, id), &message, message.body(), now)]).await?;
        enqueue_all(&tx, &ctx.trace(), vec![Errand { delivery_id, endpoint_id: id }.job(endpoint.tenant_id)]).await?;
        let row = store::delivery(&tx, &permit, delivery_id).await?.ok_or(WebhookError::NotFound("delivery"))?;
        let change = Change::new("webhookEndpointTest", endpoint.tenant_id).subject(id).after(&json!({ "webhookDeliveryId": delivery_id }));
        ctx.commit(tx, change).await?;
        Ok(row)
    }
}

/// The endpoint, held; one that is disabled is sent nothing.
async fn enabled(tx: &Tx, permit: &Permit<ManageWebhooks>, id: WebhookEndpointId) -> Result<WebhookEndpointRow, WebhookError> {
    let endpoint = store::endpoint_locked(tx, permit, id).await?.ok_or(WebhookError::NotFound("endpoint"))?;
    match endpoint.status {
        WebhookEndpointStatus::Enabled => Ok(endpoint),
        WebhookEndpointStatus::Disabled => Err(WebhookError::EndpointDisabled),
    }
}

/// What the audit log tells of a delivery: how far it is, not what it says.
fn outcome(row: &WebhookDeliveryRow) -> Value {
    json!({ "endpointId": row.endpoint_id, "eventId": row.event_id, "eventType": row.event_type, "status": row.status })
}

/// A job that waits for its next attempt is made due; where there is none, there is a new one.
async fn send_again(ctx: &OpCtx, tx: &Tx, endpoint: &WebhookEndpointRow, ids: &[WebhookDeliveryId]) -> Result<(), DbErr> {
    if ids.is_empty() {
        return Ok(());
    }
    store::send_again(tx, endpoint, ids, ctx.now()).await?;
    let errands: Vec<Errand> = ids.iter().map(|id| Errand { delivery_id: *id, endpoint_id: endpoint.id }).collect();
    hasten(tx, &ctx.trace(), DELIVER, &errands.iter().map(|errand| errand.key()).collect::<Vec<_>>()).await?;
    enqueue_all(tx, &ctx.trace(), errands.iter().map(|errand| errand.job(endpoint.tenant_id)).collect()).await.map(drop)
}

async fn made_since(tx: &Tx, endpoint: &WebhookEndpointRow, since: DateTime<Utc>, only_failed: bool) -> Result<Part<WebhookDeliveryId>, DbErr> {
    let statuses = if only_failed { "('FAILED')" } else { "('FAILED', 'DELIVERED')" };
    let sql = format!(
        "select created_at, id from webhook_deliveries
         where tenant_id = $1 and endpoint_id = $2 and created_at >= $3 and status in {statuses} order by created_at, id limit $4"
    );
    let values = [endpoint.tenant_id.into(), endpoint.id.into(), since.into(), (AT_ONCE as i64 + 1).into()];
    let rows = tx.query_all_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    let found = rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect::<Result<Vec<_>, DbErr>>()?;
    Ok(Part::of(found))
}

/// Events that the endpoint wants and was never told of.
async fn missed_since(tx: &Tx, endpoint: &WebhookEndpointRow, since: DateTime<Utc>) -> Result<Part<Message>, DbErr> {
    let backend = tx.get_database_backend();
    let names = if is_sqlite(backend) { "select value from json_each($4)" } else { "select json_array_elements_text($4::json)" };
    let sql = format!(
        "select occurred_at, id, name, version, data from events e
         where feed_id = $1 and position is not null and occurred_at >= $2 and ($5 or name in ({names}))
           and not exists (select 1 from webhook_deliveries d where d.endpoint_id = $3 and d.event_id = e.id)
         order by occurred_at, seq limit $6"
    );
    let feed = FeedId::of(Some(endpoint.tenant_id));
    let all = endpoint.event_types.as_array().is_some_and(Vec::is_empty);
    let values = [feed.uuid().into(), since.into(), endpoint.id.into(), endpoint.event_types.to_string().into(), all.into(), (AT_ONCE as i64 + 1).into()];
    let mut found = Vec::new();
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
        let (occurred_at, data): (DateTime<Utc>, String) = (row.try_get_by_index(0)?, row.try_get_by_index(4)?);
        let (id, name, version) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        found.push((occurred_at, Message { id, name, version, occurred_at, data: serde_json::from_str(&data).unwrap_or(Value::Null) }));
    }
    Ok(Part::of(found))
}
