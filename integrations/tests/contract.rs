//! What every shop system of the registry keeps to, whatever it speaks. A new one is held to it by its line there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use integrations::ports::commerce::{CommerceEvent, CommerceProvider};
use integrations::ports::delivery::{Delivery, DeliveryError, DeliveryParts, Verified};
use integrations::ports::shop::{App, NoLog, Pace, Problem, ShopAccess, ShopSystem, TokenError};
use integrations::registry::{self, COMMERCE, ShopSystemSettings, ShopSystems};
use proptest::prelude::*;
use secrecy::SecretString;
use sha2::Sha256;
use url::Url;

const SECRET: &str = "hush-of-the-contract";
/// What names no shop of anybody.
const NO_SHOPS: [&str; 14] =
    ["", " ", ".", "..", "/", "@", "https://", "javascript:alert(1)", "file:///etc/passwd", "127.0.0.1", "http://[::1]/", "localhost:80", "\0", "店\u{202e}"];

fn now() -> DateTime<Utc> {
    "2026-11-02T00:15:30Z".parse().unwrap()
}

fn secrets() -> Vec<SecretString> {
    vec![SECRET.into(), "hush-of-yesterday".into()]
}

fn app() -> App {
    App { client_id: "client-1".to_owned(), secrets: secrets(), scopes: vec!["read_orders".to_owned()] }
}

fn systems() -> ShopSystems {
    ShopSystems::new(ShopSystemSettings::default()).unwrap()
}

/// Every word in a provider's sources that may be the name of a header: the one that it signs in is among them.
fn headers_of(key: &str) -> BTreeSet<String> {
    fn read(folder: &Path, found: &mut BTreeSet<String>) {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                read(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let named = |word: &&str| (2..=60).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                found.extend(text.split('"').filter(named).map(str::to_owned));
            }
        }
    }
    let mut found = BTreeSet::from(["authorization".to_owned()]);
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(key), &mut found);
    found
}

/// All of those headers with one value.
fn headers_with(names: &BTreeSet<String>, value: &str) -> Vec<(String, String)> {
    names.iter().map(|name| (name.clone(), value.to_owned())).collect()
}

/// A delivery that was kept, with this topic and body.
fn stored(topic: &str, body: impl Into<Bytes>) -> Verified {
    Verified::stored(DeliveryParts {
        event_id: "1".to_owned(),
        topic: topic.to_owned(),
        account: None,
        triggered_at: None,
        api_version: None,
        provider_event_id: None,
        headers: Vec::new(),
        body: body.into(),
    })
}

/// The shop that a provider names where it says what a shop is called.
fn example(provider: &dyn CommerceProvider) -> &'static str {
    let expected = provider.shop_domain("").expect_err(provider.key()).expected;
    expected.split('`').nth(1).unwrap_or_else(|| panic!("{}: `{expected}` shows no shop in backticks", provider.key()))
}

/// A domain that was taken is a host and nothing else, is taken again as it is, and nothing rides on it.
fn check_domain(provider: &dyn CommerceProvider, domain: &str) {
    let key = provider.key();
    assert_eq!(provider.shop_domain(domain).as_deref(), Ok(domain), "{key}");
    assert_eq!(Url::parse(&format!("https://{domain}")).unwrap().host_str(), Some(domain), "{key}: more than a host, or another one");
    assert!(domain.len() <= 253 && domain.contains('.'), "{key}: {domain}");
    for trick in [
        format!("{domain}:8080"),
        format!("{domain}/x"),
        format!("{domain}?x"),
        format!("{domain}#x"),
        format!("{domain}\\x"),
        format!("x@{domain}"),
        format!("x:y@{domain}"),
        format!("https://x@{domain}"),
        format!("http://{domain}"),
        format!("ftp://{domain}"),
        format!("//{domain}"),
        format!("https://https://{domain}"),
        format!("evil.example/{domain}"),
        format!("evil.example#{domain}"),
        format!("evil.example?{domain}"),
        format!("evil.example\\{domain}"),
        format!("{}.{domain}", "a".repeat(300)),
        format!("{}{domain}", "a".repeat(300)),
        format!("{domain}{}", "a".repeat(300)),
        format!("\u{430}{domain}"),
        format!("%61{domain}"),
        domain.replacen('.', "\n.", 1),
        domain.replacen('.', "\0.", 1),
        domain.replacen('.', "..", 1),
        domain.replacen('.', " .", 1),
    ] {
        assert!(provider.shop_domain(&trick).is_err(), "{key}: {trick:?}");
    }
}

