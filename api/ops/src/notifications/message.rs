//! What messages say, in the tenant's language and time zone. Short: people read them on a phone, at night.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entities::{AlertId, AlertSeverity, NotificationKind};
use integrations::ports::notification::{Item, Message};
use url::Url;

use super::digest::Content;
use super::row::{NotificationChannelRow, NotificationRow};
use crate::alerts::AlertRow;

/// The longest message of an alert in a subject, in characters.
const SUBJECT: usize = 120;
/// Counts that a digest tells of at most.
const COUNTS: usize = 40;

/// To whom a message speaks.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    /// The tenant's name, or the platform's.
    pub(super) name: String,
    /// Whether it is told in Japanese.
    pub(super) japanese: bool,
    /// The time zone.
    pub(super) zone: Tz,
    /// Where this API is reached from outside.
    pub(super) public_url: Option<String>,
}

impl Reader {
    fn say(&self, english: &'static str, japanese: &'static str) -> String {
        if self.japanese { japanese } else { english }.to_owned()
    }

    fn time(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// The page that shows an alert.
    fn page(&self, alert: AlertId) -> Option<Url> {
        let mut url = Url::parse(&format!("{}/graphiql", self.public_url.as_ref()?)).ok()?;
        let query = format!("{{ alert(id: \"{alert}\") {{ type severity source message status count firstSeenAt lastSeenAt data }} }}");
        url.query_pairs_mut().append_pair("query", &query);
        Some(url)
    }

    fn footer(&self, channel: &NotificationChannelRow) -> String {
        match self.japanese {
            true => format!("Noren が {} の通知チャネル「{}」に送信しました。", self.name, channel.name),
            false => format!("Sent by Noren through the channel “{}” of {}.", channel.name, self.name),
        }
    }

    fn kind(&self, kind: NotificationKind) -> String {
        match kind {
            NotificationKind::Raised => self.say("raised", "発生"),
            NotificationKind::Worse => self.say("worse", "悪化"),
            NotificationKind::Escalated => self.say("escalated", "エスカレーション"),
            NotificationKind::Resolved => self.say("resolved", "解決"),
            NotificationKind::Test => self.say("test", "テスト"),
            NotificationKind::Digest => self.say("digest", "まとめ"),
        }
    }
}

fn cut(text: &str, longest: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= longest { line } else { line.chars().take(longest - 1).chain(['…']).collect() }
}

const fn word(japanese: bool) -> &'static str {
    if japanese { "ja" } else { "en" }
}

/// What is told of an alert.
pub(super) fn of_alert(reader: &Reader, channel: &NotificationChannelRow, row: &NotificationRow, alert: &AlertRow, store: Option<&str>) -> Message {
    let resolved = row.kind == NotificationKind::Resolved;
    let mark = match row.kind {
        NotificationKind::Resolved => format!("[{}]", reader.say("RESOLVED", "解決")),
        NotificationKind::Escalated => format!("[{}] [{} {}]", alert.severity, reader.say("level", "レベル"), row.level),
        _ => format!("[{}]", alert.severity),
    };
    let mut facts = vec![
        (reader.say("Message", "内容"), alert.message.clone()),
        (reader.say("Severity", "重要度"), alert.severity.to_string()),
        (reader.say("Type", "種類"), alert.kind.clone()),
        (reader.say("Source", "発生元"), alert.source.clone()),
    ];
    facts.extend(store.map(|name| (reader.say("Store", "ストア"), name.to_owned())));
    facts.push((reader.say("Seen", "回数"), if reader.japanese { format!("{} 回", alert.count) } else { format!("{} times", alert.count) }));
    facts.push((reader.say("First seen", "初回発生"), reader.time(alert.first_seen_at)));
    if row.kind == NotificationKind::Worse {
        facts.push((reader.say("Note", "備考"), reader.say("it has become worse", "状況が悪化しました")));
    }
    if resolved {
        facts.extend(alert.resolved_at.map(|at| (reader.say("Resolved", "解決日時"), reader.time(at))));
        facts.extend(alert.resolution_notes.clone().map(|notes| (reader.say("Notes", "対応内容"), notes)));
    } else if alert.last_seen_at > alert.first_seen_at {
        facts.push((reader.say("Last seen", "最終発生"), reader.time(alert.last_seen_at)));
    }
    let subject = format!("{mark} {}: {}", reader.name, cut(&alert.message, SUBJECT));
    Message {
        short: format!("{mark} {}: {}", reader.name, cut(&alert.message, 1_000)),
        subject,
        facts,
        items: Vec::new(),
        link: reader.page(alert.id).map(|url| (reader.say("Show the alert", "アラートを表示"), url)),
        footer: reader.footer(channel),
        language: word(reader.japanese),
        severity: (!resolved).then_some(alert.severity),
        at: row.created_at,
    }
}

