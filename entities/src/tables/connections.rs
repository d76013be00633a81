//! An app's or account's registration with a provider.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{ConnectionId, ConnectionStatus, TenantId};

/// A row of `connections`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "connections")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConnectionId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The provider's key.
    pub provider: String,
    /// What people call it.
    pub name: String,
    /// The provider's id of the app or account.
    pub account: Option<String>,
    /// What the app asks merchants for.
    pub scopes: Json,
    /// The version of the provider's API that is spoken; none is the program's own.
    pub api_version: Option<String>,
    /// Whether it takes deliveries.
    pub status: ConnectionStatus,
    /// What deliveries are signed with, sealed.
    pub webhook_secret_sealed: Option<Vec<u8>>,
    /// What they were signed with before, sealed.
    pub previous_webhook_secret_sealed: Option<Vec<u8>>,
    /// Until when that is accepted (UTC).
    pub previous_webhook_secret_until: Option<DateTime<Utc>>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
