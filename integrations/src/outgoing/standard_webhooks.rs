//! Signatures of the Standard Webhooks specification 1.0 (symmetric, `v1`), for what Noren sends and for whoever receives it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::ports::delivery::{Delivery, DeliveryError};

/// The header of the message's id, which stays the same however often it is sent.
pub const ID: &str = "webhook-id";
/// The header of the attempt's time, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header of the signatures, one for each active secret.
pub const SIGNATURE: &str = "webhook-signature";

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Why nothing can be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Not a secret of the specification.
    #[error("a signing secret is `whsec_` and the base64 of 24 to 64 random bytes")]
    BadSecret,
    /// An unsigned message proves nothing.
    #[error("there is no secret to sign with")]
    NoSecret,
    /// The signature would not tell where the id ends.
    #[error("the id of a message is up to 255 visible ASCII characters other than a full stop")]
    BadId,
}

/// A secret as it is shown to whoever receives, from random bytes.
pub fn secret(random: &[u8; 32]) -> SecretString {
    format!("{PREFIX}{}", STANDARD.encode(random)).into()
}

/// Whether text is a secret of the specification.
pub fn check_secret(secret: &SecretString) -> Result<(), SignError> {
    key(secret).map(|_| ())
}

/// The headers of one attempt to send a message, signed with every active secret: the current one and, while a rotation lasts, the previous one.
pub fn sign(id: &str, at: DateTime<Utc>, body: &[u8], secrets: &[SecretString]) -> Result<[(&'static str, String); 3], SignError> {
    if id.is_empty() || id.len() > 255 || !id.bytes().all(|b| b.is_ascii_graphic() && b != b'.') {
        return Err(SignError::BadId);
    }
    if secrets.is_empty() {
        return Err(SignError::NoSecret);
    }
    let timestamp = at.timestamp().to_string();
    let mut signatures = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let signature = mac(secret, id, &timestamp, body)?.finalize().into_bytes();
        signatures.push(format!("{VERSION}{}", STANDARD.encode(signature)));
    }
    Ok([(ID, id.to_owned()), (TIMESTAMP, timestamp), (SIGNATURE, signatures.join(" "))])
}

/// Checks a delivery as a receiver does: one of its signatures is right under one of the secrets, and its time is within five minutes of now.
pub fn verify(delivery: &Delivery<'_>, secrets: &[SecretString], now: DateTime<Utc>) -> Result<(), DeliveryError> {
    let header = |name: &str| delivery.header(&[name]).ok_or(DeliveryError::BadSignature);
    let (id, timestamp, signatures) = (header(ID)?, header(TIMESTAMP)?, header(SIGNATURE)?);
    let given: Vec<Vec<u8>> = signatures.split(' ').filter_map(|one| one.strip_prefix(VERSION)).filter_map(|one| STANDARD.decode(one).ok()).collect();
    let mut matches = false;
    for secret in secrets {
        let mac = mac(secret, id, timestamp, delivery.body).map_err(|_| DeliveryError::BadSignature)?;
        for signature in &given {
            matches |= mac.clone().verify_slice(signature).is_ok();
        }
    }
    if !matches {
        return Err(DeliveryError::BadSignature);
    }
    let at = timestamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let at = at.ok_or_else(|| DeliveryError::Malformed(format!("{TIMESTAMP} is not a time in seconds since 1970")))?;
    let away = (now - at).abs();
    if away > TOLERANCE {
        return Err(DeliveryError::Stale { seconds: away.num_seconds().unsigned_abs(), tolerance: TOLERANCE.num_seconds().unsigned_abs() });
    }
    Ok(())
}

fn key(secret: &SecretString) -> Result<Vec<u8>, SignError> {
    let key = secret.expose_secret().strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
    key.filter(|key| KEY_BYTES.contains(&key.len())).ok_or(SignError::BadSecret)
}

fn mac(secret: &SecretString, id: &str, timestamp: &str, body: &[u8]) -> Result<Hmac<Sha256>, SignError> {
    let mac = Hmac::<Sha256>::new_from_slice(&key(secret)?).map_err(|_| SignError::BadSecret)?;
    Ok(mac.chain_update(id).chain_update(".").chain_update(timestamp).chain_update(".").chain_update(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_614_265_330, 0).unwrap()
    }

    fn signed(secrets: &[SecretString]) -> Vec<(String, String)> {
        sign("msg_p5jXN8AQM9LWM0D4loKWxJek", now(), BODY, secrets).unwrap().map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn check(headers: &[(String, String)], secrets: &[SecretString], now: DateTime<Utc>) -> Result<(), DeliveryError> {
        verify(&Delivery { headers, body: BODY }, secrets, now)
    }

    #[test]
    fn the_known_message_has_the_known_signature() {
        let headers = signed(&[SECRET.into()]);
        let expected = ["msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="];
        assert_eq!(headers.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn while_a_secret_changes_both_receivers_are_served() {
        let (old, new): (SecretString, SecretString) = (SECRET.into(), secret(&[7; 32]));
        let headers = signed(&[new.clone(), old.clone()]);
        assert_eq!(headers[2].1.split(' ').count(), 2);
        for receiver in [&old, &new] {
            assert_eq!(check(&headers, std::slice::from_ref(receiver), now()), Ok(()));
        }
        assert_eq!(check(&headers, &[secret(&[8; 32])], now()), Err(DeliveryError::BadSignature));
        assert_eq!(check(&headers, &[], now()), Err(DeliveryError::BadSignature));
    }

    #[test]
    fn what_is_changed_or_old_or_early_is_refused() {
        let secrets = [SecretString::from(SECRET)];
        let headers = signed(&secrets);
        for index in 0..headers.len() {
            let mut other = headers.clone();
            other[index].1 = if index == 1 { "1614265331".into() } else { other[index].1.replace('9', "8") };
            assert_eq!(check(&other, &secrets, now()), Err(DeliveryError::BadSignature), "{other:?}");
            other.remove(index);
            assert_eq!(check(&other, &secrets, now()), Err(DeliveryError::BadSignature), "{other:?}");
        }
        assert_eq!(verify(&Delivery { headers: &headers, body: b"{}" }, &secrets, now()), Err(DeliveryError::BadSignature));
        for (minutes, fine) in [(-5, true), (5, true), (-6, false), (6, false)] {
            assert_eq!(check(&headers, &secrets, now() + TimeDelta::minutes(minutes)).is_ok(), fine, "{minutes}");
        }
        let stale = check(&headers, &secrets, now() + TimeDelta::seconds(301));
        assert_eq!(stale, Err(DeliveryError::Stale { seconds: 301, tolerance: 300 }));
    }

    #[test]
    fn a_weak_secret_or_an_unclear_id_signs_nothing() {
        for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_c2hvcnQ="] {
            assert_eq!(sign("msg_1", now(), BODY, &[bad.into()]), Err(SignError::BadSecret), "{bad}");
            assert_eq!(check_secret(&bad.into()), Err(SignError::BadSecret), "{bad}");
        }
        assert_eq!(sign("msg_1", now(), BODY, &[]), Err(SignError::NoSecret));
        for bad in ["", "msg.1", "msg 1", "msg\n1", &"m".repeat(256)] {
            assert_eq!(sign(bad, now(), BODY, &[SECRET.into()]), Err(SignError::BadId), "{bad:?}");
        }
        assert_eq!(check_secret(&secret(&[0; 32])), Ok(()));
    }
}
