//! What alerts and silences are listed by.

use chrono::{DateTime, Utc};
use entities::{AlertSeverity, AlertStatus, StoreId};
use platform::callers::actions::ReadAlerts;
use platform::db::SortValue;
use platform::filter::{Conditions, TimeRange};
use platform::reading::{Listed, SortKey};
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};

use super::row::{AlertRow, AlertSilenceRow};

/// What alerts are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// In one of these states.
    pub statuses: Option<Vec<AlertStatus>>,
    /// As bad as one of these.
    pub severities: Option<Vec<AlertSeverity>>,
    /// Of one of these types.
    pub types: Option<Vec<String>>,
    /// From one of these sources.
    pub sources: Option<Vec<String>>,
    /// About one of these stores.
    pub store_ids: Option<Vec<StoreId>>,
    /// With one of these fingerprints.
    pub fingerprints: Option<Vec<String>>,
    /// That came to be in this span.
    pub created_at: Option<TimeRange>,
    /// That were last seen in this span.
    pub last_seen_at: Option<TimeRange>,
    /// Whether they are silenced, to the minute.
    pub silenced: Option<bool>,
}

/// What silences are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct AlertSilenceFilter {
    /// About one of these stores.
    pub store_ids: Option<Vec<StoreId>>,
    /// That hold at this instant.
    pub holding_at: Option<DateTime<Utc>>,
}

/// What alerts are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertSort {
    /// When they came to be.
    CreatedAt,
    /// When they were last seen.
    LastSeenAt,
}

/// What silences are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertSilenceSort {
    /// When they came to be.
    CreatedAt,
}

impl SortKey<AlertRow> for AlertSort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::LastSeenAt => "last_seen_at",
        }
    }

    fn value(self, row: &AlertRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
            Self::LastSeenAt => SortValue::At(row.last_seen_at),
        }
    }
}

impl SortKey<AlertSilenceRow> for AlertSilenceSort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
        }
    }

    fn value(self, row: &AlertSilenceRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
        }
    }
}

impl Listed for AlertRow {
    type Read = ReadAlerts;
    type Filter = AlertFilter;
    type Sort = AlertSort;
    const ACROSS_TENANTS: bool = true;

    fn conditions(filter: &AlertFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("alerts");
        conditions
            .one_of("status", filter.statuses.as_deref())
            .one_of("severity", filter.severities.as_deref())
            .one_of("type", filter.types.as_deref())
            .one_of("source", filter.sources.as_deref())
            .one_of("store_id", filter.store_ids.as_deref())
            .one_of("fingerprint", filter.fingerprints.as_deref())
            .within("created_at", filter.created_at)
            .within("last_seen_at", filter.last_seen_at);
        let mut found = conditions.into_vec();
        // Silences that are over are taken off within a minute.
        let until = Expr::col(("alerts", "silenced_until"));
        found.extend(filter.silenced.map(|silenced| if silenced { until.is_not_null() } else { until.is_null() }));
        found
    }
}

impl Listed for AlertSilenceRow {
    type Read = ReadAlerts;
    type Filter = AlertSilenceFilter;
    type Sort = AlertSilenceSort;
    const ACROSS_TENANTS: bool = true;

    fn conditions(filter: &AlertSilenceFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("alert_silences");
        conditions.one_of("store_id", filter.store_ids.as_deref());
        let mut found = conditions.into_vec();
        found.extend(filter.holding_at.map(|at| Expr::col(("alert_silences", "starts_at")).lte(at).and(Expr::col(("alert_silences", "ends_at")).gt(at))));
        found
    }
}
