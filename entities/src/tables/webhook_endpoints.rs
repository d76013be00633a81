//! Addresses that integrations are told at.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{TenantId, WebhookEndpointId, WebhookEndpointStatus};

/// A row of `webhook_endpoints`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoints")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookEndpointId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The address.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// The kinds of events that it is told of; all when empty.
    pub event_types: Json,
    /// Whether it is told.
    pub status: WebhookEndpointStatus,
    /// Why it is not.
    pub disabled_reason: Option<String>,
    /// What deliveries are signed with, sealed.
    pub secret_sealed: Vec<u8>,
    /// What they were signed with before, sealed.
    pub previous_secret_sealed: Option<Vec<u8>>,
    /// Until when they are signed with that as well (UTC).
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// Since when every attempt has failed (UTC).
    pub failing_since_at: Option<DateTime<Utc>>,
    /// When an attempt last succeeded (UTC).
    pub last_success_at: Option<DateTime<Utc>>,
    /// Who made it; none when that was before anybody wrote it down.
    pub created_by: Option<String>,
    /// The scopes of the API token that made it; none when administrators did.
    pub scopes: Option<Json>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
