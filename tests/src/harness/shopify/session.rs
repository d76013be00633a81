//! The token that a shop gives to an app that is open inside of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::oauth::mac;
use crate::harness::Credentials;

/// A session token, to be changed before it is signed.
#[derive(Clone, Debug)]
pub struct SessionToken {
    /// What its header says that it is signed by.
    pub algorithm: &'static str,
    /// What it is signed with.
    pub secret: String,
    /// The app.
    pub client_id: String,
    /// The shop.
    pub shop: String,
    /// The shop's user.
    pub user: String,
    /// From when on it is good.
    pub from: DateTime<Utc>,
    /// Until when it is good.
    pub until: DateTime<Utc>,
}

impl SessionToken {
    /// A token that is good for a minute, of the user 42.
    pub fn new(client_id: &str, secret: &str, shop: &str, now: DateTime<Utc>) -> Self {
        Self {
            algorithm: "HS256",
            secret: secret.to_owned(),
            client_id: client_id.to_owned(),
            shop: shop.to_owned(),
            user: "42".to_owned(),
            from: now - TimeDelta::seconds(1),
            until: now + TimeDelta::seconds(60),
        }
    }

    /// The token as it is sent. It is signed with HMAC-SHA256, whatever it says; with `none`, not at all.
    pub fn sign(&self) -> String {
        let claims = json!({
            "iss": format!("https://{}/admin", self.shop), "dest": format!("https://{}", self.shop), "aud": self.client_id, "sub": self.user,
            "exp": self.until.timestamp(), "nbf": self.from.timestamp(), "iat": self.from.timestamp(),
            "jti": Uuid::from_u128(rand::random()).to_string(), "sid": "session-1",
        });
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", part(json!({ "alg": self.algorithm, "typ": "JWT" }).to_string()), part(claims.to_string()));
        let signature = if self.algorithm == "none" { String::new() } else { URL_SAFE_NO_PAD.encode(mac(&self.secret, &message)) };
        format!("{message}.{signature}")
    }

    /// Whoever sends it as their bearer.
    pub fn credentials(&self) -> Credentials {
        Credentials::bearer(self.sign())
    }
}
