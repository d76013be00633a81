//! Who is told of what, when.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};
use uuid::Uuid;

use crate::TenantId;

/// A row of `notification_settings`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notification_settings")]
pub struct Model {
    /// The feed: the tenant's id, or nil.
    #[sea_orm(primary_key, auto_increment = false)]
    pub feed_id: Uuid,
    /// The tenant; none for what is above all of them.
    pub tenant_id: Option<TenantId>,
    /// Which ways a severity takes: a JSON list; none for the ones that hold when nobody says so.
    pub rules: Option<Json>,
    /// From when on it is quiet, in minutes after midnight.
    pub quiet_from: Option<i32>,
    /// Until when, in minutes after midnight.
    pub quiet_to: Option<i32>,
    /// The time zone of both; none for the tenant's.
    pub quiet_time_zone: Option<String>,
    /// Who is told when nobody looks after an alert: a JSON list of levels.
    pub escalation: Json,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
