//! What is sent: the payload of Standard Webhooks, with the version of the event's data.

use chrono::{DateTime, SecondsFormat, Utc};
use entities::{EventId, EventType, TenantId, WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpointId};
use platform::jobs::NewJob;
use sea_orm::ActiveValue::Set;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::deliver::DELIVER;
use super::failing::lane;
use entities::tables::webhook_deliveries::ActiveModel;

/// Something to be told to endpoints.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The event.
    pub(super) id: EventId,
    /// Its name.
    pub(super) name: String,
    /// The version of its data.
    pub(super) version: i32,
    /// When it happened.
    pub(super) occurred_at: DateTime<Utc>,
    /// Its data.
    pub(super) data: Value,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    version: i32,
    timestamp: String,
    data: &'a Value,
}

impl Message {
    /// The body, the same for every endpoint and every attempt.
    pub(super) fn body(&self) -> String {
        let timestamp = self.occurred_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let body = Body { r#type: &self.name, version: self.version, timestamp, data: &self.data };
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// Whether endpoints are told of it at all. That a delivery's own job failed would be told to whom it could not be told.
    pub(super) fn is_told(&self) -> bool {
        // How far a sync is, whoever wants to know follows live.
        self.name != EventType::SyncProgressed.as_str() && (self.name != EventType::JobFailed.as_str() || self.data["kind"] != DELIVER.name)
    }
}

/// A delivery that waits to be sent.
pub(super) fn delivery(id: WebhookDeliveryId, to: (TenantId, WebhookEndpointId), message: &Message, body: String, now: DateTime<Utc>) -> ActiveModel {
    ActiveModel {
        id: Set(id),
        tenant_id: Set(to.0),
        endpoint_id: Set(to.1),
        event_id: Set(message.id),
        event_type: Set(message.name.clone()),
        body: Set(body),
        status: Set(WebhookDeliveryStatus::Pending),
        attempts: Set(0),
        response_status: Set(None),
        response_body: Set(None),
        error_message: Set(None),
        duration_ms: Set(None),
        last_attempt_at: Set(None),
        next_attempt_at: Set(Some(now)),
        delivered_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

/// What a job is about.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Errand {
    /// The delivery.
    pub(super) delivery_id: WebhookDeliveryId,
    /// Its endpoint.
    pub(super) endpoint_id: WebhookEndpointId,
}

impl Errand {
    /// The job that sends it.
    pub(super) fn job(self, tenant: TenantId) -> NewJob {
        NewJob::new(DELIVER, Some(tenant), json!(self)).unique(self.key()).in_lane(lane(self.endpoint_id))
    }

    /// The key of the job: what SQL makes of the delivery's id.
    pub(super) fn key(self) -> String {
        self.delivery_id.uuid().simple().to_string()
    }
}