/// What a test says.
pub(super) fn of_test(reader: &Reader, channel: &NotificationChannelRow, row: &NotificationRow) -> Message {
    let text = match reader.japanese {
        true => format!("通知チャネル「{}」のテストです。", channel.name),
        false => format!("this is a test of the channel “{}”.", channel.name),
    };
    let subject = format!("[{}] {}: {text}", reader.say("TEST", "テスト"), reader.name);
    Message {
        short: subject.clone(),
        subject,
        facts: vec![(reader.say("Sent", "送信日時"), reader.time(row.created_at))],
        items: Vec::new(),
        link: None,
        footer: reader.footer(channel),
        language: word(reader.japanese),
        severity: None,
        at: row.created_at,
    }
}

/// What a digest says.
pub(super) fn of_digest(reader: &Reader, channel: &NotificationChannelRow, row: &NotificationRow, content: &Content) -> Message {
    let total: i64 = content.counts.iter().map(|(.., count)| count).sum();
    let of = |severity: AlertSeverity| content.counts.iter().filter(|(_, of, ..)| *of == Some(severity)).map(|(.., count)| count).sum::<i64>();
    let by_severity: Vec<(AlertSeverity, i64)> = AlertSeverity::ALL.iter().map(|severity| (*severity, of(*severity))).filter(|(_, count)| *count > 0).collect();
    let severities = by_severity.iter().map(|(severity, count)| format!("{severity} {count}")).collect::<Vec<_>>().join(", ");
    let what = if reader.japanese { format!("通知 {total} 件 ({severities})") } else { format!("{total} notifications ({severities})") };
    let subject = format!("[{}] {}: {what}", reader.say("DIGEST", "まとめ"), reader.name);
    let mut facts: Vec<(String, String)> = Vec::new();
    for (kind, severity, alert, count) in content.counts.iter().take(COUNTS) {
        let severity = severity.map(|severity| format!("{severity} ")).unwrap_or_default();
        facts.push((format!("{severity}{} ({})", cut(alert, 100), reader.kind(*kind)), count.to_string()));
    }
    let rest: i64 = content.counts.iter().skip(COUNTS).map(|(.., count)| count).sum();
    if rest > 0 {
        facts.push((reader.say("Others", "その他"), rest.to_string()));
    }
    let items = content.newest.iter().map(|member| Item {
        text: format!(
            "{} [{}] ({}) {}",
            reader.time(member.at),
            member.severity.map_or_else(String::new, |severity| severity.to_string()),
            reader.kind(member.kind),
            cut(&member.message, 200)
        ),
        link: member.alert.and_then(|alert| reader.page(alert)),
    });
    Message {
        short: subject.clone(),
        subject,
        facts,
        items: items.collect(),
        link: None,
        footer: reader.footer(channel),
        language: word(reader.japanese),
        severity: by_severity.first().map(|(severity, _)| *severity),
        at: row.due_at.unwrap_or(row.created_at),
    }
}
