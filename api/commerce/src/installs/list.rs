//! What installations and their history are listed by.

use platform::callers::actions::ReadStores;
use platform::db::SortValue;
use platform::reading::{Listed, SortKey};
use sea_orm::sea_query::SimpleExpr;

use super::row::{InstallationEventRow, InstallationRow};

/// Installations are found by their stores.
impl SortKey<InstallationRow> for () {
    fn column(self) -> &'static str {
        "created_at"
    }

    fn value(self, row: &InstallationRow) -> SortValue {
        SortValue::Text(row.id.to_string())
    }
}

impl Listed for InstallationRow {
    type Read = ReadStores;
    type Filter = ();
    type Sort = ();
    const ACROSS_TENANTS: bool = false;

    fn conditions((): &()) -> Vec<SimpleExpr> {
        Vec::new()
    }
}

/// What the history of an installation is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallationEventSort {
    /// When it happened.
    OccurredAt,
}

impl SortKey<InstallationEventRow> for InstallationEventSort {
    fn column(self) -> &'static str {
        match self {
            Self::OccurredAt => "occurred_at",
        }
    }

    fn value(self, row: &InstallationEventRow) -> SortValue {
        match self {
            Self::OccurredAt => SortValue::At(row.occurred_at),
        }
    }
}

impl Listed for InstallationEventRow {
    type Read = ReadStores;
    type Filter = ();
    type Sort = InstallationEventSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions((): &()) -> Vec<SimpleExpr> {
        Vec::new()
    }
}
