//! What can befall an outgoing call, each against a server that misbehaves in its own way.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use integrations::outgoing::{FailureKind, MAX_RETRY_AFTER, Outcome, Outgoing, OutgoingSettings, Resolver, Sent, UrlProblem};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

const TIMEOUT: Duration = Duration::from_millis(800);

/// Knows every host by the same addresses, or keeps its callers waiting.
struct Says(Option<Vec<&'static str>>);

#[async_trait]
impl Resolver for Says {
    async fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        match &self.0 {
            Some(addresses) => Ok(addresses.iter().map(|address| address.parse().unwrap()).collect()),
            None => std::future::pending().await,
        }
    }
}

fn settings() -> OutgoingSettings {
    OutgoingSettings { connect_timeout: TIMEOUT / 2, timeout: TIMEOUT, ..OutgoingSettings::default() }
}

/// May dial 127.0.0.1, as a receiver in the operator's own network.
fn local() -> Outgoing {
    Outgoing::new(OutgoingSettings { allowed_networks: vec!["127.0.0.1/32".parse().unwrap()], ..settings() }).unwrap()
}

/// Resolves every name to these addresses; `allowed` may be dialled although inside.
fn resolving(addresses: Option<Vec<&'static str>>, allowed: &[&str]) -> Outgoing {
    let allowed_networks = allowed.iter().map(|network| network.parse().unwrap()).collect();
    Outgoing::new(OutgoingSettings { allowed_networks, resolver: Arc::new(Says(addresses)), ..settings() }).unwrap()
}

/// A server that reads each request to its end and then does as it likes with the connection.
async fn serve<F: Future<Output = ()> + Send>(act: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    tokio::spawn(async move {
        let act = Arc::new(act);
        while let Ok((mut stream, _)) = listener.accept().await {
            seen.fetch_add(1, Ordering::SeqCst);
            let act = act.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"{\"id\":1}") && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
                act(stream).await;
            });
        }
    });
    (address, count)
}

/// A server that answers every request with these bytes and then closes.
async fn answer(bytes: impl Into<Bytes>) -> SocketAddr {
    let bytes = bytes.into();
    let serving = serve(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let _ = stream.write_all(&bytes).await;
        }
    });
    serving.await.0
}

async fn post(outgoing: &Outgoing, url: &str) -> Sent {
    let headers = [("webhook-id", "msg_1".to_owned()), ("content-type", "application/json".to_owned())];
    let sent = outgoing.post(&Url::parse(url).unwrap(), &headers, Bytes::from_static(b"{\"id\":1}")).await;
    assert!(sent.duration < TIMEOUT + Duration::from_millis(400), "took {:?}", sent.duration);
    sent
}

async fn post_to(address: SocketAddr) -> Outcome {
    post(&local(), &format!("http://{address}/hook")).await.outcome
}

fn answered(status: u16, retry_after: Option<u64>, body_start: &str) -> Outcome {
    Outcome::Answered { status, retry_after: retry_after.map(Duration::from_secs), body_start: body_start.into() }
}

