//! What happened.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};
use uuid::Uuid;

use crate::{EventId, StoreId, TenantId};

/// A row of `events`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    /// The order in which rows were written.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// The row's id.
    pub id: EventId,
    /// The tenant; none for what belongs to none.
    pub tenant_id: Option<TenantId>,
    /// The tenant's id, or nil for the platform's feed.
    pub feed_id: Uuid,
    /// The store that it is about.
    pub store_id: Option<StoreId>,
    /// Name, as in the catalogue.
    pub name: String,
    /// Version of the data.
    pub version: i32,
    /// The id of what it happened to.
    pub subject: Option<String>,
    /// The data: a JSON object.
    pub data: String,
    /// Who caused it.
    pub actor: String,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// When it happened (UTC).
    pub occurred_at: DateTime<Utc>,
    /// Its place in the feed.
    pub position: Option<i64>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
