//! Products of a store.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};

use crate::{ImportRunId, ProductId, StoreId, TenantId};

/// A row of `products`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "products")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProductId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The store that the row belongs to.
    pub store_id: StoreId,
    /// The provider's id, unique in the store.
    pub external_id: String,
    /// Title.
    pub title: String,
    /// Title key.
    pub title_key: String,
    /// Handle.
    pub handle: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Category.
    pub category: Option<String>,
    /// Vendor.
    pub vendor: Option<String>,
    /// Product type.
    pub product_type: Option<String>,
    /// Inventory quantity.
    pub inventory_quantity: i64,
    /// What text search looks through, normalised.
    pub search_text: String,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
    /// When Noren last wrote it (UTC).
    pub synced_at: DateTime<Utc>,
    /// The import that has not shown this row yet (SQLite only).
    pub pending_import_id: Option<ImportRunId>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