/// What opens a shop that may be none.
fn access(shop: &str) -> ShopAccess {
    ShopAccess { shop: shop.to_owned(), token: SECRET.into(), api_version: "1".to_owned(), pace: Arc::new(Pace::default()), log: Arc::new(NoLog) }
}

/// Refused as what nobody signed, in words that hold nothing of the secrets.
fn refused(provider: &dyn CommerceProvider, headers: &[(String, String)], body: &[u8], secrets: &[SecretString]) {
    let error = provider.verify(&Delivery { headers, body }, secrets, now()).expect_err(provider.key());
    assert_eq!(error, DeliveryError::BadSignature, "{}: {headers:?}", provider.key());
    assert!(!format!("{error} {error:?}").contains("hush"), "{}: {error:?}", provider.key());
}

#[test]
fn a_key_is_a_word_of_its_own_and_the_one_of_its_shop_system() {
    let (systems, mut keys) = (systems(), BTreeSet::new());
    for provider in COMMERCE {
        let key = provider.key();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        assert!((2..=30).contains(&key.len()) && key.bytes().all(plain) && key.as_bytes()[0].is_ascii_lowercase(), "`{key}`");
        assert!(keys.insert(key), "two are called {key}");
        assert_eq!(registry::commerce(key).map(|found| found.key()), Some(key));
        assert_eq!(registry::webhooks(key).map(|found| found.key()), Some(key));
        assert_eq!(systems.of(key).map(|system| system.key()), Some(key), "{key} has no shop system");
    }
    assert_eq!(systems.all().map(ShopSystem::key).collect::<Vec<_>>(), COMMERCE.iter().map(|provider| provider.key()).collect::<Vec<_>>());
}

#[test]
fn what_nobody_signed_is_refused() {
    for provider in COMMERCE {
        let names = headers_of(provider.key());
        let garbage = ["", " ", "0", "zz", "hush", "sha256=", "v1,", "AAAA", "é", &"a".repeat(64), &"A".repeat(43), &"0".repeat(10_000)];
        for body in [&b""[..], b"{}", b"\xff\xfe", SECRET.as_bytes()] {
            refused(*provider, &[], body, &secrets());
            for headers in garbage.map(|value| headers_with(&names, value)) {
                for secrets in [secrets(), vec![], vec!["".into()], vec!["".into(), "".into()]] {
                    refused(*provider, &headers, body, &secrets);
                }
            }
        }
        assert!(!provider.is_owed(&[]), "{}", provider.key());
    }
}

/// The body's HMAC-SHA256 in the alphabets that are in use; who signs something else is not caught here.
#[test]
fn what_is_signed_with_an_empty_or_another_secret_is_refused() {
    for (body, signer) in [(&b"{}"[..], ""), (b"{}", "of-somebody-else"), (b"", "")] {
        let mac = Hmac::<Sha256>::new_from_slice(signer.as_bytes()).unwrap().chain_update(body).finalize().into_bytes();
        let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        for value in [STANDARD.encode(mac), hex.to_uppercase(), format!("sha256={hex}"), hex] {
            for provider in COMMERCE {
                let headers = headers_with(&headers_of(provider.key()), &value);
                for secrets in [vec![], vec!["".into()], vec!["".into(), SECRET.into()], vec![SECRET.into(), "".into()]] {
                    refused(*provider, &headers, body, &secrets);
                }
            }
        }
    }
}

