//! The rows of customers.

use chrono::{DateTime, Utc};
use entities::{CustomerId, StoreId, TenantId};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// A buyer in a store.
    pub struct CustomerRow from customers {
        /// The row's id.
        id: CustomerId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The store that the row belongs to.
        store_id: StoreId = StoreId,
        /// The provider's id, unique in the store.
        external_id: String = ExternalId,
        /// First name.
        first_name: Option<String> = FirstName,
        /// Last name.
        last_name: Option<String> = LastName,
        /// Email.
        email: Option<String> = Email,
        /// Phone.
        phone: Option<String> = Phone,
        /// Company.
        company: Option<String> = Company,
        /// City.
        city: Option<String> = City,
        /// Province code.
        province_code: Option<String> = ProvinceCode,
        /// Country code.
        country_code: Option<String> = CountryCode,
        /// Address phone.
        address_phone: Option<String> = AddressPhone,
        /// Accepts email marketing.
        accepts_email_marketing: bool = AcceptsEmailMarketing,
        /// When: email marketing updated (UTC).
        email_marketing_updated_at: Option<DateTime<Utc>> = EmailMarketingUpdatedAt,
        /// Accepts sms marketing.
        accepts_sms_marketing: bool = AcceptsSmsMarketing,
        /// When: sms marketing updated (UTC).
        sms_marketing_updated_at: Option<DateTime<Utc>> = SmsMarketingUpdatedAt,
        /// Spent in total, in minor units.
        total_spent_minor: i64 = TotalSpentMinor,
        /// ISO 4217 code of the amounts.
        currency_code: String = CurrencyCode,
        /// Orders placed in total.
        total_orders: i64 = TotalOrders,
        /// Tax exempt.
        tax_exempt: bool = TaxExempt,
        /// Tags.
        tags: Json = Tags,
        /// Company store name.
        company_store_name: Option<String> = CompanyStoreName,
        /// Industry.
        industry: Option<String> = Industry,
        /// Segment.
        segment: Option<String> = Segment,
        /// Is active.
        is_active: bool = IsActive,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
        /// When Noren last wrote it (UTC).
        synced_at: DateTime<Utc> = SyncedAt,
    }
}

tenant_row!(CustomerRow in "customers", id id, store "store_id", imported true);
