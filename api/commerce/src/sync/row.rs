//! The rows of runs.

use chrono::{DateTime, Utc};
use entities::{StoreId, SyncKind, SyncPhase, SyncRunId, SyncStatus, TenantId};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// A run of a sync.
    pub struct SyncRunRow from sync_runs {
        /// The row's id.
        id: SyncRunId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The store.
        store_id: StoreId = StoreId,
        /// What it brings.
        kind: SyncKind = Kind,
        /// The state.
        status: SyncStatus = Status,
        /// What it is doing.
        phase: SyncPhase = Phase,
        /// Orders from then on (UTC).
        range_from: Option<DateTime<Utc>> = RangeFrom,
        /// Orders before then (UTC).
        range_until: Option<DateTime<Utc>> = RangeUntil,
        /// Whether what the merchant has put away is asked for too.
        archived: bool = Archived,
        /// Objects that the shop says there are.
        asked: i64 = Asked,
        /// Objects that have come.
        received: i64 = Received,
        /// New rows.
        created: i64 = Created,
        /// Rows that were different.
        updated: i64 = Updated,
        /// Rows that were the same, or newer.
        unchanged: i64 = Unchanged,
        /// Objects that the shop has no more.
        deleted: i64 = Deleted,
        /// Objects that could not be taken.
        rejected: i64 = Rejected,
        /// Failures in a row.
        failures: i32 = Failures,
        /// What went wrong last.
        error_message: Option<String> = ErrorMessage,
        /// What is to be known beside: a list of code and message.
        warnings: Json = Warnings,
        /// The first of what could not be taken.
        rejections: Json = Rejections,
        /// When the shop was first asked, by its clock (UTC).
        read_at: Option<DateTime<Utc>> = ReadAt,
        /// When it was asked for (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was begun (UTC).
        started_at: Option<DateTime<Utc>> = StartedAt,
        /// When it ended (UTC).
        finished_at: Option<DateTime<Utc>> = FinishedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(SyncRunRow in "sync_runs", id id, store "store_id");

impl SyncRunRow {
    /// How much of what was asked for has come, in percent; none while nobody knows how much there is.
    pub fn percent(&self) -> Option<f64> {
        match (self.status, self.asked) {
            (SyncStatus::Completed, _) => Some(100.0),
            (_, 0) => None,
            (_, asked) => Some((self.received as f64 * 100.0 / asked as f64).min(99.9)),
        }
    }

    /// Objects a second, over all the time that it has run.
    pub fn rate(&self) -> Option<f64> {
        let until = self.finished_at.unwrap_or(self.updated_at);
        let seconds = (until - self.started_at?).num_milliseconds() as f64 / 1_000.0;
        (seconds > 0.0).then(|| self.received as f64 / seconds)
    }

    /// About how many seconds are left, at the rate so far.
    pub fn seconds_left(&self) -> Option<i64> {
        let rate = self.rate().filter(|rate| *rate > 0.0 && self.status == SyncStatus::Running && self.asked > 0)?;
        Some(((self.asked - self.received).max(0) as f64 / rate).ceil() as i64)
    }
}
