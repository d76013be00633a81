//! Slack and Twilio against local servers in their wire formats, and everything that can befall a call to them.

#[path = "support/http.rs"]
mod http_server;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use entities::AlertSeverity;
use http_server::{Does, WebServer};
use integrations::outgoing::{Outgoing, OutgoingSettings};
use integrations::ports::notification::{Destination, IdempotencyKey, Item, Message, MessageChannel, Receipt, SendError};
use integrations::slack::Slack;
use integrations::twilio::{Twilio, TwilioSettings};
use rstest::rstest;
use serde_json::Value;
use tokio::net::TcpListener;

const TIMEOUT: Duration = Duration::from_millis(800);

fn message() -> Message {
    Message {
        subject: "[HIGH] 暖簾 & Co <script>".to_owned(),
        short: "[HIGH] 暖簾 & Co: <!channel> sync stopped".to_owned(),
        facts: vec![("Source".to_owned(), "<https://evil.example|sync>".to_owned())],
        items: vec![Item { text: "one".to_owned(), link: Some("https://api.example.com/?a=1&b=2".parse().unwrap()) }],
        link: Some(("Open".to_owned(), "https://api.example.com/".parse().unwrap())),
        footer: "Noren".to_owned(),
        language: "en",
        severity: Some(AlertSeverity::High),
        at: DateTime::UNIX_EPOCH,
    }
}

fn slack(allowed: &[&str]) -> Slack {
    let allowed_networks = allowed.iter().map(|network| network.parse().unwrap()).collect();
    Slack::new(Outgoing::new(OutgoingSettings { allowed_networks, connect_timeout: TIMEOUT / 2, timeout: TIMEOUT, ..OutgoingSettings::default() }).unwrap())
}

fn twilio(base_url: &str) -> Twilio {
    let settings = TwilioSettings {
        account_sid: "AC1".to_owned(),
        auth_token: "hush".into(),
        from: "+15005550006".to_owned(),
        base_url: base_url.parse().unwrap(),
        timeout: TIMEOUT,
    };
    Twilio::new(settings).unwrap()
}

async fn by_slack(url: &str) -> Result<Receipt, SendError> {
    slack(&["127.0.0.0/8"]).send(&Destination::SlackWebhook(url.to_owned().into()), &message(), &IdempotencyKey::of("notification_1")).await
}

async fn by_twilio(url: &str) -> Result<Receipt, SendError> {
    twilio(url).send(&Destination::Phone("+819012345678".to_owned()), &message(), &IdempotencyKey::of("notification_1")).await
}

#[tokio::test]
async fn slack_gets_blocks_and_a_text_in_which_nothing_is_markup() {
    let server = WebServer::start().await;
    by_slack(&server.url("/services/T0/B0/secret")).await.unwrap();
    let request = server.hears(1).await.remove(0);
    assert!(request.head.starts_with("POST /services/T0/B0/secret HTTP/1.1\r\n"), "{}", request.head);
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["text"], "[HIGH] 暖簾 &amp; Co: &lt;!channel&gt; sync stopped");
    assert_eq!(body["blocks"][0]["text"]["text"], "🟠 [HIGH] 暖簾 & Co <script>");
    assert_eq!(body["blocks"][1]["fields"][0]["text"], "*Source*\n&lt;https://evil.example|sync&gt;");
    assert_eq!(body["blocks"][2]["text"]["text"], "• <https://api.example.com/?a=1&amp;b=2|one>\n");
    for gone in ["channel", "username", "icon_emoji"] {
        assert!(body.get(gone).is_none(), "{gone}");
    }
}

