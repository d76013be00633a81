//! Sealed values: XChaCha20-Poly1305 under a tenant's key, bound to the place where the value is kept.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use uuid::Uuid;

use super::MasterKey;

const VERSION: u8 = 1;
const NONCE: usize = 24;

/// Where a sealed value lives; it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Where<'a> {
    /// The tenant that it belongs to.
    pub tenant: Uuid,
    /// Its table.
    pub table: &'a str,
    /// Its row.
    pub row: Uuid,
    /// Its column.
    pub column: &'a str,
}

impl Where<'_> {
    fn aad(&self) -> Vec<u8> {
        let mut aad = Vec::with_capacity(64);
        for part in [self.tenant.as_bytes().as_slice(), self.table.as_bytes(), self.row.as_bytes(), self.column.as_bytes()] {
            aad.extend_from_slice(&(part.len() as u32).to_be_bytes());
            aad.extend_from_slice(part);
        }
        aad
    }
}

/// A sealed value as it is stored: version, key id, nonce, ciphertext.
pub type Sealed = Vec<u8>;

/// Why a value did not open.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Not something that was sealed here.
    #[error("not a sealed value")]
    Malformed,
    /// Sealed with another key.
    #[error("sealed with key {0}, which is not this one")]
    OtherKey(u32),
    /// Tampered with, moved, or the wrong key.
    #[error("the value does not open: wrong master key, or the value was moved or changed")]
    Refused,
}

/// A tenant's data key, wrapped by the master key where it is stored.
pub struct TenantKey {
    id: u32,
    key: SecretBox<[u8; 32]>,
}

impl TenantKey {
    /// A new key.
    pub fn random(id: u32) -> Self {
        Self { id, key: SecretBox::new(Box::new(rand::random())) }
    }

    /// The key's number within its tenant.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The key as it is stored.
    pub fn wrap(&self, master: &MasterKey, tenant: Uuid) -> Result<Sealed, SealError> {
        let place = Where { tenant, table: "tenant_keys", row: tenant, column: "wrapped" };
        seal(&master.derive("wrap"), self.id, place, self.key.expose_secret())
    }

    /// The key from its stored form.
    pub fn unwrap(master: &MasterKey, tenant: Uuid, id: u32, wrapped: &[u8]) -> Result<Self, SealError> {
        let place = Where { tenant, table: "tenant_keys", row: tenant, column: "wrapped" };
        let key: [u8; 32] = open(&master.derive("wrap"), id, place, wrapped)?.try_into().map_err(|_| SealError::Malformed)?;
        Ok(Self { id, key: SecretBox::new(Box::new(key)) })
    }

    /// The key for what is above all tenants: nil stands for the tenant there.
    pub fn of_platform(master: &MasterKey) -> Self {
        Self { id: 0, key: SecretBox::new(Box::new(master.derive("platform"))) }
    }

    /// Seals a secret for its place.
    pub fn seal(&self, place: Where<'_>, secret: &SecretString) -> Result<Sealed, SealError> {
        seal(self.key.expose_secret(), self.id, place, secret.expose_secret().as_bytes())
    }

    /// Opens a secret in its place.
    pub fn open(&self, place: Where<'_>, sealed: &[u8]) -> Result<SecretString, SealError> {
        let bytes = open(self.key.expose_secret(), self.id, place, sealed)?;
        String::from_utf8(bytes).map(SecretString::from).map_err(|_| SealError::Malformed)
    }
}

/// The number of the key that a value was sealed with.
pub fn sealed_with(sealed: &[u8]) -> Result<u32, SealError> {
    match sealed.split_first() {
        Some((&VERSION, rest)) => rest.first_chunk::<4>().map(|id| u32::from_be_bytes(*id)).ok_or(SealError::Malformed),
        Some(_) | None => Err(SealError::Malformed),
    }
}

fn seal(key: &[u8; 32], key_id: u32, place: Where<'_>, plain: &[u8]) -> Result<Sealed, SealError> {
    let nonce: [u8; NONCE] = rand::random();
    let payload = Payload { msg: plain, aad: &place.aad() };
    let ciphertext = XChaCha20Poly1305::new(&(*key).into()).encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Refused)?;
    Ok([&[VERSION][..], &key_id.to_be_bytes(), &nonce, &ciphertext].concat())
}

fn open(key: &[u8; 32], key_id: u32, place: Where<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (&version, rest) = sealed.split_first().ok_or(SealError::Malformed)?;
    let (stored_id, rest) = rest.split_first_chunk::<4>().ok_or(SealError::Malformed)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>().ok_or(SealError::Malformed)?;
    if version != VERSION {
        return Err(SealError::Malformed);
    }
    let stored_id = u32::from_be_bytes(*stored_id);
    if stored_id != key_id {
        return Err(SealError::OtherKey(stored_id));
    }
    let payload = Payload { msg: ciphertext, aad: &place.aad() };
    XChaCha20Poly1305::new(&(*key).into()).decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_in_its_place_and_nowhere_else() {
        let (master, tenant, row) = (MasterKey::random(), Uuid::from_u128(1), Uuid::from_u128(2));
        let wrapped = TenantKey::random(1).wrap(&master, tenant).unwrap();
        let key = TenantKey::unwrap(&master, tenant, 1, &wrapped).unwrap();
        let place = Where { tenant, table: "stores", row, column: "access_token_sealed" };
        let sealed = key.seal(place, &SecretString::from("shpat_1")).unwrap();
        assert!(!sealed.windows(7).any(|bytes| bytes == b"shpat_1"));
        assert_eq!(key.open(place, &sealed).unwrap().expose_secret(), "shpat_1");
        for elsewhere in [Where { row: tenant, ..place }, Where { tenant: row, ..place }, Where { column: "api_secret_sealed", ..place }] {
            assert!(matches!(key.open(elsewhere, &sealed), Err(SealError::Refused)));
        }
        assert!(TenantKey::unwrap(&MasterKey::random(), tenant, 1, &wrapped).is_err());
    }
}
