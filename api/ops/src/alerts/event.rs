//! What is told of alerts in the feeds: the one place that writes and reads the data of `alert.…` events.

use entities::{AlertId, AlertSeverity, AlertStatus, EventType, StoreId, TenantId};
use platform::outbox::{Event, emit, emit_all};
use platform::record::Happened;
use platform::{DbErr, Trace, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::row::AlertRow;

/// What has just changed about an alert, as every feed tells it.
///
/// Each change of a tenant's alert is in two feeds: in the tenant's own, and as a copy in the platform's, where platform
/// administrators follow all tenants. Whoever hears all feeds and wants each change once leaves out what [`is_copy`](Self::is_copy).
#[derive(Clone, Debug, PartialEq)]
pub struct AlertEvent {
    /// The alert.
    pub alert_id: AlertId,
    /// What happened to it: raised, updated, acknowledged or resolved.
    pub kind: EventType,
    /// What kind of thing goes wrong.
    pub r#type: String,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// Which part says so.
    pub source: String,
    /// How far it is.
    pub status: AlertStatus,
    /// The store that it is about.
    pub store_id: Option<StoreId>,
    /// The tenant; none for what is above all of them.
    pub tenant_id: Option<TenantId>,
    /// Times that it was seen.
    pub count: i64,
    /// How far it was escalated; 0 when not at all.
    pub escalation_level: i32,
    /// Whether nobody is to be told of it.
    pub silenced: bool,
    /// Whether it has become worse with this change.
    pub worse: bool,
    /// Whether it was escalated with this change.
    pub escalated: bool,
    /// Whether it was silenced before this change and is not any more.
    pub audible: bool,
    /// Whether this is the platform feed's copy of what the tenant's feed tells.
    pub is_copy: bool,
}

/// The data at the wire; what is null or false is left out, but for `silenced`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    alert_id: AlertId,
    r#type: String,
    severity: AlertSeverity,
    source: String,
    status: AlertStatus,
    count: i64,
    escalation_level: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    store_id: Option<StoreId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant_id: Option<TenantId>,
    #[serde(default)]
    silenced: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    worse: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    escalated: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    audible: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl AlertEvent {
    /// The event as one about an alert; none when it is about something else.
    pub fn read(event: &Event) -> Option<Self> {
        let kind = event.name.parse().ok().filter(|kind| is_about_alerts(*kind))?;
        let Data { alert_id, r#type, severity, source, status, count, escalation_level, store_id, tenant_id, silenced, worse, escalated, audible } =
            Data::deserialize(&event.data).ok()?;
        let is_copy = event.tenant.is_none() && tenant_id.is_some();
        Some(Self {
            alert_id,
            kind,
            r#type,
            severity,
            source,
            status,
            store_id,
            tenant_id,
            count,
            escalation_level,
            silenced,
            worse,
            escalated,
            audible,
            is_copy,
        })
    }
}

/// Whether a kind of event tells of alerts.
fn is_about_alerts(kind: EventType) -> bool {
    matches!(kind, EventType::AlertRaised | EventType::AlertUpdated | EventType::AlertAcknowledged | EventType::AlertResolved)
}

/// What an update was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    /// It has become worse.
    pub(super) worse: bool,
    /// It was escalated.
    pub(super) escalated: bool,
    /// It was silenced and is not any more.
    pub(super) audible: bool,
}

/// Tells what has just changed about an alert in the feed of its tenant, or the platform's.
pub(super) async fn tell(tx: &Tx, trace: &Trace, kind: EventType, alert: &AlertRow, turn: Turn) -> Result<(), DbErr> {
    emit(tx, trace, happened(trace, kind, alert, turn)).await
}

/// Tells of alerts for which it has just changed until when they are silenced.
pub(super) async fn tell_silenced(tx: &Tx, trace: &Trace, alerts: &[AlertRow]) -> Result<(), DbErr> {
    let turn = |alert: &AlertRow| Turn { audible: alert.silenced_until.is_none(), ..Turn::default() };
    emit_all(tx, trace, alerts.iter().map(|alert| happened(trace, EventType::AlertUpdated, alert, turn(alert))).collect()).await
}

fn happened(trace: &Trace, kind: EventType, alert: &AlertRow, Turn { worse, escalated, audible }: Turn) -> Happened {
    let data = Data {
        alert_id: alert.id,
        r#type: alert.kind.clone(),
        severity: alert.severity,
        source: alert.source.clone(),
        status: alert.status,
        count: alert.count,
        escalation_level: alert.escalation_level,
        store_id: alert.store_id,
        tenant_id: alert.tenant_id,
        silenced: alert.is_silenced(trace.now()),
        worse,
        escalated,
        audible,
    };
    let data = serde_json::to_value(data).unwrap_or(Value::Null);
    Happened { kind, tenant: alert.tenant_id, store: alert.store_id, subject: Some(alert.id.to_string()), data }
}

/// Copies what a tenant's feed tells of an alert to the platform's. The relay does it: a tenant's own transaction writes nothing
/// that is not the tenant's.
pub(super) async fn copy_up(tx: &Tx, trace: &Trace, event: &Event, kind: EventType) -> Result<(), DbErr> {
    emit(tx, trace, Happened { kind, tenant: None, store: event.store, subject: event.subject.clone(), data: event.data.clone() }).await
}
