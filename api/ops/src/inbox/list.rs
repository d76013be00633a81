//! What deliveries are listed by.

use entities::{ConnectionId, StoreId, WebhookEventStatus};
use platform::callers::actions::ReadConnections;
use platform::db::SortValue;
use platform::filter::{Conditions, TimeRange};
use platform::reading::{Listed, SortKey};
use sea_orm::sea_query::SimpleExpr;

use super::row::{WebhookEventContentRow, WebhookEventRow};

/// What deliveries are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct WebhookEventFilter {
    /// About one of these stores.
    pub store_ids: Option<Vec<StoreId>>,
    /// By one of these connections.
    pub connection_ids: Option<Vec<ConnectionId>>,
    /// Of one of these providers.
    pub providers: Option<Vec<String>>,
    /// With one of these topics.
    pub topics: Option<Vec<String>>,
    /// In one of these states.
    pub statuses: Option<Vec<WebhookEventStatus>>,
    /// That came in within this span.
    pub received_at: Option<TimeRange>,
}

/// What deliveries are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEventSort {
    /// When they came in.
    ReceivedAt,
}

impl SortKey<WebhookEventRow> for WebhookEventSort {
    fn column(self) -> &'static str {
        match self {
            Self::ReceivedAt => "received_at",
        }
    }

    fn value(self, row: &WebhookEventRow) -> SortValue {
        match self {
            Self::ReceivedAt => SortValue::At(row.received_at),
        }
    }
}

impl Listed for WebhookEventRow {
    type Read = ReadConnections;
    type Filter = WebhookEventFilter;
    type Sort = WebhookEventSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions(filter: &WebhookEventFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("webhook_events");
        conditions
            .one_of("store_id", filter.store_ids.as_deref())
            .one_of("connection_id", filter.connection_ids.as_deref())
            .one_of("provider", filter.providers.as_deref())
            .one_of("topic", filter.topics.as_deref())
            .one_of("status", filter.statuses.as_deref())
            .within("received_at", filter.received_at);
        conditions.into_vec()
    }
}

/// Contents are found by their delivery and are not listed.
impl SortKey<WebhookEventContentRow> for () {
    fn column(self) -> &'static str {
        "received_at"
    }

    fn value(self, row: &WebhookEventContentRow) -> SortValue {
        SortValue::Text(row.id.to_string())
    }
}

impl Listed for WebhookEventContentRow {
    type Read = ReadConnections;
    type Filter = ();
    type Sort = ();
    const ACROSS_TENANTS: bool = false;

    fn conditions((): &()) -> Vec<SimpleExpr> {
        Vec::new()
    }
}
