//! Raising alerts, looking after them, resolving and silencing them.

use async_graphql::{Context, ID, InputObject, Json, Object, Result};
use chrono::{DateTime, Utc};
use ops::alerts::{AlertRow, AlertSilenceRow, NewAlertSilence, RaiseAlert};
use serde_json::Value;

use super::alerts::{Alert, AlertSilence};
use crate::graphql::enums::AlertSeverity;
use crate::graphql::input::id;
use crate::graphql::objects::plan;
use crate::graphql::payload::payload;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// Something that goes wrong.
#[derive(InputObject)]
pub struct AlertRaiseInput {
    /// What kind of thing goes wrong, such as `LOW_STOCK`: at most 100 letters, digits and `.`, `_`, `:`, `/`, `-`.
    #[graphql(name = "type")]
    kind: String,
    /// How bad it is.
    severity: AlertSeverity,
    /// What goes wrong, for people; at most 2,000 characters.
    message: String,
    /// Which part says so, spelled as a type is; `api` when left out. What begins with `noren` is the program's own.
    source: Option<String>,
    /// The store that it is about. Members of some stores have to name one of theirs.
    store_id: Option<ID>,
    /// What is known of it: a JSON object of at most 16 KiB.
    data: Option<Json<Value>>,
    /// What makes two tellings about the same store, or about none, the same alert; at most 200 characters, source and type when left
    /// out. It must not begin with `noren`.
    fingerprint: Option<String>,
    /// The tenant: only a platform administrator names it, or leaves it out for what is above all tenants.
    tenant_id: Option<ID>,
}

/// Which alert to look after.
#[derive(InputObject)]
pub struct AlertAcknowledgeInput {
    /// The alert.
    id: ID,
    /// What others should know, at most 2,000 characters.
    note: Option<String>,
}

/// Which alert is over.
#[derive(InputObject)]
pub struct AlertResolveInput {
    /// The alert.
    id: ID,
    /// What was done about it, at most 2,000 characters.
    notes: Option<String>,
}

/// Which alerts nobody wants to hear of. What is given must all be equal, and something must be given.
#[derive(InputObject)]
pub struct AlertSilenceInput {
    /// Alerts of this type.
    #[graphql(name = "type")]
    kind: Option<String>,
    /// Alerts from this source.
    source: Option<String>,
    /// Alerts of this severity.
    severity: Option<AlertSeverity>,
    /// Alerts about this store.
    store_id: Option<ID>,
    /// Alerts with this fingerprint.
    fingerprint: Option<String>,
    /// Until when (UTC): in the future, and at most 30 days away.
    until: DateTime<Utc>,
    /// Why, at most 2,000 characters.
    reason: String,
    /// The tenant: only a platform administrator names it, or leaves it out for what is above all tenants.
    tenant_id: Option<ID>,
}

/// Which silence to end.
#[derive(InputObject)]
pub struct AlertSilenceEndInput {
    /// The silence.
    id: ID,
}

payload! {
    /// What came of alertRaise.
    AlertRaisePayload {
        /// The alert: a new one, or the one with its fingerprint, seen once more.
        alert: Alert,
    }
    /// What came of alertAcknowledge.
    AlertAcknowledgePayload {
        /// The alert.
        alert: Alert,
    }
    /// What came of alertResolve.
    AlertResolvePayload {
        /// The alert.
        alert: Alert,
    }
    /// What came of alertSilence.
    AlertSilencePayload {
        /// The silence.
        alert_silence: AlertSilence,
    }
    /// What came of alertSilenceEnd.
    AlertSilenceEndPayload {
        /// The silence.
        alert_silence: AlertSilence,
    }
}

/// Raising alerts, looking after them, resolving and silencing them.
#[derive(Default)]
pub struct AlertMutation;

/// The alert as it was written, with what is selected of it below the payload's field.
async fn alert_in(ctx: &Context<'_>, row: AlertRow, payload: &str) -> Result<Option<Alert>> {
    Ok(plan::<Alert>(op(ctx)?, vec![row], Selected::of(ctx).one(payload, "alert").as_ref()).await?.pop())
}

/// The silence as it was written, with what is selected of it below the payload's field.
async fn silence_in(ctx: &Context<'_>, row: AlertSilenceRow, payload: &str) -> Result<Option<AlertSilence>> {
    Ok(plan::<AlertSilence>(op(ctx)?, vec![row], Selected::of(ctx).one(payload, "alertSilence").as_ref()).await?.pop())
}

