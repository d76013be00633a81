//! Alerts become notifications and jobs, in the relay's own transaction: once, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entities::tables::notifications::ActiveModel;
use entities::{
    AlertId, AlertSeverity, AlertStatus, EventId, EventType, JobId, NotificationChannelId, NotificationChannelKind, NotificationId, NotificationKind,
    NotificationStatus, StoreId, TenantId,
};
use platform::db::in_list;
use platform::jobs::{NewJob, enqueue_all};
use platform::outbox::{Event, FeedId, Listener};
use platform::{Clock, DbErr, Trace, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::{ConnectionTrait, Statement};

use super::deliver::{DELIVER, Errand, strand};
use super::digest::{self, Digests};
use super::escalation;
use super::row::NotificationChannelRow;
use super::store::{self, Plan};
use crate::alerts::AlertEvent;

/// A notification to be written.
#[derive(Clone, Debug)]
pub(super) struct New {
    pub(super) id: NotificationId,
    pub(super) tenant: Option<TenantId>,
    pub(super) event: EventId,
    pub(super) channel: NotificationChannelId,
    pub(super) alert: Option<AlertId>,
    pub(super) store: Option<StoreId>,
    pub(super) kind: NotificationKind,
    pub(super) level: i32,
    pub(super) severity: Option<AlertSeverity>,
    pub(super) recipient: String,
    pub(super) digest: Option<NotificationId>,
    pub(super) due_at: Option<DateTime<Utc>>,
}

impl New {
    /// What is sent through a channel: one message, or one for each telephone number.
    pub(super) fn through(channel: &NotificationChannelRow, trace: &Trace, event: EventId, kind: NotificationKind) -> impl Iterator<Item = Self> {
        let recipients = match channel.kind {
            NotificationChannelKind::Sms => channel.addresses(),
            NotificationChannelKind::Email | NotificationChannelKind::Slack => vec![String::new()],
        };
        recipients.into_iter().map(move |recipient| Self {
            id: trace.new_id(),
            tenant: channel.tenant_id,
            event,
            channel: channel.id,
            alert: None,
            store: None,
            kind,
            level: 0,
            severity: None,
            recipient,
            digest: None,
            due_at: None,
        })
    }

    /// The job that sends it.
    pub(super) fn errand(&self) -> Errand {
        Errand { notification_id: self.id }
    }

    /// The row: it waits, or is a part of its digest.
    pub(super) fn row(self, now: DateTime<Utc>) -> ActiveModel {
        let (status, due_at) = match self.digest {
            Some(_) => (NotificationStatus::Digested, None),
            None => (NotificationStatus::Pending, Some(self.due_at.unwrap_or(now))),
        };
        ActiveModel {
            id: Set(self.id),
            tenant_id: Set(self.tenant),
            feed_id: Set(FeedId::of(self.tenant).uuid()),
            event_id: Set(self.event),
            channel_id: Set(self.channel),
            alert_id: Set(self.alert),
            store_id: Set(self.store),
            kind: Set(self.kind),
            level: Set(self.level),
            severity: Set(self.severity),
            recipient: Set(self.recipient),
            remaining: Set(None),
            refused: Set(None),
            status: Set(status),
            attempts: Set(0),
            unknown_attempts: Set(0),
            error_message: Set(None),
            provider_message_id: Set(None),
            digest_id: Set(self.digest),
            slot_at: Set(None),
            due_at: Set(due_at),
            last_attempt_at: Set(None),
            sent_at: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
        }
    }
}

/// Hears of alerts, and has people told.
pub struct Router {
    clock: Arc<dyn Clock>,
}

/// Who was told of alerts, as far as they may have got it, and how bad they were at worst.
type Told = BTreeMap<AlertId, BTreeMap<(NotificationChannelId, String), AlertSeverity>>;

impl Router {
    /// Notifications are stamped by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Listener for Router {
    async fn take(&self, tx: &Tx, events: &[Event]) -> Result<(), DbErr> {
        let trace = Trace::system("notifications", self.clock.clone());
        for event in events.iter().filter(|event| event.name == EventType::JobFailed.as_str() && event.data["kind"] == DELIVER.name) {
            if let Some(job) = event.subject.as_deref().and_then(|id| JobId::parse(id).ok()) {
                strand(tx, job, trace.now()).await?;
            }
        }
        let alerts: Vec<(&Event, AlertEvent)> =
            events.iter().filter_map(|event| Some((event, AlertEvent::read(event).filter(|alert| !alert.is_copy)?))).collect();
        if alerts.is_empty() {
            return Ok(());
        }
        let feeds: BTreeSet<FeedId> = alerts.iter().map(|(_, alert)| FeedId::of(alert.tenant_id)).collect();
        let plans = store::plans(tx, &feeds).await?;
        let asked = alerts.iter().filter(|(_, alert)| alert.kind == EventType::AlertResolved || alert.audible).map(|(_, alert)| alert.alert_id);
        let mut told = told(tx, &asked.collect::<Vec<_>>()).await?;
        let (mut new, mut jobs, mut digests) = (Vec::<New>::new(), Vec::<NewJob>::new(), Digests::default());
        for (event, alert) in &alerts {
            let Some(plan) = plans.get(&FeedId::of(alert.tenant_id)) else { continue };
            jobs.extend(escalation::next(event, alert, &plan.settings));
            for one in messages(&trace, event, alert, plan, &told) {
                if matches!(one.kind, NotificationKind::Raised | NotificationKind::Worse | NotificationKind::Escalated) {
                    told.entry(alert.alert_id).or_default().insert((one.channel, one.recipient.clone()), alert.severity);
                }
                match plan.settings.waits_until(alert.severity, &plan.zone, trace.now()) {
                    Some(until) => {
                        let digest = digests.open(tx, &trace, &one, digest::QUIET, until).await?;
                        new.push(New { digest: Some(digest), ..one });
                    }
                    None => {
                        jobs.push(one.errand().job(one.tenant));
                        new.push(one);
                    }
                }
            }
        }
        let now = trace.now();
        store::insert(tx, new.into_iter().map(|one| one.row(now)).collect()).await?;
        enqueue_all(tx, &trace, jobs).await?;
        Ok(())
    }
}

/// What an event has people told.
fn messages(trace: &Trace, event: &Event, alert: &AlertEvent, plan: &Plan, told: &Told) -> Vec<New> {
    let mut found = Vec::new();
    if alert.silenced {
        return found;
    }
    let none = BTreeMap::new();
    let told = told.get(&alert.alert_id).unwrap_or(&none);
    let mut tell = |channels: Vec<&NotificationChannelRow>, kind, level| {
        for one in channels.into_iter().flat_map(|channel| New::through(channel, trace, event.id, kind)) {
            found.push(New { alert: Some(alert.alert_id), store: alert.store_id, severity: Some(alert.severity), level, ..one });
        }
    };
    match alert.kind {
        EventType::AlertRaised => {
            let channels = plan.settings.told(alert.severity, &plan.channels);
            if channels.is_empty() {
                tracing::info!(alert = %alert.alert_id, severity = %alert.severity, r#type = alert.r#type, source = alert.source, "an alert that nobody is told of");
            }
            tell(channels, NotificationKind::Raised, 0);
        }
        EventType::AlertUpdated => {
            if alert.worse {
                tell(plan.settings.told(alert.severity, &plan.channels), NotificationKind::Worse, 0);
            } else if alert.audible && alert.status == AlertStatus::Open {
                tell(plan.settings.told(alert.severity, &plan.channels), NotificationKind::Raised, 0);
                found.retain_mut(|one| missed(one, alert.severity, told));
            } else if alert.escalated {
                tell(plan.settings.of_level(alert.escalation_level, &plan.channels), NotificationKind::Escalated, alert.escalation_level);
            }
        }
        EventType::AlertResolved => {
            let enabled = plan.channels.iter().filter(|channel| channel.status == entities::NotificationChannelStatus::Enabled);
            tell(enabled.collect(), NotificationKind::Resolved, 0);
            found.retain(|one| told.contains_key(&(one.channel, one.recipient.clone())));
        }
        _ => {}
    }
    found
}

/// Whether a silence kept somebody from hearing that an alert is this bad: who knew of it hears that it has become worse.
fn missed(one: &mut New, severity: AlertSeverity, told: &BTreeMap<(NotificationChannelId, String), AlertSeverity>) -> bool {
    let before = told.get(&(one.channel, one.recipient.clone()));
    if before.is_some() {
        one.kind = NotificationKind::Worse;
    }
    // The worst is declared first.
    before.is_none_or(|before| *before > severity)
}

/// Who was told of these alerts, or will be.
async fn told(tx: &Tx, alerts: &[AlertId]) -> Result<Told, DbErr> {
    let mut found = Told::new();
    if alerts.is_empty() {
        return Ok(found);
    }
    let backend = tx.get_database_backend();
    let (listed, ids) = in_list(backend, "alert_id", 1, &alerts.iter().map(|id| id.uuid()).collect::<Vec<_>>());
    let sql = format!(
        "select alert_id, channel_id, recipient, severity from notifications
         where {listed} and kind in ('RAISED', 'WORSE', 'ESCALATED') and severity is not null and status <> 'FAILED'"
    );
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [ids])).await? {
        let severity: AlertSeverity = row.try_get_by_index(3)?;
        let worst = found.entry(row.try_get_by_index(0)?).or_default().entry((row.try_get_by_index(1)?, row.try_get_by_index(2)?)).or_insert(severity);
        *worst = severity.min(*worst);
    }
    Ok(found)
}
