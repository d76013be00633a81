//! What audit entries are listed by.

use entities::{ActorKind, AuditOutcome, TenantId};
use platform::callers::actions::ReadAudit;
use platform::db::SortValue;
use platform::filter::{Conditions, TimeRange};
use platform::reading::{Listed, SortKey};
use sea_orm::sea_query::SimpleExpr;

use super::row::AuditEventRow;

/// What audit entries are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// In the log of this tenant.
    pub tenant_id: Option<TenantId>,
    /// One of these actions.
    pub actions: Option<Vec<String>>,
    /// By one of these actors.
    pub actors: Option<Vec<String>>,
    /// About one of these ids.
    pub subjects: Option<Vec<String>>,
    /// By actors of one of these kinds.
    pub actor_kinds: Option<Vec<ActorKind>>,
    /// With one of these ends.
    pub outcomes: Option<Vec<AuditOutcome>>,
    /// Within this time.
    pub occurred_at: Option<TimeRange>,
}

/// What audit entries are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditSort {
    /// When it happened.
    OccurredAt,
}

impl SortKey<AuditEventRow> for AuditSort {
    fn column(self) -> &'static str {
        match self {
            Self::OccurredAt => "occurred_at",
        }
    }

    fn value(self, row: &AuditEventRow) -> SortValue {
        match self {
            Self::OccurredAt => SortValue::At(row.occurred_at),
        }
    }
}

impl Listed for AuditEventRow {
    type Read = ReadAudit;
    type Filter = AuditFilter;
    type Sort = AuditSort;
    const ACROSS_TENANTS: bool = true;

    fn conditions(filter: &AuditFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("audit_events");
        conditions
            .equals("tenant_id", filter.tenant_id)
            .one_of("action", filter.actions.as_deref())
            .one_of("actor", filter.actors.as_deref())
            .one_of("subject", filter.subjects.as_deref())
            .one_of("actor_kind", filter.actor_kinds.as_deref())
            .one_of("outcome", filter.outcomes.as_deref())
            .within("occurred_at", filter.occurred_at);
        conditions.into_vec()
    }
}
