//! Shops of a tenant.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};

use crate::{StoreDataKind, StoreId, StoreStatus, TenantId};

/// A row of `stores`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stores")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StoreId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// Provider.
    pub provider: String,
    /// Name.
    pub name: String,
    /// Name key.
    pub name_key: String,
    /// Domain.
    pub domain: String,
    /// The provider's shop id.
    pub external_shop_id: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Data kind.
    pub data_kind: StoreDataKind,
    /// The state.
    pub status: StoreStatus,
    /// Settings.
    pub settings: Json,
    /// Settings of the app as it is embedded in the shop.
    pub embedded_settings: Json,
    /// Api key.
    pub api_key: Option<String>,
    /// Api secret, sealed.
    pub api_secret_sealed: Option<Vec<u8>>,
    /// Access token, sealed.
    pub access_token_sealed: Option<Vec<u8>>,
    /// Scopes.
    pub scopes: Json,
    /// Time zone.
    pub time_zone: String,
    /// ISO 4217 code of the amounts.
    pub currency_code: String,
    /// What text search looks through, normalised.
    pub search_text: String,
    /// Initial setup completed.
    pub initial_setup_completed: bool,
    /// When: last sync (UTC).
    pub last_sync_at: Option<DateTime<Utc>>,
    /// Since when it is paused (UTC).
    pub paused_at: Option<DateTime<Utc>>,
    /// When: installed (UTC).
    pub installed_at: Option<DateTime<Utc>>,
    /// When: uninstalled (UTC).
    pub uninstalled_at: Option<DateTime<Utc>>,
    /// When: data deletion scheduled (UTC).
    pub data_deletion_scheduled_at: Option<DateTime<Utc>>,
    /// When: data deletion completed (UTC).
    pub data_deletion_completed_at: Option<DateTime<Utc>>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
