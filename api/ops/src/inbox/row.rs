//! The rows of deliveries: the record, and apart from it the content, which is large and goes after a while.

use chrono::{DateTime, Utc};
use entities::{ConnectionId, StoreId, TenantId, WebhookEventId, WebhookEventStatus};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// A delivery of a provider.
    pub struct WebhookEventRow from webhook_events {
        /// The row's id.
        id: WebhookEventId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The connection that it came by.
        connection_id: ConnectionId = ConnectionId,
        /// The store that it is about.
        store_id: Option<StoreId> = StoreId,
        /// The provider's key.
        provider: String = Provider,
        /// What it tells of.
        topic: String = Topic,
        /// The account that it names.
        account: Option<String> = Account,
        /// The provider's id of the delivery.
        event_id: String = EventId,
        /// The provider's id of what happened.
        provider_event_id: Option<String> = ProviderEventId,
        /// The version of the provider's API.
        api_version: Option<String> = ApiVersion,
        /// The size of the body.
        payload_bytes: i64 = PayloadBytes,
        /// How far it is.
        status: WebhookEventStatus = Status,
        /// Times that it was worked on.
        attempts: i32 = Attempts,
        /// Why it failed or was ignored.
        error_message: Option<String> = ErrorMessage,
        /// When it happened, as the provider says (UTC).
        triggered_at: Option<DateTime<Utc>> = TriggeredAt,
        /// When it came in (UTC).
        received_at: DateTime<Utc> = ReceivedAt,
        /// When it was worked on (UTC).
        processed_at: Option<DateTime<Utc>> = ProcessedAt,
        /// When the content is to be deleted (UTC).
        payload_deletion_at: Option<DateTime<Utc>> = PayloadDeletionAt,
        /// When the content was deleted (UTC).
        payload_deleted_at: Option<DateTime<Utc>> = PayloadDeletedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(WebhookEventRow in "webhook_events", id id, store "store_id");

row! {
    /// What a delivery carries.
    pub struct WebhookEventContentRow from webhook_events {
        /// The delivery's id.
        id: WebhookEventId = Id,
        /// The provider's headers, without the signature: a list of pairs.
        headers: Json = Headers,
        /// The body, byte for byte.
        payload: Option<Vec<u8>> = Payload,
    }
}

tenant_row!(WebhookEventContentRow in "webhook_events", id id, store "store_id");
