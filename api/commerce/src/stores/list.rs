//! What stores are listed by.

use entities::{StoreDataKind, StoreStatus, TenantId};
use platform::callers::actions::ReadStores;
use platform::db::SortValue;
use sea_orm::sea_query::SimpleExpr;

use super::row::StoreRow;
use platform::filter::Conditions;
use platform::reading::{Listed, SortKey};

/// What stores are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct StoreFilter {
    /// Of this tenant.
    pub tenant_id: Option<TenantId>,
    /// In one of these states.
    pub statuses: Option<Vec<StoreStatus>>,
    /// With data of one of these kinds.
    pub data_kinds: Option<Vec<StoreDataKind>>,
    /// At this domain.
    pub domain: Option<String>,
    /// With all these words in name or domain.
    pub text: Option<String>,
}

/// What stores are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreSort {
    /// Their name.
    Name,
    /// When they came to be.
    CreatedAt,
}

impl SortKey<StoreRow> for StoreSort {
    fn column(self) -> &'static str {
        match self {
            Self::Name => "name_key",
            Self::CreatedAt => "created_at",
        }
    }

    fn value(self, row: &StoreRow) -> SortValue {
        match self {
            Self::Name => SortValue::Text(row.name_key.clone()),
            Self::CreatedAt => SortValue::At(row.created_at),
        }
    }
}

impl Listed for StoreRow {
    type Read = ReadStores;
    type Filter = StoreFilter;
    type Sort = StoreSort;
    const ACROSS_TENANTS: bool = true;

    fn conditions(filter: &StoreFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("stores");
        conditions
            .equals("tenant_id", filter.tenant_id)
            .one_of("status", filter.statuses.as_deref())
            .one_of("data_kind", filter.data_kinds.as_deref())
            .equals_folded("domain", filter.domain.as_deref())
            .text(filter.text.as_deref());
        conditions.into_vec()
    }
}
