//! Outside identity providers: whose tokens are believed, and that they only say who somebody is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use entities::MembershipRole::TenantMember;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use people::identity::{AuthError, OutsideProviders, OutsideRefusal, Proof, ProviderSettings, SignInError, SigningAlgorithm};
use platform::Caller;
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::support::{PASSWORD, World, password};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "noren-api";

/// A key pair of the provider.
struct Signer {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn new(id: &str, algorithm: Algorithm) -> Self {
        let pem = |der: &[u8]| format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der)).into_bytes();
        let random = SystemRandom::new();
        let key = match algorithm {
            Algorithm::RS256 => {
                let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
                EncodingKey::from_rsa_pem(&pem(pair.as_der().unwrap().as_ref())).unwrap()
            }
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
                EncodingKey::from_ec_pem(&pem(pair.as_ref())).unwrap()
            }
            _ => EncodingKey::from_ed_pem(&pem(Ed25519KeyPair::generate_pkcs8v1(&random).unwrap().as_ref())).unwrap(),
        };
        Self { id: id.to_owned(), algorithm, key }
    }

    fn jwk(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap()).unwrap();
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_as(Some(&self.id), claims)
    }

    fn sign_as(&self, id: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: id.map(str::to_owned), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

fn key_set<'a>(signers: impl IntoIterator<Item = &'a Signer>) -> String {
    // A provider publishes keys of kinds that we do not know, too.
    let strange = [json!({ "kty": "QBIT", "kid": "strange" }), json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA" }), json!("nonsense")];
    json!({ "keys": strange.into_iter().chain(signers.into_iter().map(Signer::jwk)).collect::<Vec<_>>() }).to_string()
}

fn provider(jwks: impl Into<String>) -> ProviderSettings {
    use SigningAlgorithm::{ES256, EdDSA, RS256};
    ProviderSettings { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned(), jwks: jwks.into(), algorithms: vec![RS256, ES256, EdDSA] }
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn claims(world: &World, change: Value) -> Value {
    let now = world.now().timestamp();
    let mut claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "taro", "iat": now, "nbf": now, "exp": now + 300 });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[rstest]
#[tokio::test]
async fn a_provider_whose_issuer_looks_like_a_shops_is_believed_all_the_same(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    const ADMIN: &str = "https://noren-tea.myshopify.com/admin";
    let folder = tempfile::tempdir().unwrap();
    let signer = Signer::new("key-1", Algorithm::ES256);
    let settings = ProviderSettings { issuer: ADMIN.to_owned(), ..provider(file(folder.path(), "jwks.json", &key_set([&signer]))) };
    let world = World::with_providers(backend, &[settings]).await;
    let tenant = world.tenant("Noren").await;
    let like_a_session = claims(&world, json!({ "iss": ADMIN, "dest": "https://noren-tea.myshopify.com", "sid": "session-1" }));
    let bearer = signer.sign(&like_a_session);
    let link = world.invited(tenant, "taro@example.jp", TenantMember).await;
    world.sign_in.invitation_accept(&world.nobody(), &link, Proof::IdentityToken(bearer.as_str().into()), None).await.unwrap();
    assert!(matches!(world.caller(&bearer.as_str().into()).await, Ok(Caller::User(_))));
    let again = world.callers.authenticate_all(&[bearer.as_str()]).await.unwrap();
    assert!(matches!(again[..], [Ok(Caller::User(_))]), "{again:?}");
    // What is signed as shops do it is no token of the provider, whoever signs it.
    let key = EncodingKey::from_secret(b"anybody's");
    let session = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &like_a_session, &key).unwrap();
    assert!(matches!(world.caller(&session.as_str().into()).await, Err(AuthError::UnknownSession)));
}

/// A key set on a local server: what it serves, how often it was asked, and how long it takes.
struct Published {
    url: String,
    body: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicUsize>,
    milliseconds: Arc<AtomicU64>,
}

