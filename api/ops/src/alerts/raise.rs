//! Raising alerts and clearing them, by whoever finds out, in the transaction in which it is found out.

use entities::{AlertId, AlertSeverity, AlertStatus, EventType, StoreId, TenantId};
use platform::outbox::FeedId;
use platform::{DbErr, Trace, Tx};
use serde_json::{Value, json};

use super::event::{Turn, tell};
use super::row::AlertRow;
use super::store::{self, Identity, Silencing};

/// Who resolves an alert when its condition is over.
pub(super) const SYSTEM: &str = "system";
/// The longest message, in characters.
pub(super) const MESSAGE: usize = 2_000;
/// The largest data, in bytes of JSON.
pub(super) const DATA: usize = 16 * 1024;
/// How often an alert that is resolved and raised by others meanwhile is looked for again.
const ATTEMPTS: usize = 20;

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub struct NewAlert {
    /// The tenant; none for what is above all of them.
    pub tenant: Option<TenantId>,
    /// The store that it is about.
    pub store: Option<StoreId>,
    /// What kind of thing goes wrong: the field `type`.
    pub kind: String,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// Which part says so. The program's own begin with `noren`.
    pub source: String,
    /// What goes wrong, for people.
    pub message: String,
    /// What is known of it: a JSON object.
    pub data: Value,
    /// What makes two tellings the same alert; [`fingerprint`] when left out.
    pub fingerprint: Option<String>,
}

/// What makes two tellings the same alert, unless somebody knows better: source, type and store.
pub fn fingerprint(source: &str, kind: &str, store: Option<StoreId>) -> String {
    match store {
        Some(store) => format!("{source}|{kind}|{store}"),
        None => format!("{source}|{kind}"),
    }
}

/// What both databases keep of a text.
fn tidy(text: &str, longest: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(longest).collect()
}

/// What is kept of data: an object that is not too large.
fn object(data: Value) -> Value {
    if data.is_object() && data.to_string().len() <= DATA { data } else { json!({}) }
}

/// Raises an alert, or counts it against the one about the same store with its fingerprint that is not resolved yet: that one takes the newest message
/// and data, and the worse severity of both. It stays as far as it is, but when it has become worse: then it is OPEN again even if
/// somebody had acknowledged it, and is escalated from the beginning, for they acknowledged something less bad. If there was one
/// before that was resolved, the new one links it.
///
/// The transaction may be a tenant's, a platform administrator's or the worker's.
pub async fn raise(tx: &Tx, trace: &Trace, alert: NewAlert) -> Result<AlertRow, DbErr> {
    let print = alert.fingerprint.clone().unwrap_or_else(|| fingerprint(&alert.source, &alert.kind, alert.store));
    let alert = NewAlert { message: tidy(&alert.message, MESSAGE), data: object(alert.data), fingerprint: Some(print.clone()), ..alert };
    store::hold_silences(tx, FeedId::of(alert.tenant), Silencing::Looks).await?;
    let identity = Identity { tenant: alert.tenant, store: alert.store, fingerprint: &print };
    for _ in 0..ATTEMPTS {
        if let Some(before) = store::unresolved(tx, identity).await? {
            return again(tx, trace, before, alert).await;
        }
        if let Some(raised) = first(tx, trace, &alert, identity).await? {
            return Ok(raised);
        }
        // Somebody else has raised it between the two.
    }
    Err(DbErr::Custom(format!("the alert {print} is raised and resolved too fast to be counted")))
}

async fn first(tx: &Tx, trace: &Trace, alert: &NewAlert, identity: Identity<'_>) -> Result<Option<AlertRow>, DbErr> {
    let now = trace.now();
    let mut row = AlertRow {
        id: trace.new_id(),
        tenant_id: alert.tenant,
        store_id: alert.store,
        kind: alert.kind.clone(),
        severity: alert.severity,
        source: alert.source.clone(),
        message: alert.message.clone(),
        data: alert.data.clone(),
        fingerprint: identity.fingerprint.to_owned(),
        status: AlertStatus::Open,
        count: 1,
        escalation_level: 0,
        silenced_until: None,
        previous_alert_id: store::last_resolved(tx, identity).await?,
        first_seen_at: now,
        last_seen_at: now,
        acknowledged_at: None,
        acknowledged_by: None,
        acknowledgement_note: None,
        resolved_at: None,
        resolved_by: None,
        resolution_notes: None,
        created_at: now,
        updated_at: now,
    };
    row.silenced_until = store::silenced_until(tx, &row, now).await?;
    if !store::insert(tx, &row).await? {
        return Ok(None);
    }
    tell(tx, trace, EventType::AlertRaised, &row, Turn::default()).await?;
    Ok(Some(row))
}

