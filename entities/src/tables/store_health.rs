//! Whether stores' shops answer.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};

use crate::{StoreHealthStatus, StoreId, TenantId};

/// A row of `store_health`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "store_health")]
pub struct Model {
    /// The store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StoreId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// How it is.
    pub status: StoreHealthStatus,
    /// Calls in a row that failed.
    pub consecutive_failures: i64,
    /// Why the last one did.
    pub error_message: Option<String>,
    /// How long the last answer took, in milliseconds.
    pub response_ms: Option<i64>,
    /// When it was last called (UTC).
    pub checked_at: DateTime<Utc>,
    /// When it last answered (UTC).
    pub healthy_at: Option<DateTime<Utc>>,
    /// Since when it is unhealthy (UTC).
    pub unhealthy_since_at: Option<DateTime<Utc>>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
