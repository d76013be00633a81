//! Events on their way to endpoints.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};

use crate::{EventId, TenantId, WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpointId};

/// A row of `webhook_deliveries`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_deliveries")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookDeliveryId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The event; at the wire, the message's id.
    pub event_id: EventId,
    /// The event's name.
    pub event_type: String,
    /// What is sent.
    pub body: String,
    /// How far it is.
    pub status: WebhookDeliveryStatus,
    /// Times that it was sent.
    pub attempts: i32,
    /// The last answer's HTTP status.
    pub response_status: Option<i32>,
    /// How the last answer began.
    pub response_body: Option<String>,
    /// Why the last attempt failed.
    pub error_message: Option<String>,
    /// How long the last attempt took.
    pub duration_ms: Option<i64>,
    /// When it was last sent (UTC).
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// When it is sent again (UTC).
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When the endpoint took it (UTC).
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
