//! Passwords: the rule for new ones, and argon2id, which is slow and large on purpose and so runs beside the request loop.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OnceCell, Semaphore};

use super::error::SignInError;
use crate::validation::{Invalid, Problem, invalid};

const MIN: usize = 12;
const MAX: usize = 128;
const MEMORY_KIB: u32 = 19 * 1024;

/// Hashes and verifies passwords, a few at a time.
#[derive(Clone)]
pub struct Passwords {
    slots: Arc<Semaphore>,
    decoy: Arc<OnceCell<String>>,
}

impl Passwords {
    /// At most `concurrent` hashings at once, of 19 MiB each; others wait.
    pub fn new(concurrent: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(concurrent.max(1))), decoy: Arc::default() }
    }

    /// Whether a password may be chosen.
    pub(super) fn check(field: &'static str, password: &SecretString, email: &str) -> Result<(), Invalid> {
        let password = password.expose_secret();
        match password.chars().count() {
            ..MIN => Err(invalid(field, Problem::TooShort { min: MIN })),
            MIN..=MAX if platform::text::fold(password) == platform::text::fold(email) => Err(invalid(field, Problem::SameAsEmail)),
            MIN..=MAX => Ok(()),
            _ => Err(invalid(field, Problem::TooLong { max: MAX })),
        }
    }

    pub(super) async fn hash(&self, password: &SecretString) -> Result<String, SignInError> {
        let password = password.clone();
        self.beside(move || Some(argon()?.hash_password(password.expose_secret().as_bytes()).ok()?.to_string())).await
    }

    /// Whether the password is the hash's. Without a hash it takes as long and says no.
    pub(super) async fn verify(&self, password: &SecretString, hash: Option<&str>) -> Result<bool, SignInError> {
        let known = hash.is_some();
        // Made in any case, so that not even the first answer tells whether there was a hash.
        let decoy = self.decoy.get_or_try_init(|| async { self.hash(&SecretString::from(DECOY)).await }).await?;
        let hash = hash.unwrap_or(decoy).to_owned();
        let password = password.clone();
        let matches = self
            .beside(move || {
                let hash = PasswordHash::new(&hash).ok()?;
                Some(argon()?.verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(matches && known)
    }

    async fn beside<T: Send + 'static>(&self, work: impl FnOnce() -> Option<T> + Send + 'static) -> Result<T, SignInError> {
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| SignInError::Hashing)?;
        // The slot goes with the work: a client that hangs up does not free it early.
        let run = move || {
            let _slot = slot;
            work()
        };
        tokio::task::spawn_blocking(run).await.ok().flatten().ok_or(SignInError::Hashing)
    }
}

/// What the decoy hash is of; nobody has it as a password, because without a hash the answer is no.
const DECOY: &str = "decoy";

fn argon() -> Option<Argon2<'static>> {
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, 2, 1, None).ok()?))
}