async fn again(tx: &Tx, trace: &Trace, before: AlertRow, alert: NewAlert) -> Result<AlertRow, DbErr> {
    let now = trace.now();
    // The worst is declared first.
    let worse = alert.severity < before.severity;
    let was_silenced = before.silenced_until.is_some();
    let mut row = AlertRow {
        severity: before.severity.min(alert.severity),
        message: alert.message,
        data: alert.data,
        count: before.count + 1,
        last_seen_at: before.last_seen_at.max(now),
        updated_at: now,
        ..before
    };
    if worse && row.status == AlertStatus::Acknowledged {
        row = AlertRow { status: AlertStatus::Open, escalation_level: 0, acknowledged_at: None, acknowledged_by: None, acknowledgement_note: None, ..row };
    }
    row.silenced_until = store::silenced_until(tx, &row, now).await?;
    store::save(tx, &row).await?;
    let audible = was_silenced && row.silenced_until.is_none();
    tell(tx, trace, EventType::AlertUpdated, &row, Turn { worse, audible, ..Turn::default() }).await?;
    Ok(row)
}

/// The condition is over: resolves the alert with this fingerprint that is about no store and not resolved yet, if there is one.
pub async fn clear(tx: &Tx, trace: &Trace, tenant: Option<TenantId>, fingerprint: &str, why: &str) -> Result<Option<AlertRow>, DbErr> {
    clear_of(tx, trace, (tenant, None), fingerprint, why).await
}

/// The same of one that is about a store.
pub(super) async fn clear_of(
    tx: &Tx,
    trace: &Trace,
    (tenant, store): (Option<TenantId>, Option<StoreId>),
    fingerprint: &str,
    why: &str,
) -> Result<Option<AlertRow>, DbErr> {
    match store::unresolved(tx, Identity { tenant, store, fingerprint }).await? {
        Some(alert) => resolved(tx, trace, alert, SYSTEM.to_owned(), Some(tidy(why, MESSAGE))).await.map(Some),
        None => Ok(None),
    }
}

/// Resolves an alert that is held.
pub(super) async fn resolved(tx: &Tx, trace: &Trace, alert: AlertRow, by: String, notes: Option<String>) -> Result<AlertRow, DbErr> {
    let now = trace.now();
    let row = AlertRow { status: AlertStatus::Resolved, resolved_at: Some(now), resolved_by: Some(by), resolution_notes: notes, updated_at: now, ..alert };
    store::save(tx, &row).await?;
    tell(tx, trace, EventType::AlertResolved, &row, Turn::default()).await?;
    Ok(row)
}

/// Moves an alert that nobody has acknowledged on to this level. None when it is not OPEN any more, is silenced, or has reached
/// this level already. A silence that has run out holds until it is taken off, for that is told. For the program's own transactions: it
/// asks for no permit, and holds the alert until the transaction ends.
pub async fn escalate(tx: &Tx, trace: &Trace, id: AlertId, level: i32) -> Result<Option<AlertRow>, DbErr> {
    let Some(alert) = store::any_locked(tx, id).await? else { return Ok(None) };
    let now = trace.now();
    if alert.status != AlertStatus::Open || alert.silenced_until.is_some() || alert.escalation_level >= level {
        return Ok(None);
    }
    let row = AlertRow { escalation_level: level, updated_at: now, ..alert };
    store::save(tx, &row).await?;
    tell(tx, trace, EventType::AlertUpdated, &row, Turn { escalated: true, ..Turn::default() }).await?;
    Ok(Some(row))
}
