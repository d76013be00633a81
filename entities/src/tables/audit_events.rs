//! Entries of the audit log: the part that is chained.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};
use uuid::Uuid;

use crate::{ActorKind, AuditEventId, AuditOutcome, TenantId};

/// A row of `audit_events`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    /// The order in which rows were written.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// The row's id.
    pub id: AuditEventId,
    /// The tenant; none for what belongs to none.
    pub tenant_id: Option<TenantId>,
    /// The tenant's id, or nil for the platform's chain.
    pub chain_id: Uuid,
    /// What kind of caller did it.
    pub actor_kind: ActorKind,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// The id of what it was done to.
    pub subject: Option<String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The request.
    pub request_id: Option<String>,
    /// Salted SHA-256 of the detail.
    pub detail_digest: Vec<u8>,
    /// When (UTC).
    pub occurred_at: DateTime<Utc>,
    /// Its place in the chain.
    pub position: Option<i64>,
    /// What chains it to the one before.
    pub seal: Option<Vec<u8>>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
