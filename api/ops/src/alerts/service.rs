//! The rules about alerts for callers: raising, looking after, resolving, counting.

use entities::{AlertId, AlertSeverity, AlertStatus, EventType, StoreId, TenantId};
use people::tenants::{NotMine, target};
use people::validation::{Invalid, Problem, invalid, optional_text, text};
use platform::callers::Action;
use platform::callers::actions::{HandleAlerts, RaiseAlerts, ReadAlerts};
use platform::idempotency::{Attempt, attempt};
use platform::reading::ReadError;
use platform::{Change, DbErr, OpCtx, Permit, Scope, Tx};
use serde::Serialize;
use serde_json::{Value, json};

use super::error::AlertError;
use super::event::{Turn, tell};
use super::list::AlertFilter;
use super::raise::{DATA, MESSAGE, NewAlert, fingerprint, raise, resolved};
use super::row::AlertRow;
use super::store;

/// The longest type and source, in characters.
const WORD: usize = 100;
/// The longest fingerprint that a caller gives, in characters.
const FINGERPRINT: usize = 200;
/// The longest fingerprint that there is, in characters: of a source, a type and a store.
const ANY_FINGERPRINT: usize = 255;
/// The longest note, in characters.
const NOTES: usize = 2_000;
/// What says so when a caller names no source.
const SOURCE: &str = "api";
/// What sources and fingerprints of the program's own begin with.
const OWN: &str = "noren";

/// An alert that a caller raises.
#[derive(Clone, Debug, Serialize)]
pub struct RaiseAlert {
    /// The tenant: a platform administrator names it, or none for what is above all of them.
    pub tenant: Option<TenantId>,
    /// The store that it is about.
    pub store: Option<StoreId>,
    /// What kind of thing goes wrong: the field `type`.
    pub kind: String,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// Which part says so; `api` when left out.
    pub source: Option<String>,
    /// What goes wrong, for people.
    pub message: String,
    /// What is known of it: a JSON object.
    pub data: Option<Value>,
    /// What makes two tellings the same alert; source, type and store when left out.
    pub fingerprint: Option<String>,
}

/// How many alerts there are of a severity in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertCount {
    /// How bad they are.
    pub severity: AlertSeverity,
    /// How far they are.
    pub status: AlertStatus,
    /// How many.
    pub count: u64,
}

/// Alerts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alerts;

/// A type or a source: a word that a program can compare.
pub(super) fn word(field: &'static str, value: &str) -> Result<String, Invalid> {
    let value = text(field, value, WORD)?;
    let fits = value.chars().all(|c| c.is_ascii_alphanumeric() || "._:/-".contains(c));
    if fits { Ok(value) } else { Err(invalid(field, Problem::Unknown("must be of letters, digits and `.`, `_`, `:`, `/`, `-`".to_owned()))) }
}

/// A fingerprint that somebody looks for.
pub(super) fn any_fingerprint(value: Option<&str>) -> Result<Option<String>, Invalid> {
    optional_text("fingerprint", value, ANY_FINGERPRINT)
}

/// Refuses what would look like the program's own.
fn not_ours(field: &'static str, value: &str) -> Result<(), Invalid> {
    let ours = value.get(..OWN.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN));
    if ours { Err(invalid(field, Problem::Unknown(format!("must not begin with `{OWN}`: such alerts are the program's own")))) } else { Ok(()) }
}

/// The tenant and the store that an input is about. Who is limited to stores has to name one of them.
pub(super) async fn about<A: Action>(tx: &Tx, permit: &Permit<A>, tenant: Option<TenantId>, store: Option<StoreId>) -> Result<Option<TenantId>, AlertError> {
    let tenant = target(permit, tenant).map_err(|NotMine| AlertError::NotFound("tenant"))?;
    if let Some(tenant) = tenant
        && !store::is_tenant(tx, permit, tenant).await?
    {
        return Err(AlertError::NotFound("tenant"));
    }
    match (tenant, store) {
        (Some(tenant), Some(store)) if store::is_store(tx, permit, tenant, store).await? => {}
        (Some(_), Some(_)) => return Err(AlertError::NotFound("store")),
        (None, Some(_)) => return Err(invalid("tenantId", Problem::Required).into()),
        (_, None) if matches!(permit.scope(), Scope::Stores(..)) => return Err(invalid("storeId", Problem::Required).into()),
        (_, None) => {}
    }
    Ok(tenant)
}

impl RaiseAlert {
    /// What is to be raised, its values checked.
    fn checked(self) -> Result<NewAlert, Invalid> {
        let source = self.source.as_deref().map_or_else(|| Ok(SOURCE.to_owned()), |source| word("source", source))?;
        not_ours("source", &source)?;
        let kind = word("type", &self.kind)?;
        let data = self.data.unwrap_or_else(|| json!({}));
        if !data.is_object() || data.to_string().len() > DATA {
            return Err(invalid("data", Problem::Unknown(format!("must be a JSON object of at most {DATA} bytes"))));
        }
        let given = optional_text("fingerprint", self.fingerprint.as_deref(), FINGERPRINT)?;
        if let Some(given) = &given {
            not_ours("fingerprint", given)?;
        }
        let print = given.unwrap_or_else(|| fingerprint(&source, &kind, self.store));
        Ok(NewAlert {
            tenant: self.tenant,
            store: self.store,
            kind,
            severity: self.severity,
            source,
            message: text("message", &self.message, MESSAGE)?,
            data,
            fingerprint: Some(print),
        })
    }
}

