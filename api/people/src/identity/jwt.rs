//! Noren's own access tokens: short-lived JWTs that name a user and a session, and grant nothing by themselves.

use chrono::{DateTime, TimeDelta, Utc};
use entities::{SessionId, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use platform::crypto::MasterKey;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::error::{AuthError, SignInError};

/// Who signs.
pub(super) const ISSUER: &str = "noren";
const TYPE: &str = "at+jwt";
/// How long an access token is good for.
pub(super) const LIFETIME: TimeDelta = TimeDelta::minutes(15);

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    sid: String,
    iat: i64,
    exp: i64,
}

/// Signs and verifies access tokens with a key of their own under the master key.
#[derive(Clone)]
pub struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    lifetime: TimeDelta,
}

impl AccessTokens {
    /// The tokens of an installation.
    pub fn new(master: &MasterKey) -> Self {
        let key = master.derive("access-token");
        Self { encoding: EncodingKey::from_secret(&key), decoding: DecodingKey::from_secret(&key), lifetime: LIFETIME }
    }

    /// The same tokens, good for longer: for a demo, whose sessions are nobody's.
    pub fn lasting(self, lifetime: TimeDelta) -> Self {
        Self { lifetime, ..self }
    }

    pub(super) fn issue(&self, user: UserId, session: SessionId, now: DateTime<Utc>) -> Result<(SecretString, DateTime<Utc>), SignInError> {
        let expires_at = now + self.lifetime;
        let header = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS256) };
        let claims = Claims { iss: ISSUER.to_owned(), sub: user.to_string(), sid: session.to_string(), iat: now.timestamp(), exp: expires_at.timestamp() };
        let token = jsonwebtoken::encode(&header, &claims, &self.encoding).map_err(|_| SignInError::Hashing)?;
        Ok((SecretString::from(token), expires_at))
    }

    pub(super) fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<(UserId, SessionId), AuthError> {
        let refused = |_| AuthError::InvalidAccessToken;
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decoding, &signature_only(Algorithm::HS256)).map_err(refused)?;
        if decoded.header.typ.as_deref() != Some(TYPE) || decoded.claims.iss != ISSUER {
            return Err(AuthError::InvalidAccessToken);
        }
        if decoded.claims.exp <= now.timestamp() {
            return Err(AuthError::AccessTokenExpired);
        }
        let (user, session) = (UserId::parse(&decoded.claims.sub), SessionId::parse(&decoded.claims.sid));
        Ok((user.map_err(|_| AuthError::InvalidAccessToken)?, session.map_err(|_| AuthError::InvalidAccessToken)?))
    }
}

/// Checks the signature and the algorithm; claims are checked here, against the injected clock.
pub(super) fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_access_token_is_ours_of_its_type_and_in_time() -> Result<(), Box<dyn std::error::Error>> {
        use secrecy::ExposeSecret;

        let (master, now) = (MasterKey::random(), DateTime::UNIX_EPOCH);
        let (tokens, user, session) = (AccessTokens::new(&master), UserId::from(Uuid::from_u128(1)), SessionId::from(Uuid::from_u128(2)));
        let (token, expires_at) = tokens.issue(user, session, now)?;
        let token = token.expose_secret();
        assert_eq!(tokens.verify(token, now)?, (user, session));
        assert!(matches!(tokens.verify(token, expires_at), Err(AuthError::AccessTokenExpired)));
        assert!(matches!(AccessTokens::new(&MasterKey::random()).verify(token, now), Err(AuthError::InvalidAccessToken)));

        let claims = Claims { iss: ISSUER.to_owned(), sub: user.to_string(), sid: session.to_string(), iat: 0, exp: 60 };
        let plain = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &tokens.encoding)?;
        let other = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS512) };
        let longer = jsonwebtoken::encode(&other, &claims, &tokens.encoding)?;
        for refused in [plain, longer] {
            assert!(matches!(tokens.verify(&refused, now), Err(AuthError::InvalidAccessToken)));
        }
        Ok(())
    }
}
