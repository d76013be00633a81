//! Runs of imports.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{ImportRunId, ImportStatus, StoreId, TenantId};

/// A row of `import_runs`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "import_runs")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ImportRunId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The store that the row belongs to.
    pub store_id: StoreId,
    /// Provider.
    pub provider: String,
    /// Source.
    pub source: String,
    /// The state.
    pub status: ImportStatus,
    /// Keep going.
    pub keep_going: bool,
    /// Lease until.
    pub lease_until: DateTime<Utc>,
    /// Receipt.
    pub receipt: Option<Json>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When: finished (UTC).
    pub finished_at: Option<DateTime<Utc>>,
    /// Whether its staged rows are gone.
    pub cleaned: bool,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
