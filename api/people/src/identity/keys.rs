//! A provider's public keys: cached, refreshed, fetched by one request at a time, and kept while the provider is away.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use integrations::jwks::KeySource;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use platform::Clock;
use serde::Deserialize;

/// Keys are looked up anew after this long.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// The source is asked at most this often, however many unknown keys are presented.
const PAUSE: TimeDelta = TimeDelta::seconds(30);

/// One published key and the algorithm that it is good for.
struct PublicKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Default)]
struct State {
    keys: Arc<[PublicKey]>,
    tried_at: Option<DateTime<Utc>>,
    fetched_at: Option<DateTime<Utc>>,
}

/// The keys of one provider.
pub(super) struct Keys {
    source: Arc<dyn KeySource>,
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    pub(super) fn new(source: Arc<dyn KeySource>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { source, clock, state: RwLock::default(), fetching: tokio::sync::Mutex::default() })
    }

    /// The keys that a token with this header may be signed with.
    pub(super) async fn candidates(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
        let found = self.known(id, algorithm);
        if found.is_empty() {
            self.refresh().await;
            return self.known(id, algorithm);
        }
        if self.is_stale() {
            self.refresh_meanwhile();
        }
        found
    }

    /// Those of them that are known already: nobody waits for the provider.
    pub(super) fn candidates_at_once(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
        let found = self.known(id, algorithm);
        if found.is_empty() || self.is_stale() {
            self.refresh_meanwhile();
        }
        found
    }

    fn refresh_meanwhile(self: &Arc<Self>) {
        if self.may_ask() {
            let keys = self.clone();
            tokio::spawn(async move { keys.refresh().await });
        }
    }

    fn known(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
        let keys = self.state.read().unwrap_or_else(PoisonError::into_inner).keys.clone();
        let fits = |key: &&PublicKey| key.algorithm == algorithm && (id.is_none() || key.id.is_none() || key.id.as_deref() == id);
        keys.iter().filter(fits).map(|key| key.key.clone()).collect()
    }

    fn is_stale(&self) -> bool {
        let fetched_at = self.state.read().unwrap_or_else(PoisonError::into_inner).fetched_at;
        fetched_at.is_none_or(|at| self.clock.now() - at >= FRESH)
    }

    fn may_ask(&self) -> bool {
        let tried_at = self.state.read().unwrap_or_else(PoisonError::into_inner).tried_at;
        tried_at.is_none_or(|at| self.clock.now() - at >= PAUSE)
    }

    async fn refresh(&self) {
        if !self.may_ask() && self.fetching.try_lock().is_ok() {
            return;
        }
        let _one_at_a_time = self.fetching.lock().await;
        if !self.may_ask() {
            return;
        }
        let now = self.clock.now();
        self.state.write().unwrap_or_else(PoisonError::into_inner).tried_at = Some(now);
        let keys = match self.source.fetch().await {
            Ok(bytes) => parse(&bytes),
            Err(error) => {
                tracing::warn!(%error, "cannot fetch an identity provider's keys; the ones known stay in use");
                return;
            }
        };
        match keys {
            Some(keys) => {
                let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
                state.keys = keys.into();
                state.fetched_at = Some(now);
            }
            None => tracing::warn!("an identity provider's key set holds no key that can be used; the ones known stay in use"),
        }
    }
}

/// The keys that can be used; the others of the set are none of our business.
fn parse(bytes: &[u8]) -> Option<Vec<PublicKey>> {
    let set: KeySet = serde_json::from_slice(bytes).ok()?;
    let keys: Vec<PublicKey> = set.keys.into_iter().filter_map(|key| usable(&serde_json::from_value(key).ok()?)).collect();
    (!keys.is_empty()).then_some(keys)
}

fn usable(jwk: &Jwk) -> Option<PublicKey> {
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => (Algorithm::ES256, KeyAlgorithm::ES256),
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => (Algorithm::EdDSA, KeyAlgorithm::EdDSA),
        AlgorithmParameters::EllipticCurve(_) | AlgorithmParameters::OctetKeyPair(_) | AlgorithmParameters::OctetKey(_) => return None,
        _ => return None,
    };
    if jwk.common.key_algorithm.is_some_and(|given| given != named) {
        return None;
    }
    Some(PublicKey { id: jwk.common.key_id.clone(), algorithm, key: DecodingKey::from_jwk(jwk).ok()? })
}
