//! What was done under which idempotency key.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};

use crate::TenantId;

/// A row of `idempotency_keys`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// The tenant that the caller was in; none for a platform administrator above all of them.
    pub tenant_id: Option<TenantId>,
    /// Caller.
    #[sea_orm(primary_key, auto_increment = false)]
    pub caller: String,
    /// Field.
    #[sea_orm(primary_key, auto_increment = false)]
    pub field: String,
    /// Idempotency key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub idempotency_key: String,
    /// Input hash.
    pub input_hash: Vec<u8>,
    /// Subject.
    pub subject: String,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
