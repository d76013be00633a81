//! Tenants' data keys: what seals the secrets that a tenant trusts us with.

use chrono::{DateTime, Utc};
use entities::TenantId;
use platform::callers::Action;
use platform::crypto::{MasterKey, SealError, Sealed, TenantKey, Where};
use platform::{DbErr, Permit, Tx};
use secrecy::SecretString;

use super::store;

/// Why a secret could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum TenantKeyError {
    /// The tenant has no such key, or is not within the permit.
    #[error("the tenant has no key {0}")]
    Missing(u32),
    /// The key or the value does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] DbErr),
}

/// Seals and opens under the keys of tenants, which the master key wraps.
#[derive(Clone)]
pub struct TenantKeys {
    master: MasterKey,
}

impl TenantKeys {
    /// The keys that this master key wraps.
    pub fn new(master: MasterKey) -> Self {
        Self { master }
    }

    /// The key that a tenant seals with now; its first one is made where there is none.
    pub async fn current<A: Action>(&self, tx: &Tx, permit: &Permit<A>, tenant: TenantId, now: DateTime<Utc>) -> Result<TenantKey, TenantKeyError> {
        if let Some((id, wrapped)) = store::newest_key(tx, permit, tenant).await? {
            return Ok(TenantKey::unwrap(&self.master, tenant.uuid(), id, &wrapped)?);
        }
        if !permit.covers(tenant) {
            return Err(TenantKeyError::Missing(0));
        }
        let wrapped = TenantKey::random(1).wrap(&self.master, tenant.uuid())?;
        store::insert_key(tx, permit, tenant, 1, wrapped, now).await?;
        // Whoever came first made it.
        self.numbered(tx, permit, tenant, 1).await
    }

    /// Seals a secret for its place.
    pub async fn seal<A: Action>(
        &self,
        tx: &Tx,
        permit: &Permit<A>,
        place: Where<'_>,
        secret: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Sealed, TenantKeyError> {
        Ok(self.current(tx, permit, place.tenant.into(), now).await?.seal(place, secret)?)
    }

    /// Opens a secret in its place, with whichever key of the tenant sealed it.
    pub async fn open<A: Action>(&self, tx: &Tx, permit: &Permit<A>, place: Where<'_>, sealed: &[u8]) -> Result<SecretString, TenantKeyError> {
        let id = platform::crypto::sealed_with(sealed)?;
        Ok(self.numbered(tx, permit, place.tenant.into(), id).await?.open(place, sealed)?)
    }

    /// A tenant's key from its stored form, for what is looked up before the tenant is known.
    pub(crate) fn unwrap(&self, tenant: TenantId, id: u32, wrapped: &[u8]) -> Result<TenantKey, SealError> {
        TenantKey::unwrap(&self.master, tenant.uuid(), id, wrapped)
    }

    async fn numbered<A: Action>(&self, tx: &Tx, permit: &Permit<A>, tenant: TenantId, id: u32) -> Result<TenantKey, TenantKeyError> {
        let wrapped = store::key(tx, permit, tenant, id).await?.ok_or(TenantKeyError::Missing(id))?;
        Ok(TenantKey::unwrap(&self.master, tenant.uuid(), id, &wrapped)?)
    }
}
