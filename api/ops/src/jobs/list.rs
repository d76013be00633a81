//! What jobs are listed by.

use entities::JobStatus;
use platform::callers::actions::ReadJobs;
use platform::db::SortValue;
use platform::filter::{Conditions, TimeRange};
use platform::reading::{Listed, SortKey};
use sea_orm::sea_query::SimpleExpr;

use super::row::JobRow;

/// What jobs are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// In one of these states.
    pub statuses: Option<Vec<JobStatus>>,
    /// In one of these queues.
    pub queues: Option<Vec<String>>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<String>>,
    /// That came to be within this time.
    pub created_at: Option<TimeRange>,
}

/// What jobs are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobSort {
    /// When they came to be.
    CreatedAt,
}

impl SortKey<JobRow> for JobSort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
        }
    }

    fn value(self, row: &JobRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
        }
    }
}

impl Listed for JobRow {
    type Read = ReadJobs;
    type Filter = JobFilter;
    type Sort = JobSort;
    const ACROSS_TENANTS: bool = true;

    fn conditions(filter: &JobFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("jobs");
        conditions
            .one_of("status", filter.statuses.as_deref())
            .one_of("queue", filter.queues.as_deref())
            .one_of("kind", filter.kinds.as_deref())
            .within("created_at", filter.created_at);
        conditions.into_vec()
    }
}