#[Object]
impl AlertMutation {
    /// Raises an alert. One about the same store with its fingerprint that is not RESOLVED yet is counted instead: it takes the newest message and data, and
    /// the worse severity of both; when that made it worse, it is OPEN again even if somebody had acknowledged it. If there was one
    /// before that was resolved, the new one links it. Needs `alerts:write`.
    async fn alert_raise(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What goes wrong.")] input: AlertRaiseInput,
        #[graphql(desc = "A key of the caller's choice, 1 to 255 bytes, remembered for a day: a retry under the same key is not counted again.")]
        idempotency_key: Option<String>,
    ) -> Result<AlertRaisePayload> {
        let new = RaiseAlert {
            tenant: input.tenant_id.as_ref().map(id).transpose()?,
            store: input.store_id.as_ref().map(id).transpose()?,
            kind: input.kind,
            severity: input.severity.into(),
            source: input.source,
            message: input.message,
            data: input.data.map(|Json(data)| data),
            fingerprint: input.fingerprint,
        };
        match services(ctx)?.alerts.raise(op(ctx)?, new, idempotency_key.as_deref()).await {
            Ok(row) => Ok(AlertRaisePayload { alert: alert_in(ctx, row, "AlertRaisePayload").await?, user_errors: Vec::new() }),
            Err(error) => AlertRaisePayload::refused(error),
        }
    }

    /// Says that the caller looks after an alert, which is not escalated any more then. Who repeats it finds it as it is; another is
    /// refused (ALREADY_ACKNOWLEDGED), and so is everybody when it is over (ALREADY_RESOLVED). Needs `alerts:write`.
    async fn alert_acknowledge(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: AlertAcknowledgeInput) -> Result<AlertAcknowledgePayload> {
        match services(ctx)?.alerts.acknowledge(op(ctx)?, id(&input.id)?, input.note.as_deref()).await {
            Ok(row) => Ok(AlertAcknowledgePayload { alert: alert_in(ctx, row, "AlertAcknowledgePayload").await?, user_errors: Vec::new() }),
            Err(error) => AlertAcknowledgePayload::refused(error),
        }
    }

    /// Says that an alert is over, acknowledged or not. Who repeats it finds it as it is; another is refused (ALREADY_RESOLVED). When
    /// the same thing goes wrong again it is a new alert. Needs `alerts:write`.
    async fn alert_resolve(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: AlertResolveInput) -> Result<AlertResolvePayload> {
        match services(ctx)?.alerts.resolve(op(ctx)?, id(&input.id)?, input.notes.as_deref()).await {
            Ok(row) => Ok(AlertResolvePayload { alert: alert_in(ctx, row, "AlertResolvePayload").await?, user_errors: Vec::new() }),
            Err(error) => AlertResolvePayload::refused(error),
        }
    }

    /// Silences alerts for a while, those that are there already too: they are recorded and shown, and nobody is told of them. At most
    /// 100 silences hold at once. Administrators only.
    async fn alert_silence(&self, ctx: &Context<'_>, #[graphql(desc = "Which, until when and why.")] input: AlertSilenceInput) -> Result<AlertSilencePayload> {
        let new = NewAlertSilence {
            tenant: input.tenant_id.as_ref().map(id).transpose()?,
            store: input.store_id.as_ref().map(id).transpose()?,
            kind: input.kind,
            severity: input.severity.map(Into::into),
            source: input.source,
            fingerprint: input.fingerprint,
            until: input.until,
            reason: input.reason,
        };
        match services(ctx)?.alerts.silence(op(ctx)?, new).await {
            Ok(row) => Ok(AlertSilencePayload { alert_silence: silence_in(ctx, row, "AlertSilencePayload").await?, user_errors: Vec::new() }),
            Err(error) => AlertSilencePayload::refused(error),
        }
    }

    /// Ends a silence now; one that is over already stays as it is. Administrators only.
    async fn alert_silence_end(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: AlertSilenceEndInput) -> Result<AlertSilenceEndPayload> {
        match services(ctx)?.alerts.end_silence(op(ctx)?, id(&input.id)?).await {
            Ok(row) => Ok(AlertSilenceEndPayload { alert_silence: silence_in(ctx, row, "AlertSilenceEndPayload").await?, user_errors: Vec::new() }),
            Err(error) => AlertSilenceEndPayload::refused(error),
        }
    }
}
