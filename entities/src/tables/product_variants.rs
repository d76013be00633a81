//! Variants of a product.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{ImportRunId, ProductId, ProductVariantId, StoreId, TenantId};

/// A row of `product_variants`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "product_variants")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProductVariantId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The store that the row belongs to.
    pub store_id: StoreId,
    /// Product id.
    pub product_id: ProductId,
    /// The provider's id, unique in the store.
    pub external_id: String,
    /// Title.
    pub title: Option<String>,
    /// Sku.
    pub sku: Option<String>,
    /// Price, in minor units.
    pub price_minor: i64,
    /// Compare at price, in minor units.
    pub compare_at_price_minor: Option<i64>,
    /// ISO 4217 code of the amounts.
    pub currency_code: String,
    /// Inventory quantity.
    pub inventory_quantity: i64,
    /// Options.
    pub options: Json,
    /// Barcode.
    pub barcode: Option<String>,
    /// Weight, in thousandths of its unit.
    pub weight_thousandths: Option<i64>,
    /// Weight unit.
    pub weight_unit: Option<String>,
    /// Requires shipping.
    pub requires_shipping: bool,
    /// Taxable.
    pub taxable: bool,
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
