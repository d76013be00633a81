//! The token that a shop gives to an app that is open inside of it: a JWT under the app's secret.

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::shop_name;
use crate::ports::shop::{App, SessionError, ShopSession};

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
    let shop = claims.dest.strip_prefix("https://").and_then(shop_name).ok_or(SessionError::NotAShop)?;
    // The issuer is the admin of the very same shop.
    if claims.iss != format!("https://{shop}/admin") {
        return Err(SessionError::NotAShop);
    }
    let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(SessionError::Malformed)?;
    Ok(ShopSession { shop: shop.to_owned(), user: claims.sub, session: claims.sid, token_id: claims.jti, expires_at })
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
