//! Invitations and password resets, good for one use.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};

use crate::{LinkId, LinkKind, TenantId, UserId};

/// A row of `one_time_links`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "one_time_links")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LinkId,
    /// Kind.
    pub kind: LinkKind,
    /// User id.
    pub user_id: UserId,
    /// The tenant that the row belongs to.
    pub tenant_id: Option<TenantId>,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    /// When it was used (UTC).
    pub used_at: Option<DateTime<Utc>>,
    /// When it ends (UTC).
    pub expires_at: DateTime<Utc>,
    /// Created by.
    pub created_by: String,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
