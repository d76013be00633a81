//! What connections are listed by.

use entities::ConnectionStatus;
use platform::callers::actions::ReadConnections;
use platform::db::SortValue;
use platform::filter::Conditions;
use platform::reading::{Listed, SortKey};
use sea_orm::sea_query::SimpleExpr;

use super::row::ConnectionRow;

/// What connections are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFilter {
    /// With one of these providers.
    pub providers: Option<Vec<String>>,
    /// In one of these states.
    pub statuses: Option<Vec<ConnectionStatus>>,
}

/// What connections are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionSort {
    /// When they came to be.
    CreatedAt,
}

impl SortKey<ConnectionRow> for ConnectionSort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
        }
    }

    fn value(self, row: &ConnectionRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
        }
    }
}

impl Listed for ConnectionRow {
    type Read = ReadConnections;
    type Filter = ConnectionFilter;
    type Sort = ConnectionSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions(filter: &ConnectionFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("connections");
        conditions.one_of("provider", filter.providers.as_deref()).one_of("status", filter.statuses.as_deref());
        conditions.into_vec()
    }
}
