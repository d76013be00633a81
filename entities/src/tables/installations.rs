//! How stores came by their tokens, and keep them.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Json, PrimaryKeyTrait};
use uuid::Uuid;

use crate::{ConnectionId, StoreId, TenantId};

/// A row of `installations`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "installations")]
pub struct Model {
    /// The store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StoreId,
    /// The tenant that the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// The app that was installed; none for a store that was connected with a token.
    pub connection_id: Option<ConnectionId>,
    /// What the app asks for and the merchant has not granted.
    pub missing_scopes: Json,
    /// Webhooks that the shop refuses, each with what it says.
    pub refused_topics: Json,
    /// As of when the scopes are known (UTC).
    pub scopes_at: Option<DateTime<Utc>>,
    /// What is traded for the next tokens, sealed.
    pub refresh_token_sealed: Option<Vec<u8>>,
    /// Until when the access token is good (UTC); none for one that lasts.
    pub access_token_expires_at: Option<DateTime<Utc>>,
    /// Until when the refresh token is good (UTC).
    pub refresh_token_expires_at: Option<DateTime<Utc>>,
    /// How often the tokens were replaced.
    pub generation: i64,
    /// Who renews the tokens.
    pub refresh_lease: Option<Uuid>,
    /// Until when nobody else does (UTC).
    pub refresh_lease_until: Option<DateTime<Utc>>,
    /// Since when the tokens are void (UTC).
    pub authorization_lost_at: Option<DateTime<Utc>>,
    /// When the store was set up (UTC).
    pub set_up_at: Option<DateTime<Utc>>,
    /// Why it is not, or not wholly.
    pub set_up_error: Option<String>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
