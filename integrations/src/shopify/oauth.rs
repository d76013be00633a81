//! How a merchant lets the app in: the authorisation code grant, the exchange of a session token, and the refresh of expiring tokens.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use url::{Url, form_urlencoded};

use super::{NOT_A_SHOP, ShopifyApp, session, shop_name};
use crate::outgoing::{Broken, Request, Whole, clean};
use crate::ports::commerce::InvalidDomain;
use crate::ports::shop::{App, Callback, CallbackError, ClaimedSession, SessionError, ShopInstaller, ShopSession, TokenError, Tokens};

/// How far a callback's time may be from now.
const FRESH: TimeDelta = TimeDelta::minutes(5);
const MOST_BYTES: usize = 256 << 10;

#[async_trait]
impl ShopInstaller for ShopifyApp {
    fn authorize_url(&self, app: &App, shop: &str, redirect: &Url, state: &str) -> Result<Url, InvalidDomain> {
        let shop = shop_name(shop).ok_or(NOT_A_SHOP)?;
        let mut url = self.url(shop, "/admin/oauth/authorize").map_err(|_| NOT_A_SHOP)?;
        url.query_pairs_mut()
            .append_pair("client_id", &app.client_id)
            .append_pair("scope", &app.scopes.join(","))
            .append_pair("redirect_uri", redirect.as_str())
            .append_pair("state", state);
        Ok(url)
    }

    fn verify_launch(&self, app: &App, query: &str, now: DateTime<Utc>) -> Result<String, CallbackError> {
        let given = Given::read(query)?;
        if !given.is_signed(&app.secrets) {
            return Err(CallbackError::BadSignature);
        }
        given.fresh(now)?;
        given.one("shop").and_then(shop_name).map(str::to_owned).ok_or(CallbackError::NotAShop)
    }

    fn verify_callback(&self, app: &App, query: &str, state: &str, now: DateTime<Utc>) -> Result<Callback, CallbackError> {
        let given = Given::read(query)?;
        // The signature first: nothing else of what anybody may write is looked at before.
        if !given.is_signed(&app.secrets) {
            return Err(CallbackError::BadSignature);
        }
        let named = given.one("state").ok_or(CallbackError::Malformed("state"))?;
        if state.is_empty() || !bool::from(named.as_bytes().ct_eq(state.as_bytes())) {
            return Err(CallbackError::WrongState);
        }
        given.fresh(now)?;
        let shop = given.one("shop").and_then(shop_name).ok_or(CallbackError::NotAShop)?;
        let code = given.one("code").filter(|code| !code.is_empty()).ok_or(CallbackError::Malformed("code"))?;
        Ok(Callback { shop: shop.to_owned(), code: code.to_owned().into() })
    }

    async fn exchange_code(&self, app: &App, shop: &str, code: &SecretString, now: DateTime<Utc>) -> Result<Tokens, TokenError> {
        self.tokens(app, shop, json!({ "code": code.expose_secret(), "expiring": 1 }), now).await
    }

    fn claimed_session(&self, token: &str) -> Option<ClaimedSession> {
        session::claimed(token)
    }

    fn verify_session(&self, app: &App, token: &str, now: DateTime<Utc>) -> Result<ShopSession, SessionError> {
        session::verify(app, token, now)
    }

    async fn exchange_session(&self, app: &App, shop: &str, session: &SecretString, now: DateTime<Utc>) -> Result<Tokens, TokenError> {
        let asked = json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": session.expose_secret(),
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
            "expiring": 1,
        });
        self.tokens(app, shop, asked, now).await
    }

    async fn refresh(&self, app: &App, shop: &str, refresh: &SecretString, now: DateTime<Utc>) -> Result<Tokens, TokenError> {
        self.tokens(app, shop, json!({ "grant_type": "refresh_token", "refresh_token": refresh.expose_secret() }), now).await
    }
}

/// The query of a callback, each name once.
struct Given(Vec<(String, String)>);

impl Given {
    fn read(query: &str) -> Result<Self, CallbackError> {
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).into_owned().collect();
        pairs.sort();
        if pairs.windows(2).any(|two| two[0].0 == two[1].0) {
            return Err(CallbackError::Malformed("a name that comes twice"));
        }
        Ok(Self(pairs))
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it was made just now.
    fn fresh(&self, now: DateTime<Utc>) -> Result<(), CallbackError> {
        let seconds: i64 = self.one("timestamp").and_then(|text| text.parse().ok()).ok_or(CallbackError::Malformed("timestamp"))?;
        let at = DateTime::from_timestamp(seconds, 0).ok_or(CallbackError::Malformed("timestamp"))?;
        if (now - at).abs() > FRESH { Err(CallbackError::Stale) } else { Ok(()) }
    }

