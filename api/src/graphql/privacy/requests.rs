//! Privacy requests.

use async_graphql::{ID, InputObject, Json, Result};
use chrono::{DateTime, Utc};
use commerce::privacy::{PrivacyRequestRow, PrivacyRequestSort};
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::OpCtx;
use platform::db::Parent;

use crate::graphql::commerce::Store;
use crate::graphql::enums::{PrivacyRequestKind, PrivacyRequestOutcome, PrivacyRequestStatus};
use crate::graphql::input::{DateTimeRange, ids, order_input};
use crate::graphql::objects::{IntoFilter, Planned, Slot, object, referred};
use crate::graphql::selection::Selected;

object! {
    /// What a customer or a shop asks about their data (`GDPRComplianceLog` of seed 004). It is done by itself; there are 30 days for it
    /// (Shopify's compliance topics), and an alert PrivacyRequestDue when it is not done after 20 (HIGH) and after 28 (CRITICAL). The record
    /// stays; who it was about does not.
    PrivacyRequest(PrivacyRequestRow) {
        /// Opaque id, `privacyrequest_…`.
        id: ID = |row| row.id.to_string().into();
        /// What is asked.
        kind: PrivacyRequestKind = |row| row.kind.into();
        /// How far it is.
        status: PrivacyRequestStatus = |row| row.status.into();
        /// What came of it; null until it is COMPLETED.
        outcome: Option<PrivacyRequestOutcome> = |row| row.outcome.map(Into::into);
        /// The provider, such as `shopify`.
        provider: String = |row| row.provider.clone();
        /// The domain of the shop, as the request names it; the tenant may have no such store.
        shop_domain: String = |row| row.shop_domain.clone();
        /// The provider's id of the request (Shopify's `data_request.id`); null where it has none.
        provider_request_id: Option<String> = |row| row.provider_request_id.clone();
        /// The provider's id of the customer: for whom an answer is. Null when it is about a shop, and as soon as the customer is
        /// forgotten.
        external_customer_id: Option<String> = |row| row.external_customer_id.clone();
        /// What was exported or erased so far: a JSON object of counts by what was touched, such as `{"customers": 1, "orders": 2}`. It
        /// names nobody.
        evidence: Json<serde_json::Value> = |row| Json(row.evidence.clone());
        /// Why it is FAILED.
        error_message: Option<String> = |row| row.error_message.clone();
        /// The size of what `privacyRequestExport` gives, in bytes; null when there is nothing to fetch (any more).
        bundle_bytes: Option<i64> = |row| row.bundle_bytes;
        /// When that was first fetched (UTC).
        bundle_fetched_at: Option<DateTime<Utc>> = |row| row.bundle_fetched_at;
        /// When that is deleted (UTC): 30 days after it was put together, or a day after it was first fetched.
        bundle_deletion_at: Option<DateTime<Utc>> = |row| row.bundle_deletion_at;
        /// When the provider asked (UTC), as it says.
        requested_at: DateTime<Utc> = |row| row.requested_at;
        /// When it came in (UTC).
        received_at: DateTime<Utc> = |row| row.received_at;
        /// Until when it has to be done (UTC): 30 days after it came in.
        due_at: DateTime<Utc> = |row| row.due_at;
        /// When it was done (UTC).
        completed_at: Option<DateTime<Utc>> = |row| row.completed_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The store that it is about; null when the tenant has none of this domain.
        store: Store;
    }
}

/// Which privacy requests: everything that is given must hold.
#[derive(InputObject)]
pub struct PrivacyRequestFilter {
    /// About this store.
    store_id: Option<ID>,
    /// Of this kind.
    kind: Option<PrivacyRequestKind>,
    /// In this state.
    status: Option<PrivacyRequestStatus>,
    /// That have to be done before this instant (UTC).
    due_before: Option<DateTime<Utc>>,
}

impl IntoFilter<commerce::privacy::PrivacyRequestFilter> for PrivacyRequestFilter {
    fn into_filter(self) -> Result<commerce::privacy::PrivacyRequestFilter> {
        let due = self.due_before.map(|before| DateTimeRange::before(before).read()).transpose()?;
        Ok(commerce::privacy::PrivacyRequestFilter {
            store_ids: ids(self.store_id.map(|id| vec![id]))?,
            kinds: self.kind.map(|kind| vec![kind.into()]),
            statuses: self.status.map(|status| vec![status.into()]),
            due_before: due.and_then(|range| range.before),
        })
    }
}

order_input! {
    /// The order of a list of privacy requests. Without it: the newest first.
    PrivacyRequestOrder by
    /// What privacy requests are sorted by.
    PrivacyRequestSortKey for PrivacyRequestSort {
        /// When they came in.
        ReceivedAt,
        /// Until when they have to be done.
        DueAt,
    }
    default ReceivedAt Desc
}

impl Planned for PrivacyRequest {
    type Row = PrivacyRequestRow;
    type FilterInput = PrivacyRequestFilter;
    type OrderInput = PrivacyRequestOrder;
    const NAME: &'static str = "PrivacyRequest";

    fn bare(row: PrivacyRequestRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &PrivacyRequestRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, requests: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "store") {
                let refs = requests.iter().filter_map(|request| Some(Parent { tenant: request.row.tenant_id, id: request.row.store_id?.uuid() }));
                let stores = referred::<Store>(ctx, refs, &selected).await?;
                for request in requests.iter_mut() {
                    request.store = match request.row.store_id {
                        Some(store) => stores.map(|found| found.get(&store.uuid()).cloned()),
                        None => Slot::Loaded(None),
                    };
                }
            }
            Ok(())
        }
        .boxed()
    }
}
