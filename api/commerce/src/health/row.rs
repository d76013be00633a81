//! The rows of stores' health.

use chrono::{DateTime, Utc};
use entities::{StoreHealthStatus, StoreId, TenantId};
use platform::callers::actions::ReadStores;
use platform::db::SortValue;
use platform::reading::{Listed, SortKey};
use platform::{row, tenant_row};
use sea_orm::sea_query::SimpleExpr;

row! {
    /// Whether a store's shop answers.
    pub struct StoreHealthRow from store_health {
        /// The store.
        id: StoreId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// How it is.
        status: StoreHealthStatus = Status,
        /// Calls in a row that failed.
        consecutive_failures: i64 = ConsecutiveFailures,
        /// Why the last one did.
        error_message: Option<String> = ErrorMessage,
        /// How long the last answer took, in milliseconds.
        response_ms: Option<i64> = ResponseMs,
        /// When it was last called (UTC).
        checked_at: DateTime<Utc> = CheckedAt,
        /// When it last answered (UTC).
        healthy_at: Option<DateTime<Utc>> = HealthyAt,
        /// Since when it is unhealthy (UTC).
        unhealthy_since_at: Option<DateTime<Utc>> = UnhealthySinceAt,
    }
}

tenant_row!(StoreHealthRow in "store_health", id id, store "id");

/// Found by their stores, and not listed.
impl SortKey<StoreHealthRow> for () {
    fn column(self) -> &'static str {
        "checked_at"
    }

    fn value(self, row: &StoreHealthRow) -> SortValue {
        SortValue::At(row.checked_at)
    }
}

impl Listed for StoreHealthRow {
    type Read = ReadStores;
    type Filter = ();
    type Sort = ();
    const ACROSS_TENANTS: bool = false;

    fn conditions((): &()) -> Vec<SimpleExpr> {
        Vec::new()
    }
}
