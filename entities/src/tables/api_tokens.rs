//! API tokens by hash.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{ApiTokenId, TenantId, TokenRole};

/// A row of `api_tokens`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_tokens")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiTokenId,
    /// The tenant that the row belongs to.
    pub tenant_id: Option<TenantId>,
    /// Name.
    pub name: String,
    /// Role.
    pub role: TokenRole,
    /// Scopes.
    pub scopes: Json,
    /// Prefix.
    pub prefix: String,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    /// Created by.
    pub created_by: String,
    /// When it ends (UTC).
    pub expires_at: Option<DateTime<Utc>>,
    /// When: last used (UTC).
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked (UTC).
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
