//! The rows of usage.

use chrono::{DateTime, Utc};
use entities::{StoreId, TenantId, UsageMetric};
use platform::row;

row! {
    /// How much of one thing was used on one day.
    pub struct UsageDayRow from usage_days {
        /// The tenant.
        tenant_id: TenantId = TenantId,
        /// The store; nil for what belongs to none.
        store_id: StoreId = StoreId,
        /// The day in the tenant's time zone, `YYYY-MM-DD`.
        day: String = Day,
        /// What is counted.
        metric: UsageMetric = Metric,
        /// How much.
        amount: i64 = Amount,
        /// When it was last counted (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}
