//! A connection from outside: found by its id alone, before its tenant is known, with the secrets that open its deliveries.

use chrono::{DateTime, Utc};
use entities::{ConnectionId, ConnectionStatus, TenantId, TenantStatus};
use platform::crypto::{SealError, TenantKey, Where, sealed_with};
use platform::{Database, DbErr};
use sea_orm::QueryResult;
use secrecy::SecretString;

use super::service::Connections;
use super::store::{self, PREVIOUS, SECRET, TABLE};

/// A connection that takes deliveries.
#[derive(Clone)]
pub struct Receiver {
    /// The connection.
    pub connection: ConnectionId,
    /// Its tenant.
    pub tenant: TenantId,
    /// What deliveries may be signed with now: the current secret and, while a rotation lasts, the previous one.
    pub secrets: Vec<SecretString>,
    /// Whether it is in use: if not, it takes nothing but what is owed to those whose data it is about.
    pub is_active: bool,
}

/// Why a connection could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Its secret does not open.
    #[error("a secret of the connection does not open: {0}")]
    Secret(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] DbErr),
}

impl Connections {
    /// The connection with this id, when it is with this provider. Where it is disabled, or its tenant deleted, it is not in use.
    ///
    /// A suspended tenant's connections take deliveries: providers do not send again what was refused for long, and what
    /// happened in a shop has happened. It is what the tenant does that is suspended.
    pub async fn receiver(&self, db: &Database, provider: &str, id: ConnectionId, now: DateTime<Utc>) -> Result<Option<Receiver>, ReceiveError> {
        let rows = store::receiving(db, id).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (tenant, of): (TenantId, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let (status, tenant_status): (ConnectionStatus, TenantStatus) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        if of != provider {
            return Ok(None);
        }
        let secrets = self.secrets(&rows.iter().collect::<Vec<_>>(), 4, (tenant, id), now)?;
        let is_active = status == ConnectionStatus::Active && tenant_status != TenantStatus::Deleted;
        Ok(Some(Receiver { connection: id, tenant, secrets, is_active }))
    }

    /// What a connection's provider signs with now, from a row for each key of the tenant: secret, previous secret and until when, key id
    /// and wrapped key are in the columns from `at` on.
    pub(super) fn secrets(
        &self,
        rows: &[&QueryResult],
        at: usize,
        (tenant, id): (TenantId, ConnectionId),
        now: DateTime<Utc>,
    ) -> Result<Vec<SecretString>, ReceiveError> {
        let Some(row) = rows.first() else { return Ok(Vec::new()) };
        let (current, previous): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.try_get_by_index(at)?, row.try_get_by_index(at + 1)?);
        let until: Option<DateTime<Utc>> = row.try_get_by_index(at + 2)?;
        let mut secrets = Vec::with_capacity(2);
        for (column, sealed) in [(SECRET, current), (PREVIOUS, previous.filter(|_| until.is_some_and(|until| now < until)))] {
            if let Some(sealed) = sealed {
                let place = Where { tenant: tenant.uuid(), table: TABLE, row: id.uuid(), column };
                secrets.push(self.key(rows, at + 3, tenant, sealed_with(&sealed)?)?.open(place, &sealed)?);
            }
        }
        Ok(secrets)
    }

    fn key(&self, rows: &[&QueryResult], at: usize, tenant: TenantId, id: u32) -> Result<TenantKey, ReceiveError> {
        for row in rows {
            if row.try_get_by_index::<Option<i32>>(at)?.is_some_and(|found| found.unsigned_abs() == id) {
                return Ok(self.keys.unwrap(tenant, id, &row.try_get_by_index::<Vec<u8>>(at + 1)?)?);
            }
        }
        Err(SealError::OtherKey(id).into())
    }
}
