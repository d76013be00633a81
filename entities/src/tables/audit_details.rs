//! Entries of the audit log: the part that can be erased.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};

use crate::{AuditEventId, TenantId};

/// A row of `audit_details`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_details")]
pub struct Model {
    /// The entry.
    #[sea_orm(primary_key, auto_increment = false)]
    pub audit_id: AuditEventId,
    /// The tenant; none for what belongs to none.
    pub tenant_id: Option<TenantId>,
    /// The salt of its digest; gone with the detail.
    pub salt: Option<Vec<u8>>,
    /// Before, after, address, user agent: a JSON object.
    pub detail: Option<String>,
    /// When it was erased (UTC).
    pub erased_at: Option<DateTime<Utc>>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
