//! The rows of endpoints and deliveries; the endpoints' sealed columns are read elsewhere.

use chrono::{DateTime, Utc};
use entities::{EventId, EventType, TenantId, WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpointId, WebhookEndpointStatus};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// An address that an integration is told at.
    pub struct WebhookEndpointRow from webhook_endpoints {
        /// The row's id.
        id: WebhookEndpointId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The address.
        url: String = Url,
        /// What it is for.
        description: Option<String> = Description,
        /// The kinds of events that it is told of, by name; all when empty. See [`WebhookEndpointRow::kinds`].
        event_types: Json = EventTypes,
        /// Whether it is told.
        status: WebhookEndpointStatus = Status,
        /// Why it is not, when nobody said so.
        disabled_reason: Option<String> = DisabledReason,
        /// Until when deliveries are signed with the previous secret as well (UTC).
        previous_secret_until: Option<DateTime<Utc>> = PreviousSecretUntil,
        /// Since when every attempt has failed (UTC).
        failing_since_at: Option<DateTime<Utc>> = FailingSinceAt,
        /// When an attempt last succeeded, to the minute (UTC).
        last_success_at: Option<DateTime<Utc>> = LastSuccessAt,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(WebhookEndpointRow in "webhook_endpoints", id id);

impl WebhookEndpointRow {
    /// The kinds of events that it is told of; all when empty.
    pub fn kinds(&self) -> Vec<EventType> {
        self.event_types.as_array().into_iter().flatten().filter_map(|name| name.as_str()?.parse().ok()).collect()
    }

    /// Whether it is told of events with this name.
    pub fn wants(&self, name: &str) -> bool {
        wants(&self.event_types, name)
    }
}

/// Whether a stored list of names has this one, or all.
pub(super) fn wants(event_types: &Json, name: &str) -> bool {
    event_types.as_array().is_some_and(|names| names.is_empty() || names.iter().any(|wanted| wanted == name))
}

row! {
    /// An event on its way to an endpoint.
    pub struct WebhookDeliveryRow from webhook_deliveries {
        /// The row's id.
        id: WebhookDeliveryId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The endpoint.
        endpoint_id: WebhookEndpointId = EndpointId,
        /// The event; at the wire, the message's id.
        event_id: EventId = EventId,
        /// The event's name.
        event_type: String = EventType,
        /// What is sent.
        body: String = Body,
        /// How far it is.
        status: WebhookDeliveryStatus = Status,
        /// Times that it was sent.
        attempts: i32 = Attempts,
        /// The last answer's HTTP status.
        response_status: Option<i32> = ResponseStatus,
        /// How the last answer began.
        response_body: Option<String> = ResponseBody,
        /// Why the last attempt failed.
        error_message: Option<String> = ErrorMessage,
        /// How long the last attempt took.
        duration_ms: Option<i64> = DurationMs,
        /// When it was last sent (UTC).
        last_attempt_at: Option<DateTime<Utc>> = LastAttemptAt,
        /// When it is sent again (UTC).
        next_attempt_at: Option<DateTime<Utc>> = NextAttemptAt,
        /// When the endpoint took it (UTC).
        delivered_at: Option<DateTime<Utc>> = DeliveredAt,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(WebhookDeliveryRow in "webhook_deliveries", id id);
