//! What happened to the installation of an app; never changed.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{ConnectionId, InstallationAction, InstallationEventId, StoreId, TenantId};

/// A row of `installation_events`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "installation_events")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InstallationEventId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The store.
    pub store_id: StoreId,
    /// The app.
    pub connection_id: Option<ConnectionId>,
    /// What happened.
    pub action: InstallationAction,
    /// What was granted from then on.
    pub scopes: Option<Json>,
    /// What is to be known of it.
    pub message: Option<String>,
    /// When it happened (UTC).
    pub occurred_at: DateTime<Utc>,
    /// When it was written down (UTC).
    pub created_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
