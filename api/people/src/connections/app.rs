//! A connection as an app that merchants install: its id, its secrets, and what it asks for.

use chrono::{DateTime, Utc};
use entities::{ConnectionId, ConnectionStatus, TenantId};
use integrations::ports::shop::App;
use platform::callers::Action;
use platform::crypto::Where;
use platform::db::List;
use platform::{Permit, Tx};

use super::row::ConnectionRow;
use super::service::Connections;
use super::store::{self, PREVIOUS, SECRET, TABLE};
use crate::tenants::TenantKeyError;

/// An app, as its owner registered it with the provider and here.
#[derive(Clone, Debug)]
pub struct RegisteredApp {
    /// The connection.
    pub connection: ConnectionId,
    /// The provider's key.
    pub provider: String,
    /// Whether it is in use.
    pub status: ConnectionStatus,
    /// The app. Its id is the connection's account.
    pub app: App,
    /// When it was last changed, such as by what it asks for (UTC).
    pub updated_at: DateTime<Utc>,
    /// The version of the provider's API that is spoken, where it is not the program's own.
    pub api_version: Option<String>,
}

impl Connections {
    /// The app that a connection of a tenant stands for; none when there is no such connection within the permit.
    pub async fn app<A: Action>(
        &self,
        tx: &Tx,
        permit: &Permit<A>,
        tenant: TenantId,
        id: ConnectionId,
        now: DateTime<Utc>,
    ) -> Result<Option<RegisteredApp>, TenantKeyError> {
        let found = List::<ConnectionRow, _>::new(tx, permit).by_ids(&[id.uuid()]).await?.pop();
        let Some(row) = found.filter(|row| row.tenant_id == tenant) else { return Ok(None) };
        let (current, previous) = store::sealed(tx, permit, &row).await?;
        let previous = previous.filter(|_| row.previous_webhook_secret_until.is_some_and(|until| now < until));
        let mut secrets = Vec::with_capacity(2);
        for (column, sealed) in [(SECRET, current), (PREVIOUS, previous)] {
            if let Some(sealed) = sealed {
                secrets.push(self.keys.open(tx, permit, Where { tenant: tenant.uuid(), table: TABLE, row: id.uuid(), column }, &sealed).await?);
            }
        }
        let app = App { client_id: row.account.unwrap_or_default(), secrets, scopes: serde_json::from_value(row.scopes).unwrap_or_default() };
        Ok(Some(RegisteredApp { connection: id, provider: row.provider, status: row.status, app, updated_at: row.updated_at, api_version: row.api_version }))
    }
}
