//! What is told of runs in the feeds: the one place that writes and reads the data of `sync.…` events.

use entities::{EventType, StoreId, SyncKind, SyncPhase, SyncRunId, SyncStatus};
use platform::outbox::{Event, emit};
use platform::record::Happened;
use platform::{DbErr, Trace, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::row::SyncRunRow;

/// How a run stood when something was told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncEvent {
    /// The run.
    pub sync_run_id: SyncRunId,
    /// The store.
    pub store_id: StoreId,
    /// What it brings.
    pub kind: SyncKind,
    /// The state.
    pub status: SyncStatus,
    /// What it is doing.
    pub phase: SyncPhase,
    /// Objects that the shop says there are.
    pub asked: i64,
    /// Objects that have come.
    pub received: i64,
    /// New rows.
    pub created: i64,
    /// Rows that were different.
    pub updated: i64,
    /// Rows that were the same, or newer.
    pub unchanged: i64,
    /// Objects that the shop has no more.
    pub deleted: i64,
    /// Objects that could not be taken.
    pub rejected: i64,
    /// How much has come, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// Objects a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// About how many seconds are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<i64>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl SyncEvent {
    /// How the run stands now.
    fn of(run: &SyncRunRow) -> Self {
        Self {
            sync_run_id: run.id,
            store_id: run.store_id,
            kind: run.kind,
            status: run.status,
            phase: run.phase,
            asked: run.asked,
            received: run.received,
            created: run.created,
            updated: run.updated,
            unchanged: run.unchanged,
            deleted: run.deleted,
            rejected: run.rejected,
            percent: run.percent(),
            rate: run.rate(),
            seconds_left: run.seconds_left(),
            error: run.error_message.clone(),
        }
    }

    /// The event as one about a sync; none when it is about something else.
    pub fn read(event: &Event) -> Option<Self> {
        let kind: EventType = event.name.parse().ok()?;
        let about =
            matches!(kind, EventType::SyncStarted | EventType::SyncProgressed | EventType::SyncCompleted | EventType::SyncFailed | EventType::SyncCancelled);
        about.then(|| Self::deserialize(&event.data).ok()).flatten()
    }
}

/// Tells in the tenant's feed how a run stands now.
pub(super) async fn tell(tx: &Tx, trace: &Trace, kind: EventType, run: &SyncRunRow) -> Result<(), DbErr> {
    let data = serde_json::to_value(SyncEvent::of(run)).unwrap_or(Value::Null);
    emit(tx, trace, Happened { kind, tenant: Some(run.tenant_id), store: Some(run.store_id), subject: Some(run.id.to_string()), data }).await
}
