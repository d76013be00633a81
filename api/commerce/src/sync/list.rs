//! What runs are listed by.

use entities::{StoreId, SyncKind, SyncStatus};
use platform::callers::actions::ReadStores;
use platform::db::SortValue;
use platform::filter::Conditions;
use platform::reading::{Listed, SortKey};
use sea_orm::sea_query::SimpleExpr;

use super::row::SyncRunRow;

/// What runs are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct SyncRunFilter {
    /// Of one of these stores.
    pub store_ids: Option<Vec<StoreId>>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<SyncKind>>,
    /// In one of these states.
    pub statuses: Option<Vec<SyncStatus>>,
}

/// What runs are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncRunSort {
    /// When they were asked for.
    CreatedAt,
}

impl SortKey<SyncRunRow> for SyncRunSort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
        }
    }

    fn value(self, row: &SyncRunRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
        }
    }
}

impl Listed for SyncRunRow {
    type Read = ReadStores;
    type Filter = SyncRunFilter;
    type Sort = SyncRunSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions(filter: &SyncRunFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("sync_runs");
        conditions.one_of("store_id", filter.store_ids.as_deref()).one_of("kind", filter.kinds.as_deref()).one_of("status", filter.statuses.as_deref());
        conditions.into_vec()
    }
}
