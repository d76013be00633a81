//! The rows of endpoints and deliveries; the endpoints' sealed columns are read elsewhere.

use chrono::{DateTime, Utc};
use entities::{ApiTokenId, EventId, EventType, TenantId, WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpointId, WebhookEndpointStatus};
use platform::db::Owner;
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

use super::message::Message;

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
        /// Who made it; none when that was before anybody wrote it down.
        created_by: Option<String> = CreatedBy,
        /// The scopes of the API token that made it, by name; none when administrators did. See [`WebhookEndpointRow::may_hear`].
        scopes: Option<Json> = Scopes,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(WebhookEndpointRow in "webhook_endpoints", id id, owner Owner::Column("created_by"));

impl WebhookEndpointRow {
    /// The kinds of events that it is told of; all when empty.
    pub fn kinds(&self) -> Vec<EventType> {
        self.event_types.as_array().into_iter().flatten().filter_map(|name| name.as_str()?.parse().ok()).collect()
    }

    /// Whether somebody asked that it be told of events with this name.
    pub fn wants(&self, name: &str) -> bool {
        self.event_types.as_array().is_some_and(|names| names.is_empty() || names.iter().any(|wanted| wanted == name))
    }

    /// Whether its maker may read what events of a kind show: an integration by its scopes, an administrator always.
    pub fn may_hear(&self, kind: EventType) -> bool {
        let Some(scopes) = &self.scopes else { return true };
        kind.scope().is_some_and(|needed| scopes.as_array().is_some_and(|held| held.iter().any(|scope| scope == needed.as_str())))
    }

    /// Whether it is told of something that happened in its tenant, whose endpoints are `all`.
    pub(super) fn is_told(&self, message: &Message, all: &[Self]) -> bool {
        self.wants(&message.name) && message.is_told() && (self.scopes.is_none() || self.may_read(message, all))
    }

    fn may_read(&self, message: &Message, all: &[Self]) -> bool {
        let Ok(kind) = message.name.parse::<EventType>() else { return false };
        // Integrations do not see each other's endpoints.
        let of_others = |id: &str| all.iter().any(|other| other.id.to_string() == id && other.created_by != self.created_by);
        self.may_hear(kind) && !message.data["webhookEndpointId"].as_str().is_some_and(of_others)
    }

    /// The API token of the integration that made it; none when an administrator did.
    pub(super) fn made_by_token(&self) -> Option<ApiTokenId> {
        self.scopes.as_ref().and(self.created_by.as_deref()).and_then(|maker| ApiTokenId::parse(maker).ok())
    }
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

tenant_row!(WebhookDeliveryRow in "webhook_deliveries", id id,
    owner Owner::Of { parent: "endpoint_id", table: "webhook_endpoints", column: "created_by" });
