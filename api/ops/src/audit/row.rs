//! The rows of audit entries: the part that is chained.

use chrono::{DateTime, Utc};
use entities::{ActorKind, AuditEventId, AuditOutcome, TenantId};
use platform::{row, tenant_row};

row! {
    /// An entry of the audit log.
    pub struct AuditEventRow from audit_events {
        /// The row's id.
        id: AuditEventId = Id,
        /// The tenant whose log it is in; none for the platform's.
        tenant_id: Option<TenantId> = TenantId,
        /// What kind of caller did it.
        actor_kind: ActorKind = ActorKind,
        /// Who did it.
        actor: String = Actor,
        /// What was done.
        action: String = Action,
        /// The id of what it was done to.
        subject: Option<String> = Subject,
        /// How it ended.
        outcome: AuditOutcome = Outcome,
        /// The request or the job.
        request_id: Option<String> = RequestId,
        /// When (UTC).
        occurred_at: DateTime<Utc> = OccurredAt,
        /// Its place in the chain; none until it is sealed.
        position: Option<i64> = Position,
    }
}

tenant_row!(AuditEventRow in "audit_events", id id);
