//! What providers delivered.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{ConnectionId, StoreId, TenantId, WebhookEventId, WebhookEventStatus};

/// A row of `webhook_events`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_events")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookEventId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The connection that it came by.
    pub connection_id: ConnectionId,
    /// The store that it is about.
    pub store_id: Option<StoreId>,
    /// The provider's key.
    pub provider: String,
    /// What it tells of.
    pub topic: String,
    /// The account that it names, such as a shop's domain.
    pub account: Option<String>,
    /// The provider's id of the delivery: it is stored once.
    pub event_id: String,
    /// The provider's id of what happened.
    pub provider_event_id: Option<String>,
    /// The version of the provider's API.
    pub api_version: Option<String>,
    /// The provider's headers, without the signature.
    pub headers: Json,
    /// The raw body; gone after a while.
    pub payload: Option<Vec<u8>>,
    /// The size of the body.
    pub payload_bytes: i64,
    /// How far it is.
    pub status: WebhookEventStatus,
    /// Times that it was worked on.
    pub attempts: i32,
    /// Why it failed.
    pub error_message: Option<String>,
    /// When it happened, as the provider says (UTC).
    pub triggered_at: Option<DateTime<Utc>>,
    /// When it came in (UTC).
    pub received_at: DateTime<Utc>,
    /// When it was worked on (UTC).
    pub processed_at: Option<DateTime<Utc>>,
    /// When the body is to be deleted (UTC).
    pub payload_deletion_at: Option<DateTime<Utc>>,
    /// When the body was deleted (UTC).
    pub payload_deleted_at: Option<DateTime<Utc>>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
