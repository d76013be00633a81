//! Orders in a store.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};

use crate::{CustomerId, FinancialStatus, FulfillmentStatus, ImportRunId, OrderId, OrderStatus, StoreId, TenantId};

/// A row of `orders`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The store that the row belongs to.
    pub store_id: StoreId,
    /// Customer id.
    pub customer_id: Option<CustomerId>,
    /// The provider's id, unique in the store.
    pub external_id: String,
    /// The provider's customer id.
    pub external_customer_id: Option<String>,
    /// Number.
    pub number: String,
    /// Email.
    pub email: Option<String>,
    /// The e-mail normalised for comparison.
    pub email_key: Option<String>,
    /// Total price, in minor units.
    pub total_price_minor: i64,
    /// Subtotal price, in minor units.
    pub subtotal_price_minor: Option<i64>,
    /// Tax price, in minor units.
    pub tax_price_minor: Option<i64>,
    /// ISO 4217 code of the amounts.
    pub currency_code: String,
    /// The state.
    pub status: OrderStatus,
    /// Financial status.
    pub financial_status: Option<FinancialStatus>,
    /// Fulfillment status.
    pub fulfillment_status: Option<FulfillmentStatus>,
    /// Test.
    pub test: bool,
    /// What text search looks through, normalised.
    pub search_text: String,
    /// When: processed (UTC).
    pub processed_at: DateTime<Utc>,
    /// When: cancelled (UTC).
    pub cancelled_at: Option<DateTime<Utc>>,
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