async fn publish(body: String) -> Published {
    let (body, asked) = (Arc::new(Mutex::new((200, body))), Arc::new(AtomicUsize::new(0)));
    let milliseconds = Arc::new(AtomicU64::new(20));
    let (served, count, takes) = (body.clone(), asked.clone(), milliseconds.clone());
    let answer = move || {
        count.fetch_add(1, Ordering::Relaxed);
        let (status, body) = served.lock().unwrap().clone();
        let time = Duration::from_millis(takes.load(Ordering::Relaxed));
        async move {
            tokio::time::sleep(time).await;
            (axum::http::StatusCode::from_u16(status).unwrap(), [("location", "/elsewhere")], body)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/jwks.json", axum::routing::get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Published { url, body, asked, milliseconds }
}

#[rstest]
#[tokio::test]
async fn an_outside_token_says_who_and_our_tables_say_what(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let signer = Signer::new("key-1", Algorithm::ES256);
    let world = World::with_providers(backend, &[provider(file(folder.path(), "jwks.json", &key_set([&signer])))]).await;
    let tenant = world.tenant("Noren").await;
    let bearer = signer.sign(&claims(&world, json!({ "role": "PLATFORM_ADMIN", "tenant": "any" })));
    let identity = || Proof::IdentityToken(bearer.as_str().into());
    assert!(matches!(world.caller(&bearer.as_str().into()).await, Err(AuthError::UnknownIdentity)));

    let link = world.invited(tenant, "taro@example.jp", TenantMember).await;
    let accepted = world.sign_in.invitation_accept(&world.nobody(), &link, identity(), None).await.unwrap();
    assert!(accepted.signed_in.is_none());
    let Caller::User(caller) = world.caller(&bearer.as_str().into()).await.unwrap() else { panic!("a user") };
    assert_eq!((caller.id, caller.session, caller.platform_admin, caller.memberships.len()), (accepted.user.id, None, false, 1));

    // The identity is one user's; and no invitation links it to an account that is somebody's.
    let link = world.invited(tenant, "hanako@example.jp", TenantMember).await;
    let taken = world.sign_in.invitation_accept(&world.nobody(), &link, identity(), None).await;
    assert!(matches!(taken, Err(SignInError::IdentityTaken)));
    world.sign_in.invitation_accept(&world.nobody(), &link, password(PASSWORD), None).await.unwrap();
    let link = world.invited(world.tenant("Theirs").await, "hanako@example.jp", TenantMember).await;
    let stranger = signer.sign(&claims(&world, json!({ "sub": "stranger" })));
    let takeover = world.sign_in.invitation_accept(&world.nobody(), &link, Proof::IdentityToken(stranger.into()), None).await;
    assert!(matches!(takeover, Err(SignInError::IdentityNotLinked)));

    world.users.disable(&world.system(), accepted.user.id, None).await.unwrap();
    assert!(matches!(world.caller(&bearer.as_str().into()).await, Err(AuthError::UserDisabled)));
}

#[rstest]
#[tokio::test]
async fn many_are_looked_up_together_and_nothing_else_is_said_of_them(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    const MANY: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let signer = Signer::new("key-1", Algorithm::ES256);
    let world = World::with_providers(backend, &[provider(file(folder.path(), "jwks.json", &key_set([&signer])))]).await;
    let tenant = world.tenant("Noren").await;
    let token_of = |subject: &str, change: Value| {
        let mut wanted = claims(&world, change);
        wanted["sub"] = json!(subject);
        signer.sign(&wanted)
    };
    let mut bearers = Vec::new();
    for number in 0..MANY {
        let bearer = token_of(&format!("person {number}"), json!({}));
        let link = world.invited(tenant, &format!("person{number}@example.jp"), TenantMember).await;
        let user = world.sign_in.invitation_accept(&world.nobody(), &link, Proof::IdentityToken(bearer.as_str().into()), None).await.unwrap().user;
        if number == 7 {
            world.users.disable(&world.system(), user.id, None).await.unwrap();
        }
        bearers.push(bearer);
    }
    let person = world.person(tenant, "hanako@example.jp", TenantMember).await;
    bearers.extend([
        token_of("person 3", json!({ "exp": world.now().timestamp() + 600 })),
        token_of("nobody's", json!({})),
        token_of("person 4", json!({ "exp": world.now().timestamp() - 61 })),
        Signer::new("key-1", Algorithm::ES256).sign(&claims(&world, json!({ "sub": "person 5" }))),
        person.signed_in.access_token.expose_secret().to_owned(),
        "noren_unknown".to_owned(),
        "rubbish".to_owned(),
    ]);
    let bearers: Vec<&str> = bearers.iter().map(String::as_str).collect();
    let mut one_by_one = Vec::new();
    for bearer in &bearers {
        one_by_one.push(format!("{:?}", world.callers.authenticate(bearer).await));
    }
    let before = world.db.statements();
    let together = world.callers.authenticate_all(&bearers).await.unwrap();
    assert_eq!(world.db.statements() - before, 3, "one for each kind of bearer, however many there are");
    assert_eq!(together.iter().filter(|caller| caller.is_ok()).count(), MANY - 1 + 2);
    assert_eq!(together.iter().map(|caller| format!("{caller:?}")).collect::<Vec<_>>(), one_by_one);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_provider_that_took_a_key_back() {
    let (old, new) = (Signer::new("old", Algorithm::ES256), Signer::new("new", Algorithm::ES256));
    let published = publish(key_set([&old, &new])).await;
    let world = World::with_providers(Backend::Sqlite, &[provider(&published.url)]).await;
    let tenant = world.tenant("Noren").await;
    let long = json!({ "exp": world.now().timestamp() + 86_400 });
    let (by_old, by_new) = (old.sign(&claims(&world, long.clone())), new.sign(&claims(&world, long)));
    let link = world.invited(tenant, "taro@example.jp", TenantMember).await;
    world.sign_in.invitation_accept(&world.nobody(), &link, Proof::IdentityToken(by_old.as_str().into()), None).await.unwrap();
    let both = async || world.callers.authenticate_all(&[&by_old, &by_new]).await.unwrap();
    assert!(both().await.iter().all(Result::is_ok));

    // The key is gone within the hour, and the provider does not answer any more.
    *published.body.lock().unwrap() = (200, key_set([&new]));
    world.clock.advance(TimeDelta::hours(1));
    for _ in 0..200 {
        if both().await[0].is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    published.milliseconds.store(4_000, Ordering::Relaxed);
    for _ in 0..3 {
        world.clock.advance(TimeDelta::seconds(30));
        let begun = Instant::now();
        let found = both().await;
        assert!(matches!(found[0], Err(AuthError::Outside(OutsideRefusal::UnknownKey))), "{:?}", found[0]);
        assert!(found[1].is_ok(), "{:?}", found[1]);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn good_tokens_are_believed_and_bad_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let signers: BTreeMap<&str, Signer> =
        [("RS256", Algorithm::RS256), ("ES256", Algorithm::ES256), ("EdDSA", Algorithm::EdDSA)].map(|(name, alg)| (name, Signer::new(name, alg))).into();
    let world = World::new(Backend::Sqlite).await;
    let settings = provider(file(folder.path(), "jwks.json", &key_set(signers.values())));
    let outside = OutsideProviders::new(std::slice::from_ref(&settings), world.clock.clone()).unwrap();
    for signer in signers.values() {
        assert_eq!(outside.verify(&signer.sign(&claims(&world, json!({})))).await.unwrap().subject, "taro");
        assert!(outside.verify(&signer.sign_as(None, &claims(&world, json!({ "aud": ["x", AUDIENCE] })))).await.is_ok());
    }
    let (signer, now) = (&signers["EdDSA"], world.now().timestamp());
    for (change, refusal) in [
        (json!({ "iss": "https://elsewhere.example" }), OutsideRefusal::UnknownIssuer),
        (json!({ "aud": "another-api" }), OutsideRefusal::Audience),
        (json!({ "aud": null }), OutsideRefusal::Audience),
        (json!({ "exp": now - 60 }), OutsideRefusal::Expired),
        (json!({ "exp": null }), OutsideRefusal::Expired),
        (json!({ "nbf": now + 61 }), OutsideRefusal::NotYet),
        (json!({ "sub": "" }), OutsideRefusal::NoSubject),
        (json!({ "sub": null }), OutsideRefusal::NoSubject),
    ] {
        assert_eq!(outside.verify(&signer.sign(&claims(&world, change.clone()))).await, Err(refusal), "{change}");
    }
    let leeway = json!({ "exp": now - 59, "nbf": now + 60 });
    assert!(outside.verify(&signer.sign(&claims(&world, leeway))).await.is_ok());

    // Signed with a key of the right name that is not the published one.
    let forged = Signer::new("EdDSA", Algorithm::EdDSA).sign(&claims(&world, json!({})));
    assert_eq!(outside.verify(&forged).await, Err(OutsideRefusal::Signature));
    // One algorithm's key under another's name.
    let crossed = Signer { id: "RS256".to_owned(), ..Signer::new("", Algorithm::ES256) }.sign(&claims(&world, json!({})));
    assert_eq!(outside.verify(&crossed).await, Err(OutsideRefusal::UnknownKey));
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims(&world, json!({})).to_string()));
    assert_eq!(outside.verify(&unsigned).await, Err(OutsideRefusal::Malformed));
    // The public key as the secret of an HMAC.
    let secret = signers["RS256"].jwk()["n"].as_str().unwrap().to_owned();
    let hmac = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(&world, json!({})), &EncodingKey::from_secret(secret.as_bytes())).unwrap();
    assert_eq!(outside.verify(&hmac).await, Err(OutsideRefusal::Algorithm));
    let only_rsa = ProviderSettings { algorithms: vec![SigningAlgorithm::RS256], ..settings };
    let outside = OutsideProviders::new(&[only_rsa], world.clock.clone()).unwrap();
    assert_eq!(outside.verify(&signer.sign(&claims(&world, json!({})))).await, Err(OutsideRefusal::Algorithm));
    assert!(outside.verify(&signers["RS256"].sign(&claims(&world, json!({})))).await.is_ok());
}

#[tokio::test]
async fn keys_rotate_and_outlive_an_absent_provider() {
    let (old, new) = (Signer::new("old", Algorithm::ES256), Signer::new("new", Algorithm::ES256));
    let published = publish(key_set([&old])).await;
    let world = World::new(Backend::Sqlite).await;
    let outside = OutsideProviders::new(&[provider(&published.url)], world.clock.clone()).unwrap();
    let (by_old, by_new) = (old.sign(&claims(&world, json!({}))), new.sign(&claims(&world, json!({}))));
    let asked = || published.asked.load(Ordering::Relaxed);

    let many = futures::future::join_all((0..10).map(|_| outside.verify(&by_old))).await;
    assert!(many.iter().all(Result::is_ok));
    assert_eq!(asked(), 1, "one request fetches for all");
    // Unknown keys do not make us knock more than every 30 seconds.
    for _ in 0..3 {
        assert_eq!(outside.verify(&by_new).await, Err(OutsideRefusal::UnknownKey));
    }
    assert_eq!(asked(), 1);
    *published.body.lock().unwrap() = (200, key_set([&old, &new]));
    world.clock.advance(TimeDelta::seconds(30));
    assert!(outside.verify(&by_new).await.is_ok());
    assert_eq!(asked(), 2);

    // The provider goes away, or answers with nonsense, or sends us elsewhere: what we know stays good.
    for broken in [(500, String::new()), (200, "nonsense".to_owned()), (302, String::new()), (200, " ".repeat(300_000))] {
        *published.body.lock().unwrap() = broken;
        world.clock.advance(TimeDelta::seconds(30));
        let unknown = Signer::new("unknown", Algorithm::ES256).sign(&claims(&world, json!({})));
        assert_eq!(outside.verify(&unknown).await, Err(OutsideRefusal::UnknownKey));
        assert!(outside.verify(&by_new).await.is_ok());
    }
    assert_eq!(asked(), 6);

    // A key that is taken back is forgotten within the hour, without anybody waiting for it.
    *published.body.lock().unwrap() = (200, key_set([&new]));
    world.clock.advance(TimeDelta::hours(1));
    let fresh = old.sign(&claims(&world, json!({})));
    let _ = outside.verify(&fresh).await;
    for _ in 0..100 {
        if asked() == 7 && outside.verify(&fresh).await == Err(OutsideRefusal::UnknownKey) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the old key is still good");
}

#[tokio::test]
async fn providers_that_cannot_be_trusted_are_refused_at_the_start() {
    let world = World::new(Backend::Sqlite).await;
    let start = |settings: &[ProviderSettings]| OutsideProviders::new(settings, world.clock.clone()).map(drop).map_err(|error| error.to_string());
    assert!(start(&[provider("http://id.example/jwks")]).unwrap_err().contains("https://"));
    assert!(start(&[provider("ftp://id.example/jwks")]).is_err());
    assert!(start(&[provider("jwks.json"), provider("jwks.json")]).unwrap_err().contains("twice"));
    assert!(start(&[ProviderSettings { issuer: "noren".to_owned(), ..provider("jwks.json") }]).is_err());
    assert!(start(&[ProviderSettings { algorithms: vec![], ..provider("jwks.json") }]).is_err());
    assert!(start(&[provider("https://id.example/jwks")]).is_ok());
    assert!(serde_json::from_value::<SigningAlgorithm>(json!("HS256")).is_err());
}
