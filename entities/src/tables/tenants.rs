//! Organisations that use Noren.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};

use crate::{TenantId, TenantStatus};

/// A row of `tenants`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tenants")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TenantId,
    /// Company name.
    pub company_name: String,
    /// Company name key.
    pub company_name_key: String,
    /// What text search looks through, normalised.
    pub search_text: String,
    /// Contact email.
    pub contact_email: String,
    /// Contact phone.
    pub contact_phone: Option<String>,
    /// Billing address.
    pub billing_address: Option<String>,
    /// Billing email.
    pub billing_email: Option<String>,
    /// The state.
    pub status: TenantStatus,
    /// Suspension reason.
    pub suspension_reason: Option<String>,
    /// When: suspended (UTC).
    pub suspended_at: Option<DateTime<Utc>>,
    /// When: deleted (UTC).
    pub deleted_at: Option<DateTime<Utc>>,
    /// Time zone.
    pub time_zone: String,
    /// Locale.
    pub locale: String,
    /// When: last activity (UTC).
    pub last_activity_at: Option<DateTime<Utc>>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
