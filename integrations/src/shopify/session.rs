//! The token that a shop gives to an app that is open inside of it: a JWT under the app's secret.

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::shop_name;
use crate::ports::shop::{App, ClaimedSession, SessionError, ShopSession};

/// How far the shop's clock may be from ours, in seconds.
const LEEWAY: i64 = 10;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    dest: String,
    aud: String,
    sub: String,
    exp: i64,
    nbf: i64,
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    jti: Option<String>,
}

/// The shop of a token, whose issuer is the admin of the very same shop.
fn shop_of(claims: &Claims) -> Option<&str> {
    let shop = claims.dest.strip_prefix("https://").and_then(shop_name)?;
    (claims.iss == format!("https://{shop}/admin")).then_some(shop)
}

/// The longest client id, in bytes.
const CLIENT_ID: usize = 255;

/// A token of another algorithm is none of these, whoever it says that it is from.
pub(super) fn claimed(token: &str) -> Option<ClaimedSession> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    let plain = (1..=CLIENT_ID).contains(&claims.aud.len()) && claims.aud.bytes().all(|byte| byte.is_ascii_graphic());
    let shop = shop_of(&claims).filter(|_| plain && header.alg == Algorithm::HS256)?;
    Some(ClaimedSession { shop: shop.to_owned(), client_id: claims.aud })
}

pub(super) fn verify(app: &App, token: &str, now: DateTime<Utc>) -> Result<ShopSession, SessionError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| SessionError::Malformed)?;
    if header.alg != Algorithm::HS256 {
        return Err(SessionError::Malformed);
    }
    let secrets = app.secrets.iter().filter(|secret| !secret.expose_secret().is_empty());
    let mut signed = None;
    for secret in secrets {
        let key = DecodingKey::from_secret(secret.expose_secret().as_bytes());
        match jsonwebtoken::decode::<Claims>(token, &key, &signature_only()) {
            Ok(decoded) => signed = Some(decoded.claims),
            Err(error) if matches!(error.kind(), jsonwebtoken::errors::ErrorKind::InvalidSignature) => {}
            Err(_) => return Err(SessionError::Malformed),
        }
    }
    let claims = signed.ok_or(SessionError::BadSignature)?;
    if claims.aud != app.client_id {
        return Err(SessionError::OtherApp);
    }
    let now = now.timestamp();
    if claims.exp <= now - LEEWAY || claims.nbf > now + LEEWAY {
        return Err(SessionError::OutOfTime);
    }
    let shop = shop_of(&claims).ok_or(SessionError::NotAShop)?.to_owned();
    let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(SessionError::Malformed)?;
    Ok(ShopSession { shop, user: claims.sub, session: claims.sid, token_id: claims.jti, expires_at })
}

/// Claims are checked above, against the time that is given.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}
