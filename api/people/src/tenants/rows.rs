//! Tenants as plain rows.

use chrono::{DateTime, Utc};
use entities::{TenantId, TenantStatus};
use platform::db::{Cursor, SortValue};

platform::row! {
    /// A tenant.
    pub struct TenantRow from tenants {
        /// The id.
        id: TenantId = Id,
        /// The company's name.
        company_name: String = CompanyName,
        /// The company's name as lists sort it.
        company_name_key: String = CompanyNameKey,
        /// Whom to write to.
        contact_email: String = ContactEmail,
        /// Whom to call.
        contact_phone: Option<String> = ContactPhone,
        /// Where bills go.
        billing_address: Option<String> = BillingAddress,
        /// Whom to send bills to, when it is not the contact.
        billing_email: Option<String> = BillingEmail,
        /// The state.
        status: TenantStatus = Status,
        /// Why it is suspended.
        suspension_reason: Option<String> = SuspensionReason,
        /// When it was suspended.
        suspended_at: Option<DateTime<Utc>> = SuspendedAt,
        /// When it was deleted.
        deleted_at: Option<DateTime<Utc>> = DeletedAt,
        /// The IANA time zone of its billing months.
        time_zone: String = TimeZone,
        /// Its language, `ja` or `en`.
        locale: String = Locale,
        /// When one of its callers last did anything, to the minute.
        last_activity_at: Option<DateTime<Utc>> = LastActivityAt,
        /// When it came to be.
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed.
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

impl TenantRow {
    /// The tenant's place in a list.
    pub fn cursor(&self, sort: TenantSort) -> Cursor {
        let value = match sort {
            TenantSort::CreatedAt => SortValue::At(self.created_at),
            TenantSort::CompanyName => SortValue::Text(self.company_name_key.clone()),
        };
        Cursor::new(sort.as_str(), value, self.id.uuid())
    }
}

/// What a list of tenants is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantSort {
    /// When the tenant came to be.
    CreatedAt,
    /// The company's name, without regard to case and width.
    CompanyName,
}

impl TenantSort {
    /// The spelling in cursors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "CREATED_AT",
            Self::CompanyName => "COMPANY_NAME",
        }
    }
}

/// Which tenants a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantFilter {
    /// In one of these states; none means all but the deleted ones.
    pub statuses: Option<Vec<TenantStatus>>,
    /// With all these words in the company's name or the contact's e-mail address.
    pub text: Option<String>,
}

/// What a list of tenants tells of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSummary {
    /// The tenant.
    pub tenant: TenantId,
    /// Its stores.
    pub total_stores: u64,
    /// Those that are connected.
    pub active_stores: u64,
    /// When one of its callers last did anything.
    pub last_activity_at: Option<DateTime<Utc>>,
}
