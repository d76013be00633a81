//! What endpoints and deliveries are listed by.

use entities::{EventType, WebhookDeliveryStatus, WebhookEndpointId, WebhookEndpointStatus};
use platform::callers::actions::ReadWebhooks;
use platform::db::SortValue;
use platform::filter::{Conditions, TimeRange};
use platform::reading::{Listed, SortKey};
use sea_orm::sea_query::SimpleExpr;

use super::row::{WebhookDeliveryRow, WebhookEndpointRow};

/// What endpoints are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct WebhookEndpointFilter {
    /// In one of these states.
    pub statuses: Option<Vec<WebhookEndpointStatus>>,
}

/// What deliveries are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct WebhookDeliveryFilter {
    /// To one of these endpoints.
    pub endpoint_ids: Option<Vec<WebhookEndpointId>>,
    /// Of events of one of these kinds.
    pub event_types: Option<Vec<EventType>>,
    /// In one of these states.
    pub statuses: Option<Vec<WebhookDeliveryStatus>>,
    /// That came to be in this span.
    pub created_at: Option<TimeRange>,
}

/// What endpoints are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEndpointSort {
    /// When they came to be.
    CreatedAt,
}

/// What deliveries are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookDeliverySort {
    /// When they came to be.
    CreatedAt,
}

impl SortKey<WebhookEndpointRow> for WebhookEndpointSort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
        }
    }

    fn value(self, row: &WebhookEndpointRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
        }
    }
}

impl SortKey<WebhookDeliveryRow> for WebhookDeliverySort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
        }
    }

    fn value(self, row: &WebhookDeliveryRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
        }
    }
}

impl Listed for WebhookEndpointRow {
    type Read = ReadWebhooks;
    type Filter = WebhookEndpointFilter;
    type Sort = WebhookEndpointSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions(filter: &WebhookEndpointFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("webhook_endpoints");
        conditions.one_of("status", filter.statuses.as_deref());
        conditions.into_vec()
    }
}

impl Listed for WebhookDeliveryRow {
    type Read = ReadWebhooks;
    type Filter = WebhookDeliveryFilter;
    type Sort = WebhookDeliverySort;
    const ACROSS_TENANTS: bool = false;

    fn conditions(filter: &WebhookDeliveryFilter) -> Vec<SimpleExpr> {
        let names = filter.event_types.as_ref().map(|kinds| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
        let mut conditions = Conditions::on("webhook_deliveries");
        conditions
            .one_of("endpoint_id", filter.endpoint_ids.as_deref())
            .one_of("event_type", names.as_deref())
            .one_of("status", filter.statuses.as_deref())
            .within("created_at", filter.created_at);
        conditions.into_vec()
    }
}
