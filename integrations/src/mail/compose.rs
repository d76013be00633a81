//! The mail itself: text and HTML of the same words. Headers hold one line each, whatever the words are.

use std::fmt::Write;
use std::time::SystemTime;

use entities::AlertSeverity;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart, header};
use lettre::{Address, error::Error};

use crate::outgoing::clean;
use crate::ports::notification::{IdempotencyKey, Message};

/// The longest subject, in characters.
const SUBJECT: usize = 200;

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The bytes of a mail to these addresses.
pub(super) fn mail(from: &Mailbox, to: Vec<Address>, message: &Message, key: &IdempotencyKey) -> Result<Vec<u8>, Error> {
    let mut builder = lettre::Message::builder()
        .from(from.clone())
        .date(SystemTime::from(message.at))
        .subject(clean(&message.subject, SUBJECT))
        // The same for every attempt: whoever gets the mail twice can tell.
        .message_id(Some(format!("<{}@{}>", key.as_str(), from.email.domain())))
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        .raw_header(raw("X-Auto-Response-Suppress", "All"))
        .raw_header(raw("Content-Language", message.language));
    if message.severity == Some(AlertSeverity::Critical) {
        builder = builder.raw_header(raw("Importance", "high")).raw_header(raw("X-Priority", "1"));
    }
    for address in to {
        builder = builder.to(Mailbox::new(None, address));
    }
    let part = |kind: header::ContentType, body: String| SinglePart::builder().header(kind).body(body);
    let both = MultiPart::alternative()
        .singlepart(part(header::ContentType::TEXT_PLAIN, text(message)))
        .singlepart(part(header::ContentType::TEXT_HTML, html(message)));
    Ok(builder.multipart(both)?.formatted())
}

fn text(message: &Message) -> String {
    let mut out = format!("{}\r\n\r\n", message.subject);
    for (label, value) in &message.facts {
        let _ = write!(out, "{label}: {value}\r\n");
    }
    if !message.items.is_empty() {
        out.push_str("\r\n");
    }
    for item in &message.items {
        let _ = write!(out, "- {}\r\n", item.text);
        if let Some(link) = &item.link {
            let _ = write!(out, "  {link}\r\n");
        }
    }
    if let Some((label, url)) = &message.link {
        let _ = write!(out, "\r\n{label}: {url}\r\n");
    }
    let _ = write!(out, "\r\n-- \r\n{}\r\n", message.footer);
    out
}

/// Text that HTML shows as it is, in content and in attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

const fn colour(severity: Option<AlertSeverity>) -> &'static str {
    match severity {
        Some(AlertSeverity::Critical) => "#b3261e",
        Some(AlertSeverity::High) => "#b85c00",
        Some(AlertSeverity::Medium) => "#8a6d00",
        Some(AlertSeverity::Low) | None => "#33475b",
    }
}

fn html(message: &Message) -> String {
    let colour = colour(message.severity);
    let mut out = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"></head>\
         <body style=\"font-family:sans-serif;line-height:1.5;color:#1d2733;margin:0;padding:16px\">\r\n\
         <h1 style=\"font-size:18px;border-left:4px solid {colour};padding-left:12px;margin:0 0 16px\">{}</h1>\r\n<table style=\"border-collapse:collapse\">\r\n",
        escape(message.language),
        escape(&message.subject),
    );
    for (label, value) in &message.facts {
        let _ = write!(
            out,
            "<tr><th style=\"text-align:left;vertical-align:top;padding:2px 16px 2px 0;font-weight:600\">{}</th><td style=\"padding:2px 0\">{}</td></tr>\r\n",
            escape(label),
            escape(value)
        );
    }
    out.push_str("</table>\r\n");
    if !message.items.is_empty() {
        out.push_str("<ul>\r\n");
        for item in &message.items {
            let _ = match &item.link {
                Some(link) => write!(out, "<li><a href=\"{}\">{}</a></li>\r\n", escape(link.as_str()), escape(&item.text)),
                None => write!(out, "<li>{}</li>\r\n", escape(&item.text)),
            };
        }
        out.push_str("</ul>\r\n");
    }
    if let Some((label, url)) = &message.link {
        let _ = write!(out, "<p><a href=\"{}\">{}</a></p>\r\n", escape(url.as_str()), escape(label));
    }
    let _ = write!(out, "<p style=\"color:#5b6875;font-size:12px\">{}</p>\r\n</body></html>\r\n", escape(&message.footer));
    out
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn words_from_outside_make_neither_headers_nor_markup() {
        let message = Message {
            subject: "[CRITICAL] 暖簾\r\nBcc: everybody@example.com\r\n\r\n<script>".to_owned(),
            short: String::new(),
            facts: vec![("Message".to_owned(), "<img src=x onerror='a'> & \"b\"".to_owned())],
            items: Vec::new(),
            link: None,
            footer: "Noren".to_owned(),
            language: "ja",
            severity: Some(AlertSeverity::Critical),
            at: DateTime::UNIX_EPOCH,
        };
        let from: Mailbox = "Noren <alerts@noren.example>".parse().unwrap();
        let mail = mail(&from, vec!["ops@example.jp".parse().unwrap()], &message, &IdempotencyKey::of("notification_1")).unwrap();
        let mail = String::from_utf8(mail).unwrap();
        assert!(mail.is_ascii(), "{mail}");
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_lowercase().contains("\r\nbcc:"), "{head}");
        for line in ["Message-ID: <notification_1@noren.example>", "Auto-Submitted: auto-generated", "Importance: high", "To: ops@example.jp"] {
            assert!(head.contains(line), "{line} in {head}");
        }
        let html = html(&message);
        assert!(html.contains("&lt;img src=x onerror=&#39;a&#39;&gt; &amp; &quot;b&quot;") && !html.contains("<script"), "{html}");
    }
}
