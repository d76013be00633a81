//! Mail against a server that speaks SMTP, in the open, by STARTTLS and over TLS, and that fails at every step.

#[path = "support/smtp.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod smtp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use entities::AlertSeverity;
use integrations::mail::{Mail, MailSettings, SmtpSecurity};
use integrations::ports::notification::{Destination, IdempotencyKey, Item, Message, MessageChannel, Receipt, SendError};
use rstest::rstest;
use smtp::{Ended, Fault, MailServer, Step};
use tokio::net::TcpListener;

fn settings(address: SocketAddr) -> MailSettings {
    MailSettings {
        host: address.ip().to_string(),
        port: address.port(),
        security: SmtpSecurity::Plain,
        credentials: None,
        from: "Noren <alerts@noren.example>".to_owned(),
        trusted: None,
        timeout: Duration::from_millis(1_500),
    }
}

fn message() -> Message {
    Message {
        subject: "[CRITICAL] 株式会社暖簾: 同期が止まっています".to_owned(),
        short: "同期が止まっています".to_owned(),
        facts: vec![("種類".to_owned(), "SYNC_FAILED".to_owned())],
        items: vec![Item { text: "一つ目".to_owned(), link: None }],
        link: Some(("見る".to_owned(), "https://api.example.com/".parse().unwrap())),
        footer: "Noren".to_owned(),
        language: "ja",
        severity: Some(AlertSeverity::Critical),
        at: DateTime::UNIX_EPOCH,
    }
}

async fn send_to(mail: &Mail, addresses: &[&str]) -> Result<Receipt, SendError> {
    let to = Destination::Emails(addresses.iter().map(|address| (*address).to_owned()).collect());
    mail.send(&to, &message(), &IdempotencyKey::of("notification_1")).await
}

#[tokio::test]
async fn a_mail_arrives_in_text_and_html_and_says_what_it_is() {
    let (server, address) = MailServer::start().await;
    let mail = Mail::new(settings(address)).unwrap();
    let receipt = send_to(&mail, &["a@example.jp", "b@example.jp"]).await.unwrap();
    assert_eq!(receipt.provider_id.as_deref(), Some("queued as 4711"));
    let received = server.receives(1).await.remove(0);
    assert_eq!((received.from.as_str(), received.to), ("alerts@noren.example", vec!["a@example.jp".to_owned(), "b@example.jp".to_owned()]));
    let received = server.received().remove(0);
    assert_eq!(received.header("Message-ID").as_deref(), Some("<notification_1@noren.example>"));
    assert_eq!(received.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    let subject: String = received
        .header("Subject")
        .unwrap()
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| match word.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?=")) {
            Some(encoded) => String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap(),
            None => format!("{word} "),
        })
        .collect();
    assert_eq!(subject.replace(' ', ""), message().subject.replace(' ', ""));
    assert!(received.data.contains("multipart/alternative") && received.data.contains("text/plain") && received.data.contains("text/html"));
    assert!(received.data.lines().all(|line| line.len() <= 998), "lines are no longer than SMTP takes");
}

#[rstest]
#[case::greeting(Step::Greeting, Fault::Says("421 too busy"))]
#[case::closed(Step::Greeting, Fault::Closes)]
#[case::silent(Step::Greeting, Fault::Silent)]
#[case::garbage(Step::Greeting, Fault::Says("hello?"))]
#[case::sender_later(Step::Mail, Fault::Says("451 try again"))]
#[case::grey(Step::Rcpt, Fault::Says("450 greylisted"))]
#[case::cut_at_data(Step::Data, Fault::Closes)]
#[case::later_after_all(Step::Message, Fault::Says("452 no room"))]
#[tokio::test]
async fn what_breaks_before_the_last_full_stop_was_not_sent(#[case] step: Step, #[case] fault: Fault) {
    let (server, address) = MailServer::start().await;
    server.then([(step, fault)]);
    let mail = Mail::new(settings(address)).unwrap();
    let found = send_to(&mail, &["a@example.jp"]).await;
    assert!(matches!(found, Err(SendError::Later { .. })), "{found:?}");
    assert_eq!(server.received().len(), 0);
    // The next attempt is like the first.
    send_to(&mail, &["a@example.jp"]).await.unwrap();
}

#[rstest]
#[case::closed(Fault::Closes)]
#[case::silent(Fault::Silent)]
#[case::garbage(Fault::Says("hm"))]
#[tokio::test]
async fn what_breaks_after_it_is_unknown(#[case] fault: Fault) {
    let (server, address) = MailServer::start().await;
    server.then([(Step::Message, fault)]);
    let found = send_to(&Mail::new(settings(address)).unwrap(), &["a@example.jp"]).await;
    assert!(matches!(found, Err(SendError::Unknown(_))), "{found:?}");
}

