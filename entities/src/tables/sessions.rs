//! Signed-in devices.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};

use crate::{SessionId, UserId};

/// A row of `sessions`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// User id.
    pub user_id: UserId,
    /// Client.
    pub client: Option<String>,
    /// Address.
    pub address: Option<String>,
    /// When it was revoked (UTC).
    pub revoked_at: Option<DateTime<Utc>>,
    /// When: last used (UTC).
    pub last_used_at: DateTime<Utc>,
    /// When it ends (UTC).
    pub expires_at: DateTime<Utc>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
