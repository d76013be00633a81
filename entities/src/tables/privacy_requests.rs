//! What people and shops ask about their data.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{PrivacyRequestId, PrivacyRequestKind, PrivacyRequestOutcome, PrivacyRequestStatus, StoreId, TenantId, WebhookEventId};

/// A row of `privacy_requests`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "privacy_requests")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PrivacyRequestId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The store that it is about; none when the tenant has none of this domain.
    pub store_id: Option<StoreId>,
    /// The delivery that it came by; none for what is due by our own schedule.
    pub webhook_event_id: Option<WebhookEventId>,
    /// The provider's key.
    pub provider: String,
    /// The shop's domain.
    pub shop_domain: String,
    /// The provider's id of the request.
    pub provider_request_id: Option<String>,
    /// What is asked.
    pub kind: PrivacyRequestKind,
    /// How far it is.
    pub status: PrivacyRequestStatus,
    /// What came of it.
    pub outcome: Option<PrivacyRequestOutcome>,
    /// The provider's id of the customer, until they are forgotten.
    pub external_customer_id: Option<String>,
    /// The provider's ids of orders, until they are forgotten.
    pub external_order_ids: Json,
    /// E-mail address and telephone number, until it is done.
    pub contact: Option<Json>,
    /// By what requests about one person are told.
    pub subject_digest: Option<String>,
    /// What was exported or erased: counts.
    pub evidence: Json,
    /// Why it failed.
    pub error_message: Option<String>,
    /// After how many days it was last warned of.
    pub warned_days: i32,
    /// What is kept of the customer, sealed.
    pub bundle_sealed: Option<Vec<u8>>,
    /// The size of that, unsealed.
    pub bundle_bytes: Option<i64>,
    /// When the bundle was first fetched (UTC).
    pub bundle_fetched_at: Option<DateTime<Utc>>,
    /// When the bundle is to be deleted (UTC).
    pub bundle_deletion_at: Option<DateTime<Utc>>,
    /// When the provider asked (UTC).
    pub requested_at: DateTime<Utc>,
    /// When it came in (UTC).
    pub received_at: DateTime<Utc>,
    /// Until when it has to be done (UTC).
    pub due_at: DateTime<Utc>,
    /// When it was done (UTC).
    pub completed_at: Option<DateTime<Utc>>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
