//! Lines of an order, with the product as it was when ordered.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{ImportRunId, OrderId, OrderItemId, StoreId, TenantId};

/// A row of `order_items`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "order_items")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderItemId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The store that the row belongs to.
    pub store_id: StoreId,
    /// Order id.
    pub order_id: OrderId,
    /// The provider's id, unique in the store.
    pub external_id: String,
    /// The provider's product id.
    pub external_product_id: Option<String>,
    /// The provider's variant id.
    pub external_variant_id: Option<String>,
    /// What the lines of an order are sorted by: ascending, with gaps.
    pub position: i64,
    /// Product title.
    pub product_title: String,
    /// Product handle.
    pub product_handle: Option<String>,
    /// Product vendor.
    pub product_vendor: Option<String>,
    /// Product type.
    pub product_type: Option<String>,
    /// Sku.
    pub sku: Option<String>,
    /// Variant title.
    pub variant_title: Option<String>,
    /// Price, in minor units.
    pub price_minor: i64,
    /// Compare at price, in minor units.
    pub compare_at_price_minor: Option<i64>,
    /// Quantity.
    pub quantity: i64,
    /// Total price, in minor units.
    pub total_price_minor: i64,
    /// ISO 4217 code of the amounts.
    pub currency_code: String,
    /// Options.
    pub options: Json,
    /// Requires shipping.
    pub requires_shipping: bool,
    /// Taxable.
    pub taxable: bool,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
    /// The import that has not shown this row yet (SQLite only).
    pub pending_import_id: Option<ImportRunId>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
