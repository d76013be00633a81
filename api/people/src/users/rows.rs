//! Users and memberships as plain rows.

use chrono::{DateTime, Utc};
use entities::{MembershipId, MembershipRole, StoreId, TenantId, UserId, UserStatus};
use platform::db::{Cursor, SortValue};

platform::row! {
    /// A user, as far as others may see.
    pub struct UserRow from users {
        /// The id.
        id: UserId = Id,
        /// The e-mail address, as it was written.
        email: String = Email,
        /// The name.
        name: Option<String> = Name,
        /// The state of the account.
        status: UserStatus = Status,
        /// Whether the user runs Noren itself.
        platform_admin: bool = PlatformAdmin,
        /// The user's language.
        locale: Option<String> = Locale,
        /// When the user last signed in with a password.
        last_sign_in_at: Option<DateTime<Utc>> = LastSignInAt,
        /// When the user came to be.
        created_at: DateTime<Utc> = CreatedAt,
        /// When the user was last changed.
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

platform::row! {
    /// A user's place in a tenant.
    pub struct MembershipRow from tenant_memberships {
        /// The id.
        id: MembershipId = Id,
        /// The tenant.
        tenant: TenantId = TenantId,
        /// The user.
        user: UserId = UserId,
        /// What the user is there.
        role: MembershipRole = Role,
        /// Whether the user works in all stores.
        all_stores: bool = AllStores,
        /// When the invitation was accepted; until then the membership gives no rights.
        accepted_at: Option<DateTime<Utc>> = AcceptedAt,
        /// When the user was shut out of the tenant.
        disabled_at: Option<DateTime<Utc>> = DisabledAt,
        /// When it came to be.
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed.
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

/// A membership with the stores that it is limited to.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Membership {
    /// The membership.
    #[serde(flatten)]
    pub row: MembershipRow,
    /// The stores; none means all.
    pub stores: Option<Vec<StoreId>>,
}

/// A user in a tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The user.
    pub user: UserRow,
    /// The place in the tenant.
    pub membership: Membership,
}

impl Member {
    /// The member's place in a list.
    pub fn cursor(&self, sort: UserSort) -> Cursor {
        let value = match sort {
            UserSort::CreatedAt => SortValue::At(self.membership.row.created_at),
        };
        Cursor::new(sort.as_str(), value, self.membership.row.id.uuid())
    }
}

/// What a list of users is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserSort {
    /// When the user was invited into the tenant.
    CreatedAt,
}

impl UserSort {
    /// The spelling in cursors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "CREATED_AT",
        }
    }
}

impl UserRow {
    /// What a tenant may know of somebody who has not accepted: nothing that another tenant's user would have told.
    pub(super) fn unaccepted(self) -> Self {
        match self.status {
            UserStatus::Invited => self,
            UserStatus::Active | UserStatus::Disabled => {
                Self { name: None, status: UserStatus::Invited, platform_admin: false, locale: None, last_sign_in_at: None, ..self }
            }
        }
    }
}
