//! Installing an app: what a callback and a session token must be, down to the byte.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use integrations::ports::shop::{App, CallbackError, SessionError, ShopAdmin, ShopInstaller};
use integrations::shopify::{ShopifyApp, ShopifySettings};
use proptest::prelude::*;
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::Sha256;
use url::form_urlencoded;

const SECRET: &str = "hush-of-the-app";
const STATE: &str = "nonce-of-this-browser";

fn now() -> DateTime<Utc> {
    "2026-11-02T00:15:30Z".parse().unwrap()
}

fn app() -> App {
    App {
        client_id: "client-1".into(),
        secrets: vec![SECRET.to_owned().into(), "previous".to_owned().into()],
        scopes: vec!["read_orders".into(), "read_products".into()],
    }
}

fn shopify() -> &'static ShopifyApp {
    static SHOPIFY: LazyLock<ShopifyApp> = LazyLock::new(|| ShopifyApp::new(ShopifySettings::default()).unwrap());
    &SHOPIFY
}

fn mac(secret: &str, message: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(message).finalize().into_bytes().to_vec()
}

fn signed(secret: &str, pairs: &[(&str, &str)]) -> String {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    let message = form_urlencoded::Serializer::new(String::new()).extend_pairs(&sorted).finish();
    let hmac: String = mac(secret, &message).iter().map(|byte| format!("{byte:02x}")).collect();
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).append_pair("hmac", &hmac).finish()
}

fn pairs(timestamp: &str) -> Vec<(&str, &str)> {
    vec![
        ("code", "0907a61c"),
        ("host", "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvbm9yZW4="),
        ("shop", "noren-tea.myshopify.com"),
        ("state", STATE),
        ("timestamp", timestamp),
    ]
}

fn callback(query: &str) -> Result<String, CallbackError> {
    shopify().verify_callback(&app(), query, STATE, now()).map(|callback| format!("{} {}", callback.shop, callback.code.expose_secret()))
}

#[test]
fn the_merchant_is_sent_to_the_shop_with_everything_named() {
    let url = shopify().authorize_url(&app(), "noren-tea.myshopify.com", &"https://noren.example/callback".parse().unwrap(), STATE).unwrap();
    let expected = "https://noren-tea.myshopify.com/admin/oauth/authorize?client_id=client-1&scope=read_orders%2Cread_products&redirect_uri=https%3A%2F%2Fnoren.example%2Fcallback&state=nonce-of-this-browser";
    assert_eq!(url.as_str(), expected);
    for no_shop in [
        "noren-tea",
        "Noren.myshopify.com",
        "a.b.myshopify.com",
        "evil.jp/?.myshopify.com",
        "evil.jp#.myshopify.com",
        "a@b.myshopify.com",
        "-a.myshopify.com",
        "",
    ] {
        assert!(shopify().authorize_url(&app(), no_shop, &"https://noren.example/".parse().unwrap(), STATE).is_err(), "{no_shop}");
    }
}

#[test]
fn a_callback_under_either_secret_is_believed() {
    let timestamp = now().timestamp().to_string();
    assert_eq!(callback(&signed(SECRET, &pairs(&timestamp))).unwrap(), "noren-tea.myshopify.com 0907a61c");
    assert!(callback(&format!("?{}", signed("previous", &pairs(&timestamp)))).is_ok());
    // What Shopify adds one day is signed too.
    let mut more = pairs(&timestamp);
    more.push(("locale", "ja JP"));
    assert!(callback(&signed(SECRET, &more)).is_ok());
}

#[rstest]
#[case::secret(signed("other", &pairs("1793578530")), CallbackError::BadSignature)]
#[case::none("shop=noren-tea.myshopify.com&code=1&state=nonce-of-this-browser&timestamp=1793578530".to_owned(), CallbackError::BadSignature)]
#[case::twice(format!("{}&shop=evil.myshopify.com", signed(SECRET, &pairs("1793578530"))), CallbackError::Malformed("a name that comes twice"))]
#[case::added(format!("{}&extra=1", signed(SECRET, &pairs("1793578530"))), CallbackError::BadSignature)]
#[case::shop(signed(SECRET, &pairs("1793578530")).replace("noren-tea", "noren-te"), CallbackError::BadSignature)]
#[case::merged(signed(SECRET, &pairs("1793578530")).replacen('&', "%26", 1), CallbackError::BadSignature)]
#[case::late(signed(SECRET, &pairs("1793578229")), CallbackError::Stale)]
#[case::early(signed(SECRET, &pairs("1793578831")), CallbackError::Stale)]
#[case::timeless(signed(SECRET, &pairs("soon")), CallbackError::Malformed("timestamp"))]
fn a_callback_that_is_not_whole_is_not_believed(#[case] query: String, #[case] expected: CallbackError) {
    assert_eq!(now().timestamp(), 1_793_578_530);
    assert_eq!(callback(&query), Err(expected));
}

#[test]
fn state_shop_and_code_are_looked_at_only_under_a_signature_and_then_closely() {
    let timestamp = now().timestamp().to_string();
    let with = |name: &str, value: &'static str| -> Vec<(String, String)> {
        pairs(&timestamp).into_iter().map(|(known, old)| (known.to_owned(), if known == name { value } else { old }.to_owned())).collect()
    };
    let query = |pairs: Vec<(String, String)>| signed(SECRET, &pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>());
    assert_eq!(callback(&query(with("state", "another"))), Err(CallbackError::WrongState));
    assert_eq!(callback(&query(with("state", ""))), Err(CallbackError::WrongState));
    assert_eq!(callback(&query(with("shop", "evil.example"))), Err(CallbackError::NotAShop));
    assert_eq!(callback(&query(with("shop", "Noren-Tea.myshopify.com"))), Err(CallbackError::NotAShop));
    assert_eq!(callback(&query(with("code", ""))), Err(CallbackError::Malformed("code")));
    let none = shopify().verify_callback(&app(), &query(with("state", "")), "", now());
    assert_eq!(none.map(|_| ()), Err(CallbackError::WrongState), "no state is never the right one");
    let unkeyed = App { secrets: vec![String::new().into()], ..app() };
    assert!(shopify().verify_callback(&unkeyed, &signed("", &pairs(&timestamp)), STATE, now()).is_err(), "an empty secret is none");
}

