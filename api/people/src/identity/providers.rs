//! Outside identity providers: their tokens say who somebody is, (issuer, subject), and nothing else.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use integrations::jwks::{KeySourceError, key_source};
use jsonwebtoken::{Algorithm, DecodingKey, Header, dangerous};
use platform::Clock;
use serde::{Deserialize, Serialize};

use super::error::OutsideRefusal;
use super::jwt::{ISSUER, signature_only};
use super::keys::Keys;

/// How far the provider's clock may be off.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// One outside identity provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// The `aud` that its tokens for Noren bear.
    pub audience: String,
    /// Its key set: an https URL or the path of a file.
    pub jwks: String,
    /// The algorithms that it signs with.
    pub algorithms: Vec<SigningAlgorithm>,
}

/// The signature algorithms accepted: asymmetric ones only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl From<SigningAlgorithm> for Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::RS256 => Self::RS256,
            SigningAlgorithm::ES256 => Self::ES256,
            SigningAlgorithm::EdDSA => Self::EdDSA,
        }
    }
}

/// Why a provider cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Nothing there, or a name that is Noren's own.
    #[error("an identity provider needs an issuer (not `noren`), an audience and at least one of the algorithms RS256, ES256, EdDSA")]
    Incomplete,
    /// Twice the same issuer.
    #[error("the identity provider {0} is configured twice")]
    Twice(String),
    /// The key set's place cannot be used.
    #[error("the identity provider {issuer}: {source}")]
    Keys {
        /// The provider.
        issuer: String,
        /// What is wrong.
        source: KeySourceError,
    },
}

/// Who an outside token says somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OutsideIdentity {
    /// The provider.
    pub issuer: String,
    /// The person's name there.
    pub subject: String,
}

struct Provider {
    settings: ProviderSettings,
    keys: Arc<Keys>,
}

/// The providers that are configured.
#[derive(Clone)]
pub struct OutsideProviders {
    providers: Arc<[Provider]>,
    clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<f64>,
    nbf: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl OutsideProviders {
    /// The providers of `settings`. Nothing is fetched yet.
    pub fn new(settings: &[ProviderSettings], clock: Arc<dyn Clock>) -> Result<Self, ProviderError> {
        let mut providers: Vec<Provider> = Vec::with_capacity(settings.len());
        for one in settings {
            if one.issuer.is_empty() || one.issuer == ISSUER || one.audience.is_empty() || one.algorithms.is_empty() {
                return Err(ProviderError::Incomplete);
            }
            if providers.iter().any(|known| known.settings.issuer == one.issuer) {
                return Err(ProviderError::Twice(one.issuer.clone()));
            }
            let source = key_source(&one.jwks).map_err(|source| ProviderError::Keys { issuer: one.issuer.clone(), source })?;
            providers.push(Provider { settings: one.clone(), keys: Keys::new(source, clock.clone()) });
        }
        Ok(Self { providers: providers.into(), clock })
    }

    /// Who the token says somebody is, once everything about it has been checked.
    pub async fn verify(&self, token: &str) -> Result<OutsideIdentity, OutsideRefusal> {
        let (provider, header) = self.provider_of(token)?;
        let keys = provider.keys.candidates(header.kid.as_deref(), header.alg).await;
        provider.identity(signed_claims(token, &header, &keys)?, self.clock.now())
    }

    /// Whether a token that was good here before still is, by the keys that are known: one whose key was taken back is not.
    pub(super) fn verify_again(&self, token: &str) -> Result<OutsideIdentity, OutsideRefusal> {
        let (provider, header) = self.provider_of(token)?;
        let keys = provider.keys.candidates_at_once(header.kid.as_deref(), header.alg);
        provider.identity(signed_claims(token, &header, &keys)?, self.clock.now())
    }

    /// The provider that a token claims to be from, if it could be.
    fn provider_of(&self, token: &str) -> Result<(&Provider, Header), OutsideRefusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| OutsideRefusal::Malformed)?;
        let claimed: Claims = dangerous::insecure_decode_claims(token).map_err(|_| OutsideRefusal::Malformed)?;
        let issuer = claimed.iss.ok_or(OutsideRefusal::UnknownIssuer)?;
        let provider = self.providers.iter().find(|provider| provider.settings.issuer == issuer).ok_or(OutsideRefusal::UnknownIssuer)?;
        if header.crit.is_some() || !provider.settings.algorithms.iter().any(|algorithm| Algorithm::from(*algorithm) == header.alg) {
            return Err(OutsideRefusal::Algorithm);
        }
        Ok((provider, header))
    }
}

fn signed_claims(token: &str, header: &Header, keys: &[DecodingKey]) -> Result<Claims, OutsideRefusal> {
    if keys.is_empty() {
        return Err(OutsideRefusal::UnknownKey);
    }
    let validation = signature_only(header.alg);
    keys.iter().find_map(|key| jsonwebtoken::decode::<Claims>(token, key, &validation).ok()).map(|decoded| decoded.claims).ok_or(OutsideRefusal::Signature)
}

impl Provider {
    fn identity(&self, claims: Claims, now: DateTime<Utc>) -> Result<OutsideIdentity, OutsideRefusal> {
        let (now, leeway) = (now.timestamp() as f64, LEEWAY.num_seconds() as f64);
        let for_us = match &claims.aud {
            Some(Audience::One(audience)) => *audience == self.settings.audience,
            Some(Audience::Many(audiences)) => audiences.contains(&self.settings.audience),
            None => false,
        };
        if claims.iss.as_deref() != Some(&self.settings.issuer) {
            return Err(OutsideRefusal::UnknownIssuer);
        }
        if !for_us {
            return Err(OutsideRefusal::Audience);
        }
        if claims.exp.is_none_or(|exp| exp + leeway <= now) {
            return Err(OutsideRefusal::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf - leeway > now) {
            return Err(OutsideRefusal::NotYet);
        }
        let subject = claims.sub.filter(|sub| !sub.is_empty() && sub.len() <= 255).ok_or(OutsideRefusal::NoSubject)?;
        Ok(OutsideIdentity { issuer: self.settings.issuer.clone(), subject })
    }
}