#[rstest]
#[case::nobody(Step::Rcpt, "550 no such user")]
#[case::sender(Step::Mail, "550 not from you")]
#[case::spam(Step::Message, "554 looks like spam")]
#[tokio::test]
async fn what_the_server_refuses_is_refused_for_good(#[case] step: Step, #[case] line: &'static str) {
    let (server, address) = MailServer::start().await;
    server.then([(step, Fault::Says(line))]);
    let found = send_to(&Mail::new(settings(address)).unwrap(), &["a@example.jp"]).await;
    let Err(SendError::Refused(why)) = found else { panic!("{found:?}") };
    assert!(why.contains(&line[4..]), "{why}");
}

#[tokio::test]
async fn some_may_get_it_and_others_not() {
    let (server, address) = MailServer::start().await;
    server.refuse("gone@example.jp", Some("550 gone"));
    server.refuse("grey@example.jp", Some("450 later"));
    let mail = Mail::new(settings(address)).unwrap();
    let receipt = send_to(&mail, &["a@example.jp", "gone@example.jp", "grey@example.jp"]).await.unwrap();
    assert_eq!(server.receives(1).await[0].to, ["a@example.jp"]);
    assert_eq!((receipt.refused[0].0.as_str(), receipt.later[0].0.as_str()), ("gone@example.jp", "grey@example.jp"));
}

#[tokio::test]
async fn nobody_at_home_is_tried_later() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let found = send_to(&Mail::new(settings(address)).unwrap(), &["a@example.jp"]).await;
    assert!(matches!(found, Err(SendError::Later { .. })), "{found:?}");
}

/// A certificate for this address, of an authority that nobody knows, and its key.
fn certificate() -> (Vec<u8>, Vec<u8>) {
    (include_bytes!("fixtures/mail.cert.der").to_vec(), include_bytes!("fixtures/mail.key.der").to_vec())
}

/// A server that speaks TLS, from the start or when it is asked.
async fn secure(at_once: bool) -> (MailServer, SocketAddr) {
    let (certificate, key) = certificate();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], rustls::pki_types::PrivatePkcs8KeyDer::from(key).into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = MailServer::default();
    server.offers = if at_once { vec!["AUTH PLAIN LOGIN"] } else { vec!["STARTTLS"] };
    let serving = server.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (serving, acceptor) = (serving.clone(), acceptor.clone());
            tokio::spawn(async move {
                if at_once {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    serving.converse(stream, true).await;
                } else if let Some((Ended::StartTls, stream)) = serving.converse(stream, true).await {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let mut inside = serving;
                    inside.offers = vec!["AUTH PLAIN LOGIN"];
                    inside.converse(stream, false).await;
                }
            });
        }
    });
    (server, address)
}

#[rstest]
#[tokio::test]
async fn passwords_are_said_to_a_server_that_somebody_vouches_for_alone(#[values(SmtpSecurity::Tls, SmtpSecurity::StartTls)] security: SmtpSecurity) {
    let (server, address) = secure(security == SmtpSecurity::Tls).await;
    let untrusted = MailSettings { security, credentials: Some(("noren".to_owned(), "hush".into())), ..settings(address) };
    let found = send_to(&Mail::new(untrusted.clone()).unwrap(), &["a@example.jp"]).await;
    assert!(matches!(found, Err(SendError::Later { .. })), "{found:?}");
    assert_eq!(server.received().len(), 0);
    let trusting = Mail::new(MailSettings { trusted: Some(include_bytes!("fixtures/mail.ca.pem").to_vec()), ..untrusted }).unwrap();
    send_to(&trusting, &["a@example.jp"]).await.unwrap();
    let auth = server.receives(1).await.remove(0).auth.unwrap();
    assert_eq!(auth, format!("AUTH PLAIN {}", STANDARD.encode("\0noren\0hush")));
}

#[tokio::test]
async fn without_the_tls_that_was_asked_for_nothing_is_said() {
    let (server, address) = MailServer::start().await;
    let found = send_to(&Mail::new(MailSettings { security: SmtpSecurity::StartTls, ..settings(address) }).unwrap(), &["a@example.jp"]).await;
    assert!(matches!(found, Err(SendError::Later { .. })), "{found:?}");
    assert_eq!(server.received().len(), 0);
}
