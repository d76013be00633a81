//! Runs of syncs.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{StoreId, SyncKind, SyncPhase, SyncRunId, SyncStatus, TenantId};

/// A row of `sync_runs`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sync_runs")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SyncRunId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The store that the row belongs to.
    pub store_id: StoreId,
    /// What it brings.
    pub kind: SyncKind,
    /// The state.
    pub status: SyncStatus,
    /// What it is doing.
    pub phase: SyncPhase,
    /// Orders from then on; none for all.
    pub range_from: Option<DateTime<Utc>>,
    /// Orders before then; none for all.
    pub range_until: Option<DateTime<Utc>>,
    /// Whether what the merchant has put away is asked for too.
    pub archived: bool,
    /// Objects that the shop says there are, as far as is known.
    pub asked: i64,
    /// Objects that have come.
    pub received: i64,
    /// New rows.
    pub created: i64,
    /// Rows that were different.
    pub updated: i64,
    /// Rows that were the same, or known as of a later moment.
    pub unchanged: i64,
    /// Objects that the shop has no more.
    pub deleted: i64,
    /// Objects that could not be taken.
    pub rejected: i64,
    /// Failures in a row.
    pub failures: i32,
    /// What went wrong last.
    pub error_message: Option<String>,
    /// What is to be known beside: a list of code and message.
    pub warnings: Json,
    /// The first of what could not be taken.
    pub rejections: Json,
    /// When the shop was first asked, by the shop's clock (UTC).
    pub read_at: Option<DateTime<Utc>>,
    /// When it was asked for (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was begun (UTC).
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended (UTC).
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
