//! Slack's incoming webhooks: blocks, and a text for where blocks are not shown. The address is the caller's: it is dialled through
//! the guard.

use std::fmt::Write;

use async_trait::async_trait;
use bytes::Bytes;
use entities::{AlertSeverity, NotificationChannelKind};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::outgoing::{FailureKind, Outcome, Outgoing, UrlProblem};
use crate::ports::notification::{Destination, IdempotencyKey, Message, MessageChannel, Receipt, SendError};

/// The longest header, in characters.
const HEADER: usize = 150;
/// The longest text of a section, in characters.
const SECTION: usize = 3_000;
/// The longest field of a section, in characters.
const FIELD: usize = 2_000;
/// Fields of a section.
const FIELDS: usize = 10;

/// Slack.
#[derive(Clone, Debug)]
pub struct Slack {
    outgoing: Outgoing,
}

impl Slack {
    /// Slack, dialled this way.
    pub fn new(outgoing: Outgoing) -> Self {
        Self { outgoing }
    }
}

/// Text that mrkdwn does not read as links, mentions or entities.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// At most so many characters.
fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest - 1).chain(['…']).collect()
}

/// Escaped text of at most so many characters: no entity is cut in two.
fn escape_to(text: &str, longest: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let escaped = escape(c.encode_utf8(&mut [0; 4]));
        if out.chars().count() + escaped.chars().count() >= longest {
            out.push('…');
            break;
        }
        out.push_str(&escaped);
    }
    out
}

/// A link as mrkdwn has it.
fn link(url: &str, text: &str) -> String {
    format!("<{}|{}>", escape(url).replace('|', "%7C"), escape(text).replace('|', "¦"))
}

fn mrkdwn(text: String) -> Value {
    // Names and addresses in the text are not made into mentions and links.
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

const fn sign(severity: Option<AlertSeverity>) -> &'static str {
    match severity {
        Some(AlertSeverity::Critical) => "🔴 ",
        Some(AlertSeverity::High) => "🟠 ",
        Some(AlertSeverity::Medium) => "🟡 ",
        Some(AlertSeverity::Low) => "⚪ ",
        None => "",
    }
}

/// The body of the request.
fn body(message: &Message) -> Value {
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": cut(&format!("{}{}", sign(message.severity), message.subject), HEADER), "emoji": true },
    })];
    for facts in message.facts.chunks(FIELDS) {
        let fields: Vec<Value> = facts.iter().map(|(label, value)| mrkdwn(format!("*{}*\n{}", escape_to(label, 100), escape_to(value, FIELD - 110)))).collect();
        blocks.push(json!({ "type": "section", "fields": fields }));
    }
    let mut list = String::new();
    let section = |text: &str| json!({ "type": "section", "text": mrkdwn(text.to_owned()) });
    for item in &message.items {
        let mut line = String::new();
        let text = cut(&item.text, 300);
        let _ = match &item.link {
            Some(url) => writeln!(line, "• {}", link(url.as_str(), &text)),
            None => writeln!(line, "• {}", escape(&text)),
        };
        if list.chars().count() + line.chars().count() > SECTION {
            blocks.push(section(&list));
            list.clear();
        }
        list.push_str(&line);
    }
    if !list.is_empty() {
        blocks.push(section(&list));
    }
    if let Some((text, url)) = &message.link {
        blocks.push(section(&link(url.as_str(), text)));
    }
    blocks.push(json!({ "type": "context", "elements": [mrkdwn(escape_to(&message.footer, FIELD))] }));
    blocks.truncate(50);
    json!({ "text": escape_to(&message.short, SECTION), "blocks": blocks, "unfurl_links": false, "unfurl_media": false })
}

#[async_trait]
impl MessageChannel for Slack {
    fn kind(&self) -> NotificationChannelKind {
        NotificationChannelKind::Slack
    }

    async fn send(&self, to: &Destination, message: &Message, _key: &IdempotencyKey) -> Result<Receipt, SendError> {
        let Destination::SlackWebhook(address) = to else { return Err(SendError::Refused("this is not the address of a webhook".to_owned())) };
        let url = self.outgoing.check_url(address.expose_secret()).map_err(|problem| SendError::Refused(problem.to_string()))?;
        let headers = [("content-type", "application/json; charset=utf-8".to_owned())];
        match self.outgoing.post(&url, &headers, Bytes::from(body(message).to_string())).await.outcome {
            Outcome::Answered { status: 200..=299, .. } => Ok(Receipt::default()),
            Outcome::Answered { status: status @ (408 | 425 | 429 | 500..=599), retry_after, body_start } => {
                Err(SendError::Later { why: answered(status, &body_start), after: retry_after })
            }
            Outcome::Answered { status, body_start, .. } => Err(SendError::Refused(answered(status, &body_start))),
            // Which inside names there are is nobody's business: both cases read alike.
            Outcome::Refused(UrlProblem::Inside) | Outcome::Failed { kind: FailureKind::Dns, .. } => {
                Err(SendError::later("the host's name leads nowhere that may be dialled"))
            }
            Outcome::Refused(problem) => Err(SendError::Refused(problem.to_string())),
            Outcome::Failed { kind, message } if kind.may_have_arrived() => Err(SendError::Unknown(message)),
            Outcome::Failed { message, .. } => Err(SendError::later(message)),
        }
    }
}

fn answered(status: u16, body_start: &str) -> String {
    format!("answered {status}: {}", cut(body_start, 200)).trim_end_matches([':', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escape("<!channel> & <https://a|b>"), "&lt;!channel&gt; &amp; &lt;https://a|b&gt;");
        assert_eq!(link("https://a.example/?a=1&b=2|3", "x > y|z"), "<https://a.example/?a=1&amp;b=2%7C3|x &gt; y¦z>");
        let long = escape_to(&"&".repeat(100), 20);
        assert_eq!(long, "&amp;&amp;&amp;…");
    }
}
