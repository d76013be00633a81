//! The rows of jobs.

use chrono::{DateTime, Utc};
use entities::{JobId, JobStatus, TenantId};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// A job.
    pub struct JobRow from jobs {
        /// The row's id.
        id: JobId = Id,
        /// The tenant; none for what belongs to none.
        tenant_id: Option<TenantId> = TenantId,
        /// Where it queues.
        queue: String = Queue,
        /// What kind of work it is.
        kind: String = Kind,
        /// What it is the only one for.
        unique_key: Option<String> = UniqueKey,
        /// What it is about: ids.
        payload: Json = Payload,
        /// How far it is.
        status: JobStatus = Status,
        /// Times that it was begun.
        attempts: i32 = Attempts,
        /// Times that it may be begun.
        max_attempts: i32 = MaxAttempts,
        /// Why the last attempt failed.
        last_error: Option<String> = LastError,
        /// When it is due (UTC).
        run_at: DateTime<Utc> = RunAt,
        /// When it was last begun (UTC).
        started_at: Option<DateTime<Utc>> = StartedAt,
        /// When it ended for good (UTC).
        finished_at: Option<DateTime<Utc>> = FinishedAt,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(JobRow in "jobs", id id);
