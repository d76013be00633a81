//! What people are told.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};
use uuid::Uuid;

use crate::{AlertId, AlertSeverity, EventId, NotificationChannelId, NotificationId, NotificationKind, NotificationStatus, StoreId, TenantId};

/// A row of `notifications`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notifications")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NotificationId,
    /// The tenant; none for what is above all of them.
    pub tenant_id: Option<TenantId>,
    /// The feed: the tenant's id, or nil.
    pub feed_id: Uuid,
    /// The event that it tells of; its own for tests and digests.
    pub event_id: EventId,
    /// The channel.
    pub channel_id: NotificationChannelId,
    /// The alert.
    pub alert_id: Option<AlertId>,
    /// The store that the alert is about.
    pub store_id: Option<StoreId>,
    /// What it tells.
    pub kind: NotificationKind,
    /// The level of escalation; 0 for none. Of digests, 1 for those of quiet hours.
    pub level: i32,
    /// How bad the alert was.
    pub severity: Option<AlertSeverity>,
    /// The telephone number; empty where one message goes to the whole channel.
    pub recipient: String,
    /// The mail addresses that have not got it yet, where others have: a JSON list.
    pub remaining: Option<Json>,
    /// Recipients that did not take it for good, each with the reason.
    pub refused: Option<Json>,
    /// How far it is.
    pub status: NotificationStatus,
    /// Times that it was sent.
    pub attempts: i32,
    /// Attempts of which nobody knows whether they arrived.
    pub unknown_attempts: i32,
    /// What went wrong.
    pub error_message: Option<String>,
    /// What the provider calls it.
    pub provider_message_id: Option<String>,
    /// The digest that it went into.
    pub digest_id: Option<NotificationId>,
    /// The time that it was given for its first attempt (UTC).
    pub slot_at: Option<DateTime<Utc>>,
    /// When it is sent next (UTC).
    pub due_at: Option<DateTime<Utc>>,
    /// When it was last sent (UTC).
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// When the provider took it (UTC).
    pub sent_at: Option<DateTime<Utc>>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