#[test]
fn the_shop_that_is_named_as_an_example_is_one() {
    let (systems, redirect) = (systems(), Url::parse("https://noren.example/callback").unwrap());
    for provider in COMMERCE {
        let (key, shop, system) = (provider.key(), example(*provider), systems.of(provider.key()).unwrap());
        assert_eq!(provider.shop_domain(&format!(" {} ", shop.to_ascii_uppercase())).as_deref(), Ok(shop), "{key}");
        check_domain(*provider, shop);
        // The merchant is sent there over https, with what is needed to come back and with nothing that is secret.
        let url = system.authorize_url(&app(), shop, &redirect, "state-of-the-browser").expect(key);
        let given: Vec<String> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
        assert_eq!(url.scheme(), "https", "{key}");
        for value in ["client-1", redirect.as_str(), "state-of-the-browser"] {
            assert!(given.iter().any(|given| given == value), "{key}: {value} is not in {url}");
        }
        assert!(!url.as_str().contains("hush"), "{key}: {url}");
    }
}

#[tokio::test]
async fn what_names_no_shop_is_refused_everywhere_and_never_dialled() {
    let (systems, redirect, long) = (systems(), Url::parse("https://noren.example/callback").unwrap(), "a".repeat(100_000));
    for provider in COMMERCE {
        let (key, system) = (provider.key(), systems.of(provider.key()).unwrap());
        let userinfo = format!("x@{}", example(*provider));
        for text in NO_SHOPS.into_iter().chain([long.as_str(), userinfo.as_str()]) {
            assert!(provider.shop_domain(text).is_err(), "{key}: {text:.40?}");
            assert!(system.authorize_url(&app(), text, &redirect, "state").is_err(), "{key}: {text:.40?}");
            let error = system.exchange_code(&app(), text, &"code".into(), now()).await.unwrap_err();
            assert!(matches!(error, TokenError::Rejected(_)), "{key}: {text:.40?}: {error:?}");
            assert!(!format!("{error} {error:?}").contains("hush"), "{key}: {error:?}");
            let error = system.shop(&access(text)).await.unwrap_err();
            assert!(matches!(error.problem, Problem::Refused(_)), "{key}: {text:.40?}: {error:?}");
            assert!(!format!("{error} {error:?}").contains("hush"), "{key}: {error:?}");
        }
    }
}

#[test]
fn a_version_stands_in_an_address() {
    for system in systems().all() {
        let version = system.api_version();
        let plain = version.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        assert!((1..=20).contains(&version.len()) && plain, "{}: `{version}`", system.key());
        for garbage in ["", "\0", "9999-99", "2026-10-01T00:00:00Z", "店"] {
            assert_eq!(system.kept_until(garbage), None, "{}: {garbage:?}", system.key());
        }
    }
}

/// What a provider really sends, cut anywhere, under any topic.
#[test]
fn a_fixture_that_is_cut_is_read_to_an_error() {
    for provider in COMMERCE {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(provider.key()).join("fixtures");
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        assert!(!files.is_empty(), "{} is empty", folder.display());
        for file in files {
            let end = file.trim_ascii_end().len();
            for cut in (0..40).map(|part| end * part / 40) {
                let body = &file[..cut];
                assert!(provider.read_line(body).is_err() || serde_json::from_slice::<serde_json::Value>(body).is_ok(), "{}", provider.key());
                for topic in TOPICS {
                    let read = provider.parse(&stored(topic, body.to_vec()));
                    assert!(matches!(read, Err(_) | Ok(CommerceEvent::Ignored { .. })), "{}: {topic} cut after {cut}: {read:?}", provider.key());
                }
            }
        }
    }
}

#[test]
fn what_is_in_an_install_is_signed() {
    let systems = systems();
    for system in systems.all() {
        let queries = ["", "?", "&", "=", "shop=a&code=b&state=state", "hmac=00&shop=a", "shop=a&shop=b", "%ff=%ff", "state=state&hmac=&sig=&signature="];
        for query in queries {
            for app in [app(), App { secrets: vec![], ..app() }, App { secrets: vec!["".into()], ..app() }] {
                let (launch, back) = (system.verify_launch(&app, query, now()), system.verify_callback(&app, query, "state", now()));
                assert!(launch.is_err() && back.is_err(), "{}: {query}", system.key());
                assert!(!format!("{launch:?} {back:?}").contains("hush"), "{}: {query}", system.key());
            }
        }
    }
}

