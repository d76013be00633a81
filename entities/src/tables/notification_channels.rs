//! Ways to reach people.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};
use uuid::Uuid;

use crate::{NotificationChannelId, NotificationChannelKind, NotificationChannelStatus, TenantId};

/// A row of `notification_channels`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notification_channels")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NotificationChannelId,
    /// The tenant; none for what is above all of them.
    pub tenant_id: Option<TenantId>,
    /// The feed: the tenant's id, or nil.
    pub feed_id: Uuid,
    /// How it reaches people.
    pub kind: NotificationChannelKind,
    /// What people call it.
    pub name: String,
    /// Whether it is used.
    pub status: NotificationChannelStatus,
    /// Mail addresses or telephone numbers: a JSON list.
    pub recipients: Json,
    /// The address of a webhook, sealed.
    pub url_sealed: Option<Vec<u8>>,
    /// What may be shown of it: its host and its end.
    pub url_hint: Option<String>,
    /// When the next message may be sent, where one was sent just now (UTC).
    pub next_slot_at: Option<DateTime<Utc>>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
