//! Bearer secrets (API tokens, refresh tokens, links): random, shown once, kept as a hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A secret that has just been made.
pub struct NewSecret {
    /// The secret, to be shown once.
    pub secret: SecretString,
    /// Its first characters, by which people recognise it in a list.
    pub prefix: String,
    /// What is stored.
    pub hash: Vec<u8>,
}

impl NewSecret {
    /// A secret of 256 random bits that begins with `kind`, so that leaked ones can be found by scanners.
    pub fn random(kind: &str) -> Self {
        let random: [u8; 32] = rand::random();
        let text = format!("{kind}_{}", URL_SAFE_NO_PAD.encode(random));
        let prefix = text.chars().take(kind.len() + 7).collect();
        let secret = SecretString::from(text);
        Self { hash: hash_secret(secret.expose_secret()), prefix, secret }
    }
}

/// The stored form of a secret. One round of SHA-256 is enough for 256 random bits.
pub fn hash_secret(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}
