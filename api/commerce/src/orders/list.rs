//! What orders and items are listed by.

use entities::{CustomerId, FinancialStatus, FulfillmentStatus, OrderStatus, StoreId};
use platform::callers::actions::ReadOrders;
use platform::db::SortValue;
use sea_orm::sea_query::SimpleExpr;

use super::row::{OrderItemRow, OrderRow};
use platform::filter::{Conditions, MoneyRange, TimeRange};
use platform::reading::{Listed, SortKey};

/// What orders are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    /// In one of these stores.
    pub store_ids: Option<Vec<StoreId>>,
    /// By one of these customers.
    pub customer_ids: Option<Vec<CustomerId>>,
    /// In one of these states.
    pub statuses: Option<Vec<OrderStatus>>,
    /// In one of these states of payment.
    pub financial_statuses: Option<Vec<FinancialStatus>>,
    /// In one of these states of delivery.
    pub fulfillment_statuses: Option<Vec<FulfillmentStatus>>,
    /// Placed then.
    pub processed_at: Option<TimeRange>,
    /// Created then.
    pub created_at: Option<TimeRange>,
    /// Changed then.
    pub updated_at: Option<TimeRange>,
    /// With a total in this range.
    pub total_price: Option<MoneyRange>,
    /// With exactly this number.
    pub number: Option<String>,
    /// With this e-mail.
    pub email: Option<String>,
    /// Test orders alone, or real ones alone.
    pub test: Option<bool>,
    /// With all these words in number, e-mail or customer's name.
    pub text: Option<String>,
}

/// What orders are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderSort {
    /// When they were placed.
    ProcessedAt,
    /// When they were last changed.
    UpdatedAt,
    /// Their total, in minor units.
    TotalPrice,
}

impl SortKey<OrderRow> for OrderSort {
    fn column(self) -> &'static str {
        match self {
            Self::ProcessedAt => "processed_at",
            Self::UpdatedAt => "updated_at",
            Self::TotalPrice => "total_price_minor",
        }
    }

    fn value(self, row: &OrderRow) -> SortValue {
        match self {
            Self::ProcessedAt => SortValue::At(row.processed_at),
            Self::UpdatedAt => SortValue::At(row.updated_at),
            Self::TotalPrice => SortValue::Int(row.total_price_minor),
        }
    }
}

impl Listed for OrderRow {
    type Read = ReadOrders;
    type Filter = OrderFilter;
    type Sort = OrderSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions(filter: &OrderFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("orders");
        conditions
            .one_of("store_id", filter.store_ids.as_deref())
            .one_of("customer_id", filter.customer_ids.as_deref())
            .one_of("status", filter.statuses.as_deref())
            .one_of("financial_status", filter.financial_statuses.as_deref())
            .one_of("fulfillment_status", filter.fulfillment_statuses.as_deref())
            .within("processed_at", filter.processed_at)
            .within("created_at", filter.created_at)
            .within("updated_at", filter.updated_at)
            .amount("total_price_minor", filter.total_price)
            .equals("number", filter.number.clone())
            .equals_folded("email_key", filter.email.as_deref())
            .equals("test", filter.test)
            .text(filter.text.as_deref());
        conditions.into_vec()
    }
}

/// Items come in the order of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderItemSort {
    /// Their place in the order.
    Position,
}

impl SortKey<OrderItemRow> for OrderItemSort {
    fn column(self) -> &'static str {
        match self {
            Self::Position => "position",
        }
    }

    fn value(self, row: &OrderItemRow) -> SortValue {
        match self {
            Self::Position => SortValue::Int(row.position),
        }
    }
}

impl Listed for OrderItemRow {
    type Read = ReadOrders;
    type Filter = ();
    type Sort = OrderItemSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions((): &()) -> Vec<SimpleExpr> {
        Vec::new()
    }
}
