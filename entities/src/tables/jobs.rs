//! Work to be done.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};
use uuid::Uuid;

use crate::{JobId, JobStatus, TenantId};

/// A row of `jobs`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    /// The tenant; none for what belongs to none.
    pub tenant_id: Option<TenantId>,
    /// Queue.
    pub queue: String,
    /// Among whom it waits for its turn.
    pub lane: String,
    /// Kind of work.
    pub kind: String,
    /// What it is the only one for.
    pub unique_key: Option<String>,
    /// What the work is about: ids.
    pub payload: Json,
    /// How far it is.
    pub status: JobStatus,
    /// Times that it was begun.
    pub attempts: i32,
    /// Times that it may be begun.
    pub max_attempts: i32,
    /// Who works on it.
    pub lease: Option<Uuid>,
    /// Until when they do (UTC).
    pub lease_until: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it is due (UTC).
    pub run_at: DateTime<Utc>,
    /// When it was last begun (UTC).
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended for good (UTC).
    pub finished_at: Option<DateTime<Utc>>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