impl Alerts {
    /// Raises an alert, or counts it against the one with its fingerprint that is not resolved yet: see [`raise`]. Repeated under the
    /// same idempotency key, it answers with the same alert, as it is by then.
    pub async fn raise(&self, ctx: &OpCtx, input: RaiseAlert, idempotency_key: Option<&str>) -> Result<AlertRow, AlertError> {
        let permit = ctx.authorize::<RaiseAlerts>()?;
        let tx = ctx.writer().await?;
        let claim = match attempt(ctx, &tx, "alertRaise", idempotency_key, &input).await? {
            Attempt::Repeat(subject) => {
                let id = subject.parse().map_err(|_| DbErr::Custom("an idempotency key without its alert".into()))?;
                return store::alert(&tx, &permit, id).await?.ok_or(AlertError::NotFound("alert"));
            }
            Attempt::New(claim) => claim,
        };
        let alert = input.checked()?;
        let tenant = about(&tx, &permit, alert.tenant, alert.store).await?;
        let row = raise(&tx, &ctx.trace(), NewAlert { tenant, ..alert }).await?;
        if let Some(claim) = claim {
            claim.done(&tx, row.id).await?;
        }
        ctx.commit(tx, Change::new("alertRaise", tenant).subject(row.id).after(&row)).await?;
        Ok(row)
    }

    /// Says that somebody looks after an alert: it is not escalated any more. Who repeats it finds it as it is; another is told who
    /// does.
    pub async fn acknowledge(&self, ctx: &OpCtx, id: AlertId, note: Option<&str>) -> Result<AlertRow, AlertError> {
        let permit = ctx.authorize::<HandleAlerts>()?;
        let note = optional_text("note", note, NOTES)?;
        let tx = ctx.writer().await?;
        let before = store::alert_locked(&tx, &permit, id).await?.ok_or(AlertError::NotFound("alert"))?;
        let me = ctx.caller().key();
        match before.status {
            AlertStatus::Open => {}
            AlertStatus::Acknowledged if before.acknowledged_by.as_deref() == Some(&*me) => return Ok(before),
            AlertStatus::Acknowledged => return Err(AlertError::AlreadyAcknowledged(before.acknowledged_by.unwrap_or_default())),
            AlertStatus::Resolved => return Err(AlertError::AlreadyResolved(before.resolved_by.unwrap_or_default())),
        }
        let now = ctx.now();
        let after = AlertRow {
            status: AlertStatus::Acknowledged,
            acknowledged_at: Some(now),
            acknowledged_by: Some(me),
            acknowledgement_note: note,
            updated_at: now,
            ..before.clone()
        };
        store::save(&tx, &after).await?;
        tell(&tx, &ctx.trace(), EventType::AlertAcknowledged, &after, Turn::default()).await?;
        ctx.commit(tx, Change::new("alertAcknowledge", after.tenant_id).subject(id).before(&before).after(&after)).await?;
        Ok(after)
    }

    /// Says that an alert is over. Who repeats it finds it as it is; another is told who said so.
    pub async fn resolve(&self, ctx: &OpCtx, id: AlertId, notes: Option<&str>) -> Result<AlertRow, AlertError> {
        let permit = ctx.authorize::<HandleAlerts>()?;
        let notes = optional_text("notes", notes, NOTES)?;
        let tx = ctx.writer().await?;
        let before = store::alert_locked(&tx, &permit, id).await?.ok_or(AlertError::NotFound("alert"))?;
        let me = ctx.caller().key();
        if before.status == AlertStatus::Resolved {
            let mine = before.resolved_by.as_deref() == Some(&*me);
            return if mine { Ok(before) } else { Err(AlertError::AlreadyResolved(before.resolved_by.unwrap_or_default())) };
        }
        let after = resolved(&tx, &ctx.trace(), before.clone(), me, notes).await?;
        ctx.commit(tx, Change::new("alertResolve", after.tenant_id).subject(id).before(&before).after(&after)).await?;
        Ok(after)
    }

    /// How many alerts there are of each severity in each state, the worst first; those of which there are none as well.
    pub async fn counts(&self, ctx: &OpCtx, filter: &AlertFilter) -> Result<Vec<AlertCount>, ReadError> {
        let permit = ctx.authorize::<ReadAlerts>()?;
        let found = store::counts(&*ctx.reader().await?, &permit, filter).await?;
        let count = |severity, status| found.iter().find(|(s, t, _)| (*s, *t) == (severity, status)).map_or(0, |(_, _, count)| *count);
        let all = AlertSeverity::ALL.iter().flat_map(|severity| AlertStatus::ALL.iter().map(|status| (*severity, *status)));
        Ok(all.map(|(severity, status)| AlertCount { severity, status, count: count(severity, status) }).collect())
    }
}