fn claims() -> Value {
    let now = now().timestamp();
    json!({
        "iss": "https://noren-tea.myshopify.com/admin", "dest": "https://noren-tea.myshopify.com", "aud": "client-1", "sub": "42",
        "exp": now + 60, "nbf": now, "iat": now, "jti": "f8912129", "sid": "aaea182f",
    })
}

fn token(secret: &str, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(mac(secret, &message));
    format!("{message}.{signature}")
}

fn session(token: &str) -> Result<String, SessionError> {
    shopify().verify_session(&app(), token, now()).map(|session| format!("{} {}", session.shop, session.user))
}

#[test]
fn a_session_token_tells_shop_and_user() {
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    assert_eq!(session(&token(SECRET, &header, &claims())).unwrap(), "noren-tea.myshopify.com 42");
    assert!(session(&token("previous", &header, &claims())).is_ok());
    let whole = shopify().verify_session(&app(), &token(SECRET, &header, &claims()), now()).unwrap();
    assert_eq!((whole.session.as_deref(), whole.token_id.as_deref(), whole.expires_at), (Some("aaea182f"), Some("f8912129"), now() + TimeDelta::seconds(60)));
}

#[rstest]
#[case("aud", json!("client-2"), SessionError::OtherApp)]
#[case("exp", json!(1_793_578_520), SessionError::OutOfTime)]
#[case("nbf", json!(1_793_578_541), SessionError::OutOfTime)]
#[case("dest", json!("https://evil.example"), SessionError::NotAShop)]
#[case("dest", json!("http://noren-tea.myshopify.com"), SessionError::NotAShop)]
#[case("dest", json!("https://other.myshopify.com"), SessionError::NotAShop)]
#[case("iss", json!("https://other.myshopify.com/admin"), SessionError::NotAShop)]
#[case("iss", json!("https://noren-tea.myshopify.com"), SessionError::NotAShop)]
#[case("exp", json!(null), SessionError::Malformed)]
#[case("aud", json!(["client-1"]), SessionError::Malformed)]
fn a_session_token_with_one_wrong_claim_opens_nothing(#[case] claim: &str, #[case] value: Value, #[case] expected: SessionError) {
    let mut claims = claims();
    claims[claim] = value;
    assert_eq!(session(&token(SECRET, &json!({ "alg": "HS256" }), &claims)), Err(expected));
}

#[test]
fn what_a_session_token_claims_is_told_of_tokens_that_could_be_one_alone() {
    let claimed = |alg: &str, claims: &Value| shopify().claimed_session(&token("anybody's", &json!({ "alg": alg }), claims));
    let found = claimed("HS256", &claims()).unwrap();
    assert_eq!((found.client_id.as_str(), found.shop.as_str()), ("client-1", "noren-tea.myshopify.com"));
    for alg in ["none", "RS256", "ES256", "HS512"] {
        assert_eq!(claimed(alg, &claims()), None, "{alg}");
    }
    for (claim, value) in [("iss", "https://id.example"), ("dest", "https://other.myshopify.com"), ("dest", "https://id.example"), ("aud", "a\0b"), ("aud", "")]
    {
        let mut other = claims();
        other[claim] = json!(value);
        assert_eq!(claimed("HS256", &other), None, "{claim}: {value}");
    }
    for junk in ["", "a.b.c", "noren_0123", "eyJ"] {
        assert_eq!(shopify().claimed_session(junk), None, "{junk}");
    }
}

#[test]
fn algorithms_are_not_the_senders_choice() {
    for alg in ["none", "HS512", "RS256"] {
        assert_eq!(session(&token(SECRET, &json!({ "alg": alg }), &claims())), Err(SessionError::Malformed), "{alg}");
    }
    assert_eq!(session(&token("other", &json!({ "alg": "HS256" }), &claims())), Err(SessionError::BadSignature));
    for junk in ["", "a.b.c", "....", "eyJ"] {
        assert_eq!(session(junk), Err(SessionError::Malformed), "{junk}");
    }
}

#[test]
fn who_may_write_may_read() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let asked = words(&["read_orders", "read_all_orders", "write_products", "read_customers"]);
    let missing = shopify().missing_scopes(&asked, &words(&["write_orders", "read_products", "read_customers"]));
    assert_eq!(missing, words(&["read_all_orders", "write_products"]));
    assert!(shopify().missing_scopes(&asked, &asked).is_empty());
}

proptest! {
    #[test]
    fn whatever_comes_is_an_answer_and_never_a_panic(text in ".{0,200}") {
        prop_assert!(callback(&text).is_err());
        prop_assert!(session(&text).is_err());
    }

    #[test]
    fn no_character_of_a_callback_can_be_changed(place: prop::sample::Index, with in "[a-z0-9]") {
        let timestamp = now().timestamp().to_string();
        let query = signed(SECRET, &pairs(&timestamp));
        let at = place.index(query.len());
        let changed = format!("{}{with}{}", &query[..at], &query[at + 1..]);
        prop_assume!(changed != query);
        prop_assert!(callback(&changed).is_err());
    }
}
