//! People who sign in.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait};

use crate::{UserId, UserStatus};

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// Email.
    pub email: String,
    /// The e-mail normalised for comparison.
    pub email_key: String,
    /// Name.
    pub name: Option<String>,
    /// Password hash.
    pub password_hash: Option<String>,
    /// The state.
    pub status: UserStatus,
    /// Platform admin.
    pub platform_admin: bool,
    /// Locale.
    pub locale: Option<String>,
    /// When: last sign in (UTC).
    pub last_sign_in_at: Option<DateTime<Utc>>,
    /// When it came to be (UTC).
    pub created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Relations are planned from the selection, not from the entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