#[tokio::test]
async fn twilio_gets_a_form_and_says_what_it_made() {
    let server = WebServer::start().await;
    let long: &'static str = Box::leak(format!("{{\"body\":\"{}\",\"sid\":\"SM1\",\"status\":\"queued\"}}", "x".repeat(4_000)).into_boxed_str());
    server.then([Does::Answers("201 Created", "content-type: application/json\r\n", long)]);
    let receipt = by_twilio(&server.url("/")).await.unwrap();
    assert_eq!(receipt.provider_id.as_deref(), Some("SM1"));
    let request = server.hears(1).await.remove(0);
    assert!(request.head.starts_with("POST /2010-04-01/Accounts/AC1/Messages.json HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("authorization"), Some(format!("Basic {}", STANDARD.encode("AC1:hush")).as_str()));
    let form: Vec<(String, String)> = url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    assert_eq!(form[0], ("To".to_owned(), "+819012345678".to_owned()));
    assert_eq!(form[1], ("From".to_owned(), "+15005550006".to_owned()));
    assert_eq!(form[2], ("Body".to_owned(), format!("{} https://api.example.com/", message().short)));
}

/// What is expected of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Sent,
    Refused,
    Later(Option<u64>),
    Unknown,
}

fn expected(found: &Result<Receipt, SendError>) -> Expected {
    match found {
        Ok(_) => Expected::Sent,
        Err(SendError::Refused(_)) => Expected::Refused,
        Err(SendError::Later { after, .. }) => Expected::Later(after.map(|wait| wait.as_secs())),
        Err(SendError::Unknown(_)) => Expected::Unknown,
    }
}

#[rstest]
#[case::garbage_with_a_good_status(Does::Answers("200 OK", "", "<html>"), Expected::Sent, Expected::Sent)]
#[case::not_there(Does::Answers("404 Not Found", "", "no_service"), Expected::Refused, Expected::Refused)]
#[case::wrong_number(Does::Answers("400 Bad Request", "", "{\"code\":21211,\"message\":\"Invalid 'To'\"}"), Expected::Refused, Expected::Refused)]
#[case::elsewhere(Does::Answers("302 Found", "location: http://127.0.0.1:1/\r\n", ""), Expected::Refused, Expected::Refused)]
#[case::too_much(Does::Answers("429 Too Many Requests", "retry-after: 30\r\n", ""), Expected::Later(Some(30)), Expected::Later(Some(30)))]
#[case::broken(Does::Answers("500 Internal Server Error", "", "oops"), Expected::Later(None), Expected::Unknown)]
#[case::busy(Does::Answers("503 Service Unavailable", "retry-after: 7\r\n", ""), Expected::Later(Some(7)), Expected::Later(Some(7)))]
#[case::reset(Does::Resets, Expected::Unknown, Expected::Unknown)]
#[case::cut(Does::Cuts, Expected::Unknown, Expected::Unknown)]
#[case::garbage(Does::Babbles, Expected::Unknown, Expected::Unknown)]
#[case::slow(Does::Silent, Expected::Unknown, Expected::Unknown)]
#[tokio::test]
async fn every_end_of_a_call_is_told_apart(#[case] does: Does, #[case] of_a_post: Expected, #[case] of_a_text: Expected) {
    let server = WebServer::start().await;
    server.always(does.clone());
    for (found, end) in [(by_slack(&server.url("/services/T0/B0/secret")).await, of_a_post), (by_twilio(&server.url("/")).await, of_a_text)] {
        assert_eq!(expected(&found), end, "{does:?}: {found:?}");
        assert!(!format!("{found:?}").contains("secret") && !format!("{found:?}").contains("hush"), "{found:?}");
    }
    assert_eq!(server.requests().len(), 2, "once each");
}

#[tokio::test]
async fn a_gateway_that_lost_sight_of_a_text_message_leaves_it_unknown() {
    let server = WebServer::start().await;
    server.always(Does::Answers("502 Bad Gateway", "", ""));
    assert_eq!(expected(&by_twilio(&server.url("/")).await), Expected::Unknown);
    assert_eq!(expected(&by_slack(&server.url("/")).await), Expected::Later(None));
}

#[tokio::test]
async fn nobody_at_home_is_tried_later() {
    let url = format!("http://{}/", TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap());
    assert_eq!(expected(&by_slack(&url).await), Expected::Later(None));
    assert_eq!(expected(&by_twilio(&url).await), Expected::Later(None));
}

#[tokio::test]
async fn slack_is_dialled_through_the_guard() {
    let server = WebServer::start().await;
    let found = slack(&[]).send(&Destination::SlackWebhook(server.url("/").into()), &message(), &IdempotencyKey::of("notification_1")).await;
    assert_eq!(expected(&found), Expected::Refused);
    assert_eq!(server.requests().len(), 0);
}
