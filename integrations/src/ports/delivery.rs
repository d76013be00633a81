//! What arrives from outside: what the webhooks of any provider have in common.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use secrecy::SecretString;

/// A request as it arrived, which anybody may have sent.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Its headers, names in lower case; a name may come more than once.
    pub headers: &'a [(String, String)],
    /// Its body, byte for byte.
    pub body: &'a [u8],
}

impl<'a> Delivery<'a> {
    /// The header that goes by one of these names; several that differ are none.
    pub(crate) fn header(&self, names: &[&str]) -> Option<&'a str> {
        let mut found = self.headers.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str());
        let first = found.next()?;
        found.all(|other| other == first).then_some(first)
    }
}

/// A provider that sends webhooks.
pub trait WebhookSource: Send + Sync {
    /// Its name in the database, at the command line and in the path of its webhooks.
    fn key(&self) -> &'static str;

    /// Checks a delivery's signature, age and shape. It fails closed: without a secret, or with a signature that is missing, of
    /// another length or in another alphabet, it answers [`DeliveryError::BadSignature`]. `secrets` holds the current one and, while
    /// a rotation lasts, the previous one.
    fn verify(&self, delivery: &Delivery<'_>, secrets: &[SecretString], now: DateTime<Utc>) -> Result<Verified, DeliveryError>;

    /// Whether a delivery with these headers has to be taken whatever has become of the connection: what people ask about their data is
    /// theirs to ask. Whether it is one, only [`verify`](Self::verify) can tell.
    fn is_owed(&self, headers: &[(String, String)]) -> bool;
}

/// A delivery whose signature and shape were checked. A provider's `verify` makes it, and [`Verified::stored`] from what was kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified(DeliveryParts);

/// What is kept of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryParts {
    /// By what repeats of the same delivery are told, within a connection.
    pub event_id: String,
    /// What it is about, in the provider's words (`orders/create`).
    pub topic: String,
    /// The account that it comes from (the domain of a shop), in the one spelling that is stored.
    pub account: Option<String>,
    /// When the provider saw it happen, in whole microseconds.
    pub triggered_at: Option<DateTime<Utc>>,
    /// The version of the provider's API that its body is written in.
    pub api_version: Option<String>,
    /// The provider's id of what happened, which several deliveries may tell of.
    pub provider_event_id: Option<String>,
    /// The provider's own headers, without the signature.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl Verified {
    /// Says that a delivery was checked; for the `verify` of providers.
    pub(crate) fn checked(parts: DeliveryParts) -> Self {
        Self(parts)
    }

    /// A delivery that was checked when it came and has been kept since.
    pub fn stored(parts: DeliveryParts) -> Self {
        Self(parts)
    }

    /// What there is to keep of it.
    pub fn parts(&self) -> &DeliveryParts {
        &self.0
    }

    /// What there is to keep of it, to own.
    pub fn into_parts(self) -> DeliveryParts {
        self.0
    }
}

/// Why a delivery is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Whoever sent it does not know the secret.
    #[error("the signature is missing or does not match the body")]
    BadSignature,
    /// The provider signed it, but it is not one of its deliveries.
    #[error("the delivery is signed but cannot be used: {0}")]
    Malformed(String),
    /// Signed too long ago, or too far ahead, to be more than a repeat by somebody who listened.
    #[error("the delivery was signed {seconds} seconds from now, {tolerance} are tolerated")]
    Stale {
        /// How far its time is from now, in seconds.
        seconds: u64,
        /// How far it may be.
        tolerance: u64,
    },
}

/// Why a stored delivery cannot be read. Trying again changes nothing until the program does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ParseError {
    /// What is wrong, in plain words.
    pub reason: String,
}
