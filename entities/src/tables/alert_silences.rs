//! Alerts that nobody wants to hear of for a while.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};
use uuid::Uuid;

use crate::{AlertSeverity, AlertSilenceId, StoreId, TenantId};

/// A row of `alert_silences`. Of the columns that match, those that are not null must all be equal.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_silences")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AlertSilenceId,
    /// The tenant; none for what is above all of them.
    pub tenant_id: Option<TenantId>,
    /// The feed: the tenant's id, or nil.
    pub feed_id: Uuid,
    /// Alerts about this store.
    pub store_id: Option<StoreId>,
    /// Alerts of this type.
    #[sea_orm(column_name = "type")]
    pub kind: Option<String>,
    /// Alerts of this severity.
    pub severity: Option<AlertSeverity>,
    /// Alerts from this source.
    pub source: Option<String>,
    /// Alerts with this fingerprint.
    pub fingerprint: Option<String>,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub created_by: String,
    /// From when (UTC).
    pub starts_at: DateTime<Utc>,
    /// Until when (UTC).
    pub ends_at: DateTime<Utc>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
