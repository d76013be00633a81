//! One change, as its author tells it.

use entities::{AuditOutcome, EventType, StoreId, TenantId};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Trace;
use crate::db::Tx;
use crate::{DbErr, audit, outbox};

/// An event that a change announces.
#[derive(Clone, Debug)]
pub struct Happened {
    /// What happened.
    pub kind: EventType,
    /// The tenant whose feed it goes to; none for the platform's.
    pub tenant: Option<TenantId>,
    /// The store that it is about.
    pub store: Option<StoreId>,
    /// The id of what it happened to.
    pub subject: Option<String>,
    /// Its data, as the catalogue describes it: a JSON object.
    pub data: Value,
}

/// A change: what was done to what, how it was before and after. Rows hold no secrets, so what is given here must be rows.
#[derive(Debug)]
pub struct Change {
    pub(crate) action: &'static str,
    pub(crate) tenants: Vec<Option<TenantId>>,
    pub(crate) subject: Option<String>,
    pub(crate) outcome: AuditOutcome,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
    pub(crate) events: Vec<Happened>,
}

impl Change {
    /// A change by the name of its mutation, in a tenant, or above all of them.
    pub fn new(action: &'static str, tenant: impl Into<Option<TenantId>>) -> Self {
        let tenants = vec![tenant.into()];
        Self { action, tenants, subject: None, outcome: AuditOutcome::Done, before: None, after: None, events: Vec::new() }
    }

    /// A change that several tenants' logs show.
    pub fn in_tenants(action: &'static str, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        let tenants: Vec<_> = tenants.into_iter().map(Some).collect();
        Self { tenants: if tenants.is_empty() { vec![None] } else { tenants }, ..Self::new(action, None) }
    }

    /// It was tried, and refused.
    pub fn refused(self) -> Self {
        Self { outcome: AuditOutcome::Refused, ..self }
    }

    /// The id of what was changed.
    pub fn subject(self, id: impl ToString) -> Self {
        Self { subject: Some(id.to_string()), ..self }
    }

    /// How it was before.
    pub fn before(self, row: &impl Serialize) -> Self {
        Self { before: serde_json::to_value(row).ok(), ..self }
    }

    /// How it is now, or what is to be known of it.
    pub fn after(self, row: &impl Serialize) -> Self {
        Self { after: serde_json::to_value(row).ok(), ..self }
    }

    /// Announces an event about the subject, with its id as the data's `key`.
    pub fn announce(self, kind: EventType, key: &str) -> Self {
        let id = self.subject.clone().unwrap_or_default();
        self.announce_with(kind, None, Value::Object(Map::from_iter([(key.to_owned(), Value::String(id))])))
    }

    /// Announces an event about the subject.
    pub fn announce_with(mut self, kind: EventType, store: Option<StoreId>, data: Value) -> Self {
        let tenant = self.tenants.first().copied().flatten();
        self.events.push(Happened { kind, tenant, store, subject: self.subject.clone(), data });
        self
    }

    /// Writes the entry and the events in the change's own transaction.
    pub async fn write(self, tx: &Tx, trace: &Trace) -> Result<(), DbErr> {
        for tenant in &self.tenants {
            audit::write(tx, trace, *tenant, &self).await?;
        }
        for event in self.events {
            outbox::emit(tx, trace, event).await?;
        }
        Ok(())
    }

    /// What differs between before and after; all of either where the other is not there.
    pub(crate) fn difference(&self) -> (Option<Value>, Option<Value>) {
        let (before, after) = (self.before.clone().map(without_derived), self.after.clone().map(without_derived));
        match (&before, &after) {
            (Some(Value::Object(before)), Some(Value::Object(after))) => {
                let changed = |mine: &Map<String, Value>, other: &Map<String, Value>| {
                    Value::Object(mine.iter().filter(|(key, value)| other.get(*key) != Some(value)).map(|(key, value)| (key.clone(), value.clone())).collect())
                };
                (Some(changed(before, after)), Some(changed(after, before)))
            }
            (None, _) | (_, None) | (Some(_), Some(_)) => (before, after),
        }
    }
}

/// Columns that only repeat others, for sorting and searching, say nothing.
fn without_derived(row: Value) -> Value {
    match row {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(name, _)| name != "searchText" && !name.ends_with("Key")).collect()),
        other => other,
    }
}
