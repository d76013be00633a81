//! Buyers in a store.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{CustomerId, ImportRunId, StoreId, TenantId};

/// A row of `customers`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customers")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CustomerId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The store that the row belongs to.
    pub store_id: StoreId,
    /// The provider's id, unique in the store.
    pub external_id: String,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Email.
    pub email: Option<String>,
    /// The e-mail normalised for comparison.
    pub email_key: Option<String>,
    /// Phone.
    pub phone: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Province code.
    pub province_code: Option<String>,
    /// Country code.
    pub country_code: Option<String>,
    /// Address phone.
    pub address_phone: Option<String>,
    /// Accepts email marketing.
    pub accepts_email_marketing: bool,
    /// When: email marketing updated (UTC).
    pub email_marketing_updated_at: Option<DateTime<Utc>>,
    /// Accepts sms marketing.
    pub accepts_sms_marketing: bool,
    /// When: sms marketing updated (UTC).
    pub sms_marketing_updated_at: Option<DateTime<Utc>>,
    /// Spent in total, in minor units.
    pub total_spent_minor: i64,
    /// ISO 4217 code of the amounts.
    pub currency_code: String,
    /// Orders placed in total.
    pub total_orders: i64,
    /// Tax exempt.
    pub tax_exempt: bool,
    /// Tags.
    pub tags: Json,
    /// Company store name.
    pub company_store_name: Option<String>,
    /// Industry.
    pub industry: Option<String>,
    /// Segment.
    pub segment: Option<String>,
    /// Is active.
    pub is_active: bool,
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
