//! Apps as they are open inside of shops: found by what a token claims, before its tenant is known, with the secrets that prove it.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use entities::{ConnectionId, StoreId, TenantId, TenantStatus};
use platform::{Database, DbErr};
use sea_orm::QueryResult;
use secrecy::SecretString;

use super::receiving::ReceiveError;
use super::service::Connections;
use super::store;

/// Apps of one statement.
const AT_ONCE: usize = 1_000;

/// An app in a shop, as somebody says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppInShop {
    /// The provider.
    pub provider: &'static str,
    /// The provider's id of the app.
    pub client_id: String,
    /// The shop's domain, in the one spelling that is stored.
    pub shop: String,
}

/// An app that is installed in a shop.
#[derive(Clone, Debug)]
pub struct InstalledApp {
    /// The connection that it is registered by, and was installed under.
    pub connection: ConnectionId,
    /// Its tenant.
    pub tenant: TenantId,
    /// The state of the tenant.
    pub tenant_status: TenantStatus,
    /// The store.
    pub store: StoreId,
    /// What its tokens may be signed with now: the current secret and, while a rotation lasts, the previous one.
    pub secrets: Vec<SecretString>,
}

impl Connections {
    /// Where these apps are installed in these shops, with few statements for all. Several tenants may have registered the same app; those
    /// that were deleted, connections that are disabled, and stores whose app was removed or is another are left out.
    pub async fn installed(&self, db: &Database, of: &[AppInShop], now: DateTime<Utc>) -> Result<HashMap<AppInShop, Vec<InstalledApp>>, DbErr> {
        let mut found = HashMap::<AppInShop, Vec<InstalledApp>>::with_capacity(of.len());
        let mut opened = HashMap::<ConnectionId, Vec<SecretString>>::new();
        for some in of.chunks(AT_ONCE) {
            let rows = store::installed(db, some).await?;
            // A row for each key of the tenant.
            let mut by_store = BTreeMap::<(i64, StoreId), Vec<&QueryResult>>::new();
            for row in &rows {
                by_store.entry((row.try_get_by_index(0)?, row.try_get_by_index(4)?)).or_default().push(row);
            }
            for ((place, store), rows) in by_store {
                let (Some(row), Some(app)) = (rows.first(), usize::try_from(place).ok().and_then(|place| some.get(place))) else { continue };
                let (connection, tenant): (ConnectionId, TenantId) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
                let secrets = match opened.get(&connection) {
                    Some(secrets) => secrets.clone(),
                    None => match self.secrets(&rows, 5, (tenant, connection), now) {
                        Ok(secrets) => secrets,
                        Err(ReceiveError::Storage(error)) => return Err(error),
                        // What does not open proves nothing, and is no reason to turn others away.
                        Err(error @ ReceiveError::Secret(_)) => {
                            tracing::error!(%error, %connection, "the tokens of an app cannot be checked");
                            Vec::new()
                        }
                    },
                };
                opened.insert(connection, secrets.clone());
                let tenant_status = row.try_get_by_index(3)?;
                found.entry(app.clone()).or_default().push(InstalledApp { connection, tenant, tenant_status, store, secrets });
            }
        }
        Ok(found)
    }
}
