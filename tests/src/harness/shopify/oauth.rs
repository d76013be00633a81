//! Merchants who agree, and the token endpoint.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use url::{Url, form_urlencoded};

use super::faults::On;
use super::session::SessionToken;
use super::shop::{Pair, Shop};
use super::{Inner, ShopifyStandIn};

const ACCESS: TimeDelta = TimeDelta::seconds(3_600);
const REFRESH: TimeDelta = TimeDelta::days(90);
/// So long after its first use a refresh token may be tried again.
const AGAIN: TimeDelta = TimeDelta::days(30);

pub(super) fn mac(secret: &str, message: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key").chain_update(message).finalize().into_bytes().to_vec()
}

impl ShopifyStandIn {
    /// The merchant was sent to this address and agrees: the query that they come back with.
    pub fn agrees(&self, authorize: &Url) -> String {
        let asked: std::collections::BTreeMap<String, String> = authorize.query_pairs().into_owned().collect();
        assert_eq!(asked["client_id"], self.inner.app.client_id);
        let domain = authorize.path().trim_start_matches('/').split('/').next().expect("a shop").to_owned();
        let code = format!("code-{}", self.inner.number());
        let scopes: Vec<String> = asked["scope"].split(',').map(str::to_owned).collect();
        self.shop(&domain, |shop| shop.codes.push((code.clone(), scopes)));
        let timestamp = self.now().timestamp().to_string();
        let pairs = [("code", &*code), ("host", "YWRtaW4"), ("shop", &*domain), ("state", &*asked["state"]), ("timestamp", &*timestamp)];
        let message = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let hmac: String = mac(&self.inner.app.secret, &message).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{message}&hmac={hmac}")
    }

    /// The merchant opens the app from the provider's side: the query that they come with.
    pub fn launches(&self, domain: &str) -> String {
        let timestamp = self.now().timestamp().to_string();
        let message =
            form_urlencoded::Serializer::new(String::new()).extend_pairs([("host", "YWRtaW4"), ("shop", domain), ("timestamp", &*timestamp)]).finish();
        let hmac: String = mac(&self.inner.app.secret, &message).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{message}&hmac={hmac}")
    }

    /// The merchant's user opens the app inside of the shop: the token that the app is given. Who opens it has granted these scopes.
    pub fn opens_app(&self, domain: &str, user: u64, scopes: &[&str]) -> String {
        self.shop(domain, |shop| shop.granted = scopes.iter().map(|scope| (*scope).to_owned()).collect());
        let app = &self.inner.app;
        SessionToken { user: user.to_string(), ..SessionToken::new(&app.client_id, &app.secret, domain, self.now()) }.sign()
    }

    /// Installs the app without any of this: the token that opens the shop.
    pub fn installed(&self, domain: &str, scopes: &[&str]) -> String {
        self.shop(domain, |shop| {
            shop.granted = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            let access = format!("shpat_{}", self.inner.number());
            shop.pairs.push(Pair {
                access: access.clone(),
                access_until: None,
                refresh: None,
                refresh_until: None,
                after: None,
                first_refresh: None,
                is_void: false,
            });
            access
        })
    }
}

pub(super) async fn token(State(inner): State<Arc<Inner>>, Path(domain): Path<String>, Json(asked): Json<Value>) -> Response {
    let does = inner.faults.lock().expect("faults").next(&[On::Token]);
    let response = match does.instead().await {
        Some(response) => response,
        None => answer(&inner, &domain, &asked),
    };
    does.after(response).await
}

fn refused(status: u16, error: &str) -> Response {
    let body = json!({ "error": error, "error_description": format!("the request was refused: {error}") });
    (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response()
}

fn answer(inner: &Inner, domain: &str, asked: &Value) -> Response {
    let word = |name: &str| asked[name].as_str().unwrap_or_default();
    if word("client_id") != inner.app.client_id || word("client_secret") != inner.app.secret {
        return refused(401, "invalid_client");
    }
    let mut shops = inner.shops();
    let Some(shop) = shops.get_mut(domain) else { return refused(404, "not_found") };
    if let Some(status) = shop.closed {
        return refused(status, "shop_closed");
    }
    match word("grant_type") {
        "" => match shop.codes.iter().position(|(code, _)| code == word("code")) {
            Some(at) => {
                shop.granted = shop.codes.remove(at).1;
                issue(inner, shop, asked, None)
            }
            None => refused(400, "invalid_request"),
        },
        "urn:ietf:params:oauth:grant-type:token-exchange" => {
            let good = word("subject_token_type") == "urn:ietf:params:oauth:token-type:id_token"
                && word("requested_token_type") == "urn:shopify:params:oauth:token-type:offline-access-token"
                && is_session(inner, domain, word("subject_token"));
            if good { issue(inner, shop, asked, None) } else { refused(400, "invalid_subject_token") }
        }
        "refresh_token" => {
            let (now, refresh) = (inner.now(), word("refresh_token"));
            let known = shop
                .pairs
                .iter_mut()
                .find(|pair| pair.refresh.as_deref() == Some(refresh) && !pair.is_void && pair.refresh_until.is_none_or(|until| now < until));
            let Some(pair) = known.filter(|pair| pair.first_refresh.is_none_or(|first| now < first + AGAIN)) else {
                return refused(400, "invalid_grant");
            };
            pair.first_refresh.get_or_insert(now);
            // A replacement that was never used is replaced in its turn; using this one retires what came before it.
            let at = shop.pairs.iter().position(|pair| pair.refresh.as_deref() == Some(refresh)).expect("it is there");
            shop.replaces(at);
            shop.pairs.iter_mut().filter(|pair| pair.after.as_deref() == Some(refresh)).for_each(|pair| pair.is_void = true);
            issue(inner, shop, &json!({ "expiring": 1 }), Some(refresh.to_owned()))
        }
        _ => refused(400, "unsupported_grant_type"),
    }
}

fn issue(inner: &Inner, shop: &mut Shop, asked: &Value, after: Option<String>) -> Response {
    let now = inner.now();
    let expires = asked["expiring"] == 1;
    let pair = Pair {
        access: format!("shpat_{}", inner.number()),
        access_until: expires.then(|| now + ACCESS),
        refresh: expires.then(|| format!("shprt_{}", inner.number())),
        refresh_until: expires.then(|| now + REFRESH),
        first_refresh: None,
        is_void: false,
        after,
    };
    let mut body = json!({ "access_token": pair.access, "scope": shop.granted.join(",") });
    if let Some(refresh) = &pair.refresh {
        body["expires_in"] = ACCESS.num_seconds().into();
        body["refresh_token"] = refresh.clone().into();
        body["refresh_token_expires_in"] = REFRESH.num_seconds().into();
    }
    shop.pairs.push(pair);
    Json(body).into_response()
}

fn is_session(inner: &Inner, domain: &str, token: &str) -> bool {
    let Some((message, signature)) = token.rsplit_once('.') else { return false };
    let claims =
        message.split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok()).and_then(|claims| serde_json::from_slice::<Value>(&claims).ok());
    let Some(claims) = claims else { return false };
    let in_time = claims["exp"].as_i64().is_some_and(|exp| exp > inner.now().timestamp());
    URL_SAFE_NO_PAD.encode(mac(&inner.app.secret, message)) == signature && in_time && claims["dest"] == format!("https://{domain}")
}