#[track_caller]
fn assert_failed(outcome: Outcome, expected: FailureKind, may_have_arrived: bool) {
    let Outcome::Failed { kind, message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(kind, expected, "{message}");
    assert_eq!(kind.may_have_arrived(), may_have_arrived);
    assert!(!message.is_empty() && !message.contains(['\n', '\r', '\0']), "{message}");
}

#[tokio::test]
async fn a_receiver_gets_the_body_and_the_headers_and_its_answer_is_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?shop=1", listener.local_addr().unwrap());
    let receiver = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"{\"id\":1}") {
            stream.read_buf(&mut request).await.unwrap();
        }
        let body = "thank\r\n\0 you \u{202e}暖簾";
        stream.write_all(format!("HTTP/1.1 202 Accepted\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    assert_eq!(post(&local(), &url).await.outcome, answered(202, None, "thank you 暖簾"));
    let request = receiver.await.unwrap();
    assert!(request.starts_with("POST /hook?shop=1 HTTP/1.1\r\n"), "{request}");
    for line in ["webhook-id: msg_1", "content-type: application/json", "content-length: 8", "user-agent: noren/"] {
        assert!(request.contains(line), "{line} in {request}");
    }
    assert!(!request.contains("accept-encoding"), "nothing is decompressed: {request}");
}

#[rstest]
#[case::fine("200 OK", "", answered(200, None, "x"))]
#[case::broken("500 Internal Server Error", "", answered(500, None, "x"))]
#[case::seconds("429 Too Many Requests", "retry-after: 120\r\n", answered(429, Some(120), "x"))]
#[case::date("503 Service Unavailable", "date: Sun, 01 Nov 2026 00:00:00 GMT\r\nretry-after: Sun, 01 Nov 2026 00:10:00 GMT\r\n", answered(503, Some(600), "x"))]
#[case::old_date_form("429 Slow", "date: Sun, 01 Nov 2026 00:00:00 GMT\r\nretry-after: Sun Nov  1 00:00:07 2026\r\n", answered(429, Some(7), "x"))]
#[case::past_date("429 Slow", "date: Sun, 01 Nov 2026 00:00:00 GMT\r\nretry-after: Sat, 31 Oct 2026 00:00:00 GMT\r\n", answered(429, Some(0), "x"))]
#[case::date_of_no_clock("429 Slow", "retry-after: Sun, 01 Nov 2026 00:10:00 GMT\r\n", answered(429, None, "x"))]
#[case::for_ever("429 Slow", "retry-after: 99999999999999999999999\r\n", answered(429, Some(MAX_RETRY_AFTER.as_secs()), "x"))]
#[case::nonsense("429 Slow", "retry-after: -1\r\n", answered(429, None, "x"))]
#[tokio::test]
async fn an_answer_is_an_answer_whatever_its_status(#[case] status: &str, #[case] headers: &str, #[case] expected: Outcome) {
    let address = answer(format!("HTTP/1.1 {status}\r\n{headers}content-length: 1\r\n\r\nx")).await;
    assert_eq!(post_to(address).await, expected);
}

#[rstest]
#[case::inside("http://127.0.0.1:{port}/secret")]
#[case::metadata("http://169.254.169.254/latest/meta-data/")]
#[tokio::test]
async fn redirects_are_answers_and_are_not_followed(#[case] location: &str) {
    let (other, asked) = serve(|_| async {}).await;
    let location = location.replace("{port}", &other.port().to_string());
    let address = answer(format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")).await;
    assert_eq!(post_to(address).await, answered(307, None, ""));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn refused_and_unreachable_have_not_arrived() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_failed(post_to(address).await, FailureKind::Connect, false);
    // Takes no connection: its queue is full.
    let listener = tokio::net::TcpSocket::new_v4().unwrap();
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = listener.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    assert_failed(post_to(address).await, FailureKind::Connect, false);
}

#[tokio::test]
async fn what_breaks_before_the_answer_leaves_the_outcome_unknown_and_is_not_tried_again() {
    let (reset, resets) = serve(|stream| async move { stream.set_zero_linger().unwrap() }).await;
    assert_failed(post_to(reset).await, FailureKind::Reset, true);
    assert_eq!(resets.load(Ordering::SeqCst), 1);
    for cut in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-le"] {
        assert_failed(post_to(answer(cut).await).await, FailureKind::Reset, true);
    }
    let (silent, asked) = serve(|stream| async move {
        tokio::time::sleep(TIMEOUT * 4).await;
        drop(stream);
    })
    .await;
    assert_failed(post_to(silent).await, FailureKind::Timeout, true);
    let (dripping, _) = serve(|mut stream| async move {
        for byte in b"HTTP/1.1 200 OK\r\nx-slow: ".iter().chain(std::iter::repeat(&b'x')) {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_failed(post_to(dripping).await, FailureKind::Timeout, true);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_counts_although_its_body_is_slow_cut_or_without_end() {
    let cut = answer("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nthank").await;
    assert_eq!(post_to(cut).await, answered(200, None, "thank"));
    let (slow, _) = serve(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nthank").await.unwrap();
        tokio::time::sleep(TIMEOUT * 4).await;
    })
    .await;
    assert_eq!(post_to(slow).await, answered(200, None, "thank"));
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let (endless, _) = serve(move |mut stream| {
        let count = count.clone();
        async move {
            let _ = stream.write_all(b"HTTP/1.1 500 Oh\r\n\r\n").await;
            while stream.write_all(&[b'n'; 4096]).await.is_ok() {
                count.fetch_add(4096, Ordering::SeqCst);
            }
        }
    })
    .await;
    let end = post(&local(), &format!("http://{endless}/")).await;
    assert_eq!(end.outcome, answered(500, None, &"n".repeat(500)));
    assert!(end.duration < TIMEOUT / 2, "read for {:?}", end.duration);
    // What was not read is what the system's own buffers took.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let first = sent.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(sent.load(Ordering::SeqCst), first, "the connection was given up");
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_a_head_has_an_end() {
    for garbage in ["SSH-2.0-OpenSSH_9.9\r\n", "\0\u{1}\u{2}\r\n\r\n", "HTTP/1.1 banana\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"] {
        assert_failed(post_to(answer(garbage).await).await, FailureKind::Protocol, true);
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-more: y\r\n".repeat(1000));
    assert_failed(post_to(answer(many).await).await, FailureKind::Protocol, true);
    let (endless, _) = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx-long: ").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    assert_failed(post_to(endless).await, FailureKind::Protocol, true);
}

/// A server with a certificate of its own making for this very address; it counts whoever trusts it.
async fn self_signed() -> (SocketAddr, Arc<AtomicUsize>) {
    let (certificate, key) = (include_bytes!("fixtures/untrusted.cert.der"), include_bytes!("fixtures/untrusted.key.der"));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.to_vec().into()], rustls::pki_types::PrivatePkcs8KeyDer::from(key.to_vec()).into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, trusted) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = trusted.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if acceptor.accept(stream).await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    (address, trusted)
}

#[tokio::test]
async fn https_to_whom_nobody_vouches_for_has_not_arrived() {
    let (address, trusted) = self_signed().await;
    assert_failed(post(&local(), &format!("https://{address}/")).await.outcome, FailureKind::Tls, false);
    assert_eq!(trusted.load(Ordering::SeqCst), 0);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let other = tokio::spawn(async move {
        for say in [&b"no TLS here\r\n"[..], b""] {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(say).await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
        }
        // Says nothing at all.
        let _held = listener.accept().await.unwrap();
        tokio::time::sleep(TIMEOUT * 2).await;
    });
    for kind in [FailureKind::Tls, FailureKind::Tls, FailureKind::Connect] {
        assert_failed(post(&local(), &format!("https://{address}/")).await.outcome, kind, false);
    }
    other.abort();
}

#[tokio::test]
async fn a_header_that_cannot_be_written_is_not_sent() {
    let (address, asked) = serve(|_| async {}).await;
    let url = Url::parse(&format!("http://{address}/")).unwrap();
    let sent = local().post(&url, &[("x-note", "two\r\nlines".to_owned())], Bytes::new()).await;
    assert_failed(sent.outcome, FailureKind::Unsendable, false);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[rstest]
#[case::loopback(vec!["127.0.0.1"])]
#[case::private(vec!["10.1.2.3"])]
#[case::metadata(vec!["169.254.169.254"])]
#[case::v6(vec!["::1"])]
#[case::mapped(vec!["::ffff:192.168.0.1"])]
#[case::one_of_several(vec!["93.184.215.14", "127.0.0.1"])]
#[tokio::test]
async fn a_name_that_leads_inside_is_not_dialled(#[case] addresses: Vec<&'static str>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://rebound.example:{}/", listener.local_addr().unwrap().port());
    let outgoing = resolving(Some(addresses), &[]);
    assert!(outgoing.check_url(&url).is_ok(), "a name is only known once it is dialled");
    assert_eq!(post(&outgoing, &url).await.outcome, Outcome::Refused(UrlProblem::Inside));
    assert!(tokio::time::timeout(Duration::from_millis(50), listener.accept()).await.is_err(), "nobody knocked");
}

#[tokio::test]
async fn a_name_is_dialled_where_it_was_checked_and_resolved_once() {
    struct Rebinding(AtomicUsize);
    #[async_trait]
    impl Resolver for Rebinding {
        async fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
            let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
            Ok(vec![if first { [127, 0, 0, 1] } else { [127, 0, 0, 2] }.into()])
        }
    }
    let rebinding = Arc::new(Rebinding(AtomicUsize::new(0)));
    let outgoing =
        Outgoing::new(OutgoingSettings { allowed_networks: vec!["127.0.0.1/32".parse().unwrap()], resolver: rebinding.clone(), ..settings() }).unwrap();
    let (open, _) = serve(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        tokio::time::sleep(TIMEOUT * 4).await;
    })
    .await;
    let url = format!("http://rebinding.example:{}/", open.port());
    assert_eq!(post(&outgoing, &url).await.outcome, answered(200, None, ""));
    assert_eq!(rebinding.0.load(Ordering::SeqCst), 1);
    assert_eq!(post(&outgoing, &url).await.outcome, Outcome::Refused(UrlProblem::Inside), "no connection is kept that was checked before");
}

#[tokio::test]
async fn names_that_mean_nothing_or_take_for_ever_end_in_time() {
    assert_failed(post(&resolving(Some(vec![]), &[]), "https://nowhere.example/").await.outcome, FailureKind::Dns, false);
    assert_failed(post(&resolving(None, &[]), "https://slow.example/").await.outcome, FailureKind::Connect, false);
}

#[tokio::test]
async fn plain_http_stays_within_the_allowed_networks() {
    let address = answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("http://receiver.internal:{}/", address.port());
    assert_eq!(post(&resolving(Some(vec!["127.0.0.1"]), &["127.0.0.0/8"]), &url).await.outcome, answered(200, None, ""));
    assert_eq!(post(&resolving(Some(vec!["93.184.215.14"]), &["127.0.0.0/8"]), &url).await.outcome, Outcome::Refused(UrlProblem::NotHttps));
    assert_eq!(post(&resolving(Some(vec!["127.0.0.1"]), &[]), &url).await.outcome, Outcome::Refused(UrlProblem::NotHttps));
}

#[rstest]
#[tokio::test]
async fn inside_addresses_are_refused_in_every_spelling(
    #[values(
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "127.0.0.1.",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "224.0.0.1",
        "255.255.255.255",
        "localhost",
        "LOCALHOST.",
        "api.localhost",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1"
    )]
    host: &str,
) {
    let outgoing = Outgoing::new(settings()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{host}:{}/", listener.local_addr().unwrap().port());
    assert_eq!(outgoing.check_url(&url), Err(UrlProblem::Inside), "{url}");
    assert_eq!(post(&outgoing, &url).await.outcome, Outcome::Refused(UrlProblem::Inside), "{url}");
    assert!(tokio::time::timeout(Duration::from_millis(5), listener.accept()).await.is_err(), "{url} was dialled");
}

#[test]
fn an_address_is_taken_in_one_spelling_or_refused_with_the_reason() {
    let outgoing = Outgoing::new(settings()).unwrap();
    assert_eq!(outgoing.check_url(" HTTPS://Hooks.Example.JP:443/a\n").unwrap().as_str(), "https://hooks.example.jp/a");
    assert_eq!(outgoing.check_url("https://暖簾.jp/?x=1#part").unwrap().as_str(), "https://xn--ylvz59b.jp/?x=1");
    assert!(outgoing.check_url("https://1.1.1.1:8443/hook").is_ok());
    for (bad, problem) in [
        ("http://hooks.example.jp/", UrlProblem::NotHttps),
        ("http://127.0.0.1/", UrlProblem::NotHttps),
        ("ftp://hooks.example.jp/", UrlProblem::NotHttps),
        ("file:///etc/passwd", UrlProblem::NotHttps),
        ("https://user@hooks.example.jp/", UrlProblem::UserInfo),
        ("https://:word@hooks.example.jp/", UrlProblem::UserInfo),
        ("https://hooks.example.jp:0/", UrlProblem::PortZero),
    ] {
        assert_eq!(outgoing.check_url(bad), Err(problem), "{bad}");
    }
    for bad in [
        "",
        "hooks.example.jp",
        "https://",
        "https:// hooks.example.jp/",
        "https://ho\noks.example.jp/",
        "https://hooks.example.jp/\u{0}",
        "https://[::1",
        "https://a:99999/",
    ] {
        assert!(matches!(outgoing.check_url(bad), Err(UrlProblem::Malformed(_))), "{bad:?}");
    }
    let long = |bytes: usize| format!("https://hooks.example.jp/{}", "x".repeat(bytes - 25));
    assert!(outgoing.check_url(&long(2000)).is_ok());
    assert_eq!(outgoing.check_url(&long(2001)), Err(UrlProblem::TooLong));
    assert_eq!(outgoing.check_url(&format!("https://hooks.example.jp/{}", "暖".repeat(600))), Err(UrlProblem::TooLong), "as it will be kept");
}