    /// Whether the signature is that of everything else, sorted and written as a form, under one of the secrets. Every secret is tried,
    /// so that the time tells nothing.
    fn is_signed(&self, secrets: &[SecretString]) -> bool {
        let Some(given) = self.one("hmac").and_then(unhex) else { return false };
        let message = form_urlencoded::Serializer::new(String::new()).extend_pairs(self.0.iter().filter(|(name, _)| name != "hmac")).finish();
        let matches = |secret: &SecretString| {
            let secret = secret.expose_secret();
            let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
            !secret.is_empty() && mac.is_ok_and(|mac| mac.chain_update(&message).verify_slice(&given).is_ok())
        };
        secrets.iter().fold(false, |found, secret| matches(secret) | found)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

#[derive(Deserialize)]
struct WireTokens {
    access_token: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    expires_in: Option<i64>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    refresh_token_expires_in: Option<i64>,
}

#[derive(Deserialize, Default)]
struct WireRefusal {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

impl ShopifyApp {
    /// Asks the token endpoint. What expires is counted from before the question: never later than it truly ends.
    async fn tokens(&self, app: &App, shop: &str, mut asked: Value, now: DateTime<Utc>) -> Result<Tokens, TokenError> {
        let shop = shop_name(shop).ok_or_else(|| TokenError::Rejected(NOT_A_SHOP.to_string()))?;
        let secret = app.secrets.first().ok_or_else(|| TokenError::BadClient("the app has no secret".to_owned()))?;
        asked["client_id"] = app.client_id.clone().into();
        asked["client_secret"] = secret.expose_secret().into();
        let url = self.url(shop, "/admin/oauth/access_token").map_err(TokenError::Unreachable)?;
        let headers = [("content-type", "application/json".to_owned()), ("accept", "application/json".to_owned())];
        let body = Bytes::from(asked.to_string());
        let request = Request { method: http::Method::POST, url: &url, headers: &headers, body, most_bytes: MOST_BYTES };
        match self.dialler().exchange(request).await.0 {
            Ok(whole) => read(&whole, now),
            Err(Broken::Refused(problem)) => Err(TokenError::Unreachable(problem.to_string())),
            Err(Broken::Unreachable(why)) => Err(TokenError::Unreachable(why)),
            Err(Broken::Lost(why)) => Err(TokenError::Unknown(why)),
        }
    }
}

fn read(whole: &Whole, now: DateTime<Utc>) -> Result<Tokens, TokenError> {
    let refusal = || serde_json::from_slice::<WireRefusal>(&whole.body).unwrap_or_default();
    let said = |refusal: WireRefusal| {
        let words = [refusal.error, refusal.error_description].into_iter().flatten().collect::<Vec<_>>().join(": ");
        if words.is_empty() { format!("Shopify answered {}", whole.status) } else { clean(&words, 200) }
    };
    match whole.status {
        // What is not tokens is not quoted: it may hold some.
        200 => {
            let wire: WireTokens = serde_json::from_slice(&whole.body).map_err(|_| TokenError::Unknown("the answer is no tokens".to_owned()))?;
            let until = |seconds: Option<i64>| seconds.and_then(TimeDelta::try_seconds).and_then(|time| now.checked_add_signed(time));
            Ok(Tokens {
                access_expires_at: until(wire.expires_in),
                refresh_expires_at: until(wire.refresh_token_expires_in),
                access: wire.access_token.into(),
                refresh: wire.refresh_token.map(SecretString::from),
                scopes: wire.scope.split([',', ' ']).map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
            })
        }
        status @ (402 | 404 | 423) => Err(TokenError::ShopClosed(status)),
        408 | 425 | 429 | 500..=599 => Err(TokenError::Later { why: said(refusal()), after: whole.retry_after }),
        status => {
            let refusal = refusal();
            match refusal.error.as_deref() {
                None if status == 403 => Err(TokenError::ShopClosed(status)),
                Some("invalid_client" | "application_cannot_be_found" | "unauthorized_client") => Err(TokenError::BadClient(said(refusal))),
                Some("invalid_grant" | "invalid_request" | "invalid_subject_token") => Err(TokenError::Rejected(said(refusal))),
                // What is not said in these words may be a proxy's, and is no end of an authorisation.
                _ => Err(TokenError::Later { why: said(refusal), after: whole.retry_after }),
            }
        }
    }
}
