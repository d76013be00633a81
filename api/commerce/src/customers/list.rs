//! What customers are listed by.

use entities::StoreId;
use platform::callers::actions::ReadCustomers;
use platform::db::SortValue;
use sea_orm::sea_query::SimpleExpr;

use super::row::CustomerRow;
use platform::filter::{Conditions, MoneyRange, TimeRange};
use platform::reading::{Listed, SortKey};

/// What customers are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct CustomerFilter {
    /// Of one of these stores.
    pub store_ids: Option<Vec<StoreId>>,
    /// Created then.
    pub created_at: Option<TimeRange>,
    /// Changed then.
    pub updated_at: Option<TimeRange>,
    /// Who spent so much in total.
    pub total_spent: Option<MoneyRange>,
    /// With this e-mail.
    pub email: Option<String>,
    /// Who agreed to marketing by e-mail, or did not.
    pub accepts_email_marketing: Option<bool>,
    /// In use, or not.
    pub is_active: Option<bool>,
    /// With all these words in name, e-mail, phone or company.
    pub text: Option<String>,
}

/// What customers are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerSort {
    /// When they came to be.
    CreatedAt,
    /// When they were last changed.
    UpdatedAt,
    /// What they spent in total, in minor units.
    TotalSpent,
}

impl SortKey<CustomerRow> for CustomerSort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::TotalSpent => "total_spent_minor",
        }
    }

    fn value(self, row: &CustomerRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
            Self::UpdatedAt => SortValue::At(row.updated_at),
            Self::TotalSpent => SortValue::Int(row.total_spent_minor),
        }
    }
}

impl Listed for CustomerRow {
    type Read = ReadCustomers;
    type Filter = CustomerFilter;
    type Sort = CustomerSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions(filter: &CustomerFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("customers");
        conditions
            .one_of("store_id", filter.store_ids.as_deref())
            .within("created_at", filter.created_at)
            .within("updated_at", filter.updated_at)
            .amount("total_spent_minor", filter.total_spent)
            .equals_folded("email_key", filter.email.as_deref())
            .equals("accepts_email_marketing", filter.accepts_email_marketing)
            .equals("is_active", filter.is_active)
            .text(filter.text.as_deref());
        conditions.into_vec()
    }
}