#[test]
fn what_is_no_token_of_an_open_app_is_nobodys() {
    let none = "eyJhbGciOiJub25lIn0.e30.";
    let systems = systems();
    for token in ["", ".", "..", "a.b.c", "noren_0123456789", none, "\0", &"a".repeat(100_000)] {
        assert!(systems.claimed_session(token).is_none(), "{token:.40?}");
        for system in systems.all() {
            assert!(system.verify_session(&app(), token, now()).is_err(), "{}: {token:.40?}", system.key());
        }
    }
}

#[test]
fn scopes_are_compared_as_sets() {
    let scopes: Vec<String> = app().scopes;
    for system in systems().all() {
        let missing = |asked: &[String], granted: &[String]| system.missing_scopes(asked, granted);
        assert!(missing(&scopes, &scopes).is_empty() && missing(&[], &scopes).is_empty(), "{}", system.key());
        assert_eq!(missing(&scopes, &[]), scopes, "{}", system.key());
    }
}

/// A topic of nobody's is passed over, with whatever body; it must not keep a delivery from being done with.
#[test]
fn a_topic_that_nobody_knows_is_ignored() {
    for provider in COMMERCE {
        let ignored = CommerceEvent::Ignored { topic: "of/the.contract".to_owned() };
        assert_eq!(provider.parse(&stored("of/the.contract", "{}")), Ok(ignored), "{}", provider.key());
    }
}

/// Topics in the spellings of several providers: those that a provider does not know are ignored by it.
const TOPICS: [&str; 12] = [
    "orders/create",
    "orders/delete",
    "customers/update",
    "products/update",
    "refunds/create",
    "app/uninstalled",
    "app/scopes_update",
    "customers/redact",
    "order.changed",
    "order.created",
    "app.removed",
    "",
];

proptest! {
    #[test]
    fn a_domain_is_in_one_spelling(name in "[a-zA-Z0-9-]{1,20}", odd in "[a-zA-Z0-9.:/@?#%_\\\\ -]{0,20}") {
        for provider in COMMERCE {
            let of = |name: &str| example(*provider).split_once('.').map(|(_, rest)| format!("{name}.{rest}")).unwrap();
            for text in [of(&name), of(&odd), format!("{name}.{odd}"), odd.clone()].into_iter().flat_map(|text| [format!(" {text} "), format!("https://{text}/"), text]) {
                if let Ok(domain) = provider.shop_domain(&text) {
                    check_domain(*provider, &domain);
                }
            }
        }
    }

    #[test]
    fn what_is_no_delivery_is_read_to_an_error(body in prop::collection::vec(any::<u8>(), 0..200), topic in prop::sample::select(&TOPICS[..])) {
        for provider in COMMERCE {
            let (read, again) = (provider.parse(&stored(topic, body.clone())), provider.parse(&stored(topic, body.clone())));
            prop_assert_eq!(&read, &again);
            let known = matches!(&read, Err(_) | Ok(CommerceEvent::Ignored { .. }));
            prop_assert!(known || serde_json::from_slice::<serde_json::Value>(&body).is_ok(), "{}: {} read as {:?}", provider.key(), topic, read);
            prop_assert!(provider.read_line(&body).is_err(), "{}", provider.key());
        }
    }

    #[test]
    fn an_error_quotes_nothing_of_what_was_read(topic in prop::sample::select(&TOPICS[..]), name in "[a-z_]{1,12}") {
        for provider in COMMERCE {
            for body in [format!("{{\"{name}\":\"Akiko Mori\""), format!("{{\"id\":\"Akiko Mori\",\"{name}\":[]}}"), "\"Akiko Mori\"".to_owned()] {
                if let Err(error) = provider.parse(&stored(topic, body)) {
                    prop_assert!(!error.reason.contains("Akiko"), "{}: {}", provider.key(), error.reason);
                }
            }
        }
    }
}
