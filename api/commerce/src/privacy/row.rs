//! The rows of privacy requests.

use chrono::{DateTime, Utc};
use entities::{PrivacyRequestId, PrivacyRequestKind, PrivacyRequestOutcome, PrivacyRequestStatus, StoreId, TenantId, WebhookEventId};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// What somebody asks about their data. The audit log must never be given one: until it is done it names a person.
    pub struct PrivacyRequestRow from privacy_requests {
        /// The row's id.
        id: PrivacyRequestId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The store that it is about.
        store_id: Option<StoreId> = StoreId,
        /// The delivery that it came by.
        webhook_event_id: Option<WebhookEventId> = WebhookEventId,
        /// The provider's key.
        provider: String = Provider,
        /// The shop's domain.
        shop_domain: String = ShopDomain,
        /// The provider's id of the request.
        provider_request_id: Option<String> = ProviderRequestId,
        /// What is asked.
        kind: PrivacyRequestKind = Kind,
        /// How far it is.
        status: PrivacyRequestStatus = Status,
        /// What came of it.
        outcome: Option<PrivacyRequestOutcome> = Outcome,
        /// The provider's id of the customer, until they are forgotten.
        external_customer_id: Option<String> = ExternalCustomerId,
        /// The provider's ids of orders, until they are forgotten.
        external_order_ids: Json = ExternalOrderIds,
        /// E-mail address and telephone number, until it is done.
        contact: Option<Json> = Contact,
        /// By what requests about one person are told.
        subject_digest: Option<String> = SubjectDigest,
        /// What was exported or erased: counts.
        evidence: Json = Evidence,
        /// Why it failed.
        error_message: Option<String> = ErrorMessage,
        /// The size of the bundle, unsealed; none when there is none.
        bundle_bytes: Option<i64> = BundleBytes,
        /// When the bundle was first fetched (UTC).
        bundle_fetched_at: Option<DateTime<Utc>> = BundleFetchedAt,
        /// When the bundle is to be deleted (UTC).
        bundle_deletion_at: Option<DateTime<Utc>> = BundleDeletionAt,
        /// When the provider asked (UTC).
        requested_at: DateTime<Utc> = RequestedAt,
        /// When it came in (UTC).
        received_at: DateTime<Utc> = ReceivedAt,
        /// Until when it has to be done (UTC).
        due_at: DateTime<Utc> = DueAt,
        /// When it was done (UTC).
        completed_at: Option<DateTime<Utc>> = CompletedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(PrivacyRequestRow in "privacy_requests", id id, store "store_id");
