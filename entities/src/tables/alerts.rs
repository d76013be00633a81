//! What goes wrong.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};
use uuid::Uuid;

use crate::{AlertId, AlertSeverity, AlertStatus, StoreId, TenantId};

/// A row of `alerts`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "alerts")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AlertId,
    /// The tenant; none for what is above all of them.
    pub tenant_id: Option<TenantId>,
    /// The feed: the tenant's id, or nil.
    pub feed_id: Uuid,
    /// The store that it is about.
    pub store_id: Option<StoreId>,
    /// The store's id, or nil: what the fingerprint is unique among.
    pub about_id: Uuid,
    /// What kind of thing goes wrong.
    #[sea_orm(column_name = "type")]
    pub kind: String,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// Which part says so.
    pub source: String,
    /// What goes wrong, for people.
    pub message: String,
    /// What is known of it: a JSON object.
    pub data: Json,
    /// What makes two tellings the same alert.
    pub fingerprint: String,
    /// How far it is.
    pub status: AlertStatus,
    /// Times that it was seen.
    pub count: i64,
    /// How far it was escalated; 0 when not at all.
    pub escalation_level: i32,
    /// Until when nobody is told of it (UTC).
    pub silenced_until: Option<DateTime<Utc>>,
    /// The alert with the same fingerprint that was resolved before.
    pub previous_alert_id: Option<AlertId>,
    /// When it was first seen (UTC).
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen (UTC).
    pub last_seen_at: DateTime<Utc>,
    /// When somebody took it on (UTC).
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who did.
    pub acknowledged_by: Option<String>,
    /// What they said.
    pub acknowledgement_note: Option<String>,
    /// When it was over (UTC).
    pub resolved_at: Option<DateTime<Utc>>,
    /// Who said so.
    pub resolved_by: Option<String>,
    /// What they did about it.
    pub resolution_notes: Option<String>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
