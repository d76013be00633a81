//! Which ways an alert takes: rules by severity, quiet hours and levels of escalation, as they are stored and as they hold.

use chrono::{DateTime, Utc};
use chrono_tz::Asia::Tokyo;
use chrono_tz::Tz;
use entities::{AlertSeverity, NotificationChannelId, NotificationChannelKind, NotificationChannelStatus};
use sea_orm::prelude::Json;
use sea_orm::{DbErr, QueryResult};
use serde::{Deserialize, Serialize};

use super::quiet;
use super::row::NotificationChannelRow;

/// Which ways the alerts of a severity take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationRule {
    /// The severity.
    pub severity: AlertSeverity,
    /// Every channel of these kinds.
    pub kinds: Vec<NotificationChannelKind>,
    /// These channels.
    pub channel_ids: Vec<NotificationChannelId>,
}

/// Hours in which only what is critical is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuietHours {
    /// From when on, in minutes after midnight.
    pub from: u16,
    /// Until when, in minutes after midnight.
    pub to: u16,
    /// The time zone of both; none for the tenant's.
    pub time_zone: Option<String>,
}

/// Who is told next when nobody looks after an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EscalationLevel {
    /// How long after the alert was raised, or came to the level before, in minutes.
    pub after_minutes: i64,
    /// By which channels.
    pub channel_ids: Vec<NotificationChannelId>,
}

/// What holds for a tenant, or above all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationSettings {
    /// The rules that somebody has made; see [`NotificationSettings::rule`].
    pub rules: Option<Vec<NotificationRule>>,
    /// Quiet hours.
    pub quiet_hours: Option<QuietHours>,
    /// The levels of escalation, the first one first.
    pub escalation: Vec<EscalationLevel>,
    /// When they were last changed (UTC).
    pub updated_at: Option<DateTime<Utc>>,
}

/// The columns that [`NotificationSettings::read`] reads.
pub(super) const COLUMNS: &str = "s.rules, s.quiet_from, s.quiet_to, s.quiet_time_zone, s.escalation, s.updated_at";

/// What holds when nobody says otherwise (seed 000): what is low is logged alone.
fn by_default(severity: AlertSeverity) -> NotificationRule {
    use NotificationChannelKind::{Email, Slack, Sms};
    let kinds = match severity {
        AlertSeverity::Critical => vec![Email, Slack, Sms],
        AlertSeverity::High => vec![Email, Slack],
        AlertSeverity::Medium => vec![Slack],
        AlertSeverity::Low => Vec::new(),
    };
    NotificationRule { severity, kinds, channel_ids: Vec::new() }
}

impl NotificationSettings {
    /// The settings in a row, from a column on.
    pub(super) fn read(row: &QueryResult, offset: usize) -> Result<Self, DbErr> {
        let rules: Option<Json> = row.try_get_by_index(offset)?;
        let (from, to): (Option<i32>, Option<i32>) = (row.try_get_by_index(offset + 1)?, row.try_get_by_index(offset + 2)?);
        let minutes = |minute: i32| u16::try_from(minute).unwrap_or_default();
        let escalation: Option<Json> = row.try_get_by_index(offset + 4)?;
        let time_zone = row.try_get_by_index(offset + 3)?;
        Ok(Self {
            rules: rules.and_then(|rules| serde_json::from_value(rules).ok()),
            quiet_hours: from.zip(to).map(|(from, to)| QuietHours { from: minutes(from), to: minutes(to), time_zone }),
            escalation: escalation.and_then(|levels| serde_json::from_value(levels).ok()).unwrap_or_default(),
            updated_at: row.try_get_by_index(offset + 5)?,
        })
    }

    /// The rule for a severity.
    pub fn rule(&self, severity: AlertSeverity) -> NotificationRule {
        let made = self.rules.iter().flatten().find(|rule| rule.severity == severity);
        made.cloned().unwrap_or_else(|| by_default(severity))
    }

    /// The channels that are told of alerts of a severity.
    pub(super) fn told<'a>(&self, severity: AlertSeverity, channels: &'a [NotificationChannelRow]) -> Vec<&'a NotificationChannelRow> {
        let rule = self.rule(severity);
        channels.iter().filter(|channel| is_used(channel) && (rule.kinds.contains(&channel.kind) || rule.channel_ids.contains(&channel.id))).collect()
    }

    /// The channels of a level of escalation, the first being 1.
    pub(super) fn of_level<'a>(&self, level: i32, channels: &'a [NotificationChannelRow]) -> Vec<&'a NotificationChannelRow> {
        let Some(level) = self.level(level) else { return Vec::new() };
        channels.iter().filter(|channel| is_used(channel) && level.channel_ids.contains(&channel.id)).collect()
    }

    /// A level of escalation, the first being 1.
    pub(super) fn level(&self, level: i32) -> Option<&EscalationLevel> {
        self.escalation.get(usize::try_from(level).ok()?.checked_sub(1)?)
    }

    /// Until when an alert of a severity waits, where it does; `zone` is the tenant's.
    pub(super) fn waits_until(&self, severity: AlertSeverity, zone: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let quiet = self.quiet_hours.as_ref().filter(|_| severity != AlertSeverity::Critical)?;
        let zone = quiet.time_zone.as_deref().unwrap_or(zone);
        quiet::ends(quiet.from, quiet.to, zone_of(zone), now)
    }
}

/// A time zone by its name.
pub(super) fn zone_of(name: &str) -> Tz {
    name.parse().unwrap_or(Tokyo)
}

fn is_used(channel: &NotificationChannelRow) -> bool {
    channel.status == NotificationChannelStatus::Enabled
}
