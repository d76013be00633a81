//! What privacy requests are listed by.

use chrono::{DateTime, Utc};
use entities::{PrivacyRequestKind, PrivacyRequestStatus, StoreId};
use platform::callers::actions::ReadPrivacy;
use platform::db::SortValue;
use platform::filter::{Conditions, TimeRange};
use platform::reading::{Listed, SortKey};
use sea_orm::sea_query::SimpleExpr;

use super::row::PrivacyRequestRow;

/// What privacy requests are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct PrivacyRequestFilter {
    /// About one of these stores.
    pub store_ids: Option<Vec<StoreId>>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<PrivacyRequestKind>>,
    /// In one of these states.
    pub statuses: Option<Vec<PrivacyRequestStatus>>,
    /// Due before this instant.
    pub due_before: Option<DateTime<Utc>>,
}

/// What privacy requests are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivacyRequestSort {
    /// When they came in.
    ReceivedAt,
    /// Until when they have to be done.
    DueAt,
}

impl SortKey<PrivacyRequestRow> for PrivacyRequestSort {
    fn column(self) -> &'static str {
        match self {
            Self::ReceivedAt => "received_at",
            Self::DueAt => "due_at",
        }
    }

    fn value(self, row: &PrivacyRequestRow) -> SortValue {
        match self {
            Self::ReceivedAt => SortValue::At(row.received_at),
            Self::DueAt => SortValue::At(row.due_at),
        }
    }
}

impl Listed for PrivacyRequestRow {
    type Read = ReadPrivacy;
    type Filter = PrivacyRequestFilter;
    type Sort = PrivacyRequestSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions(filter: &PrivacyRequestFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("privacy_requests");
        conditions
            .one_of("store_id", filter.store_ids.as_deref())
            .one_of("kind", filter.kinds.as_deref())
            .one_of("status", filter.statuses.as_deref())
            .within("due_at", filter.due_before.map(|before| TimeRange { from: None, before: Some(before) }));
        conditions.into_vec()
    }
}
