//! What is known of a store and its tokens: read in one place, the same for everybody who opens shops.

use chrono::{DateTime, Utc};
use entities::{ConnectionId, StoreId, StoreStatus, TenantId};
use platform::db::is_sqlite;
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde_json::Value as Json;

/// A store, as far as its installation is concerned.
#[derive(Clone, Debug)]
pub(super) struct StoreState {
    pub tenant: TenantId,
    pub id: StoreId,
    pub provider: String,
    pub domain: String,
    pub name: String,
    pub status: StoreStatus,
    pub scopes: Vec<String>,
    pub access_token_sealed: Option<Vec<u8>>,
    pub installed_at: Option<DateTime<Utc>>,
    pub currency: String,
    /// How its tokens are kept; none for a store that was connected with a token and has had no trouble since.
    pub installation: Option<InstallationState>,
}

/// How a store's tokens are kept.
#[derive(Clone, Debug)]
pub(super) struct InstallationState {
    pub connection: Option<ConnectionId>,
    pub refresh_token_sealed: Option<Vec<u8>>,
    pub access_expires_at: Option<DateTime<Utc>>,
    pub refresh_expires_at: Option<DateTime<Utc>>,
    pub generation: i64,
    pub lost_at: Option<DateTime<Utc>>,
    pub scopes_at: Option<DateTime<Utc>>,
    pub set_up_at: Option<DateTime<Utc>>,
    pub missing_scopes: Vec<String>,
}

impl StoreState {
    /// The app that it was installed by.
    pub fn connection(&self) -> Option<ConnectionId> {
        self.installation.as_ref().and_then(|installation| installation.connection)
    }

    /// How often its tokens were replaced.
    pub fn generation(&self) -> i64 {
        self.installation.as_ref().map_or(0, |installation| installation.generation)
    }

    /// Since when its tokens are void.
    pub fn lost_at(&self) -> Option<DateTime<Utc>> {
        self.installation.as_ref().and_then(|installation| installation.lost_at)
    }

    /// What the app asks for and has not been granted, as far as it was compared.
    pub fn missing_scopes(&self) -> &[String] {
        self.installation.as_ref().map_or(&[], |installation| &installation.missing_scopes)
    }
}

/// By what a store is found.
#[derive(Clone, Copy, Debug)]
pub(super) enum By<'a> {
    Id(StoreId),
    Domain { provider: &'a str, domain: &'a str },
}

/// Whether the store is held against other writers until the transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    No,
    Yes,
}

fn words(json: Json) -> Vec<String> {
    serde_json::from_value(json).unwrap_or_default()
}

/// A store of a tenant.
pub(super) async fn find(tx: &Tx, tenant: TenantId, by: By<'_>, hold: Hold) -> Result<Option<StoreState>, DbErr> {
    let backend = tx.get_database_backend();
    // SQLite has one writer: whoever writes holds everything.
    let held = if hold == Hold::Yes && !is_sqlite(backend) { "for update" } else { "" };
    let columns = "id, provider, domain, name, status, scopes, access_token_sealed, installed_at, currency_code";
    let (of, mut values): (_, Vec<Value>) = match by {
        By::Id(id) => ("id = $2", vec![id.into()]),
        By::Domain { provider, domain } => ("provider = $2 and domain = $3", vec![provider.into(), domain.into()]),
    };
    values.insert(0, tenant.into());
    let sql = format!("select {columns} from stores where tenant_id = $1 and {of} {held}");
    let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await? else { return Ok(None) };
    let id: StoreId = row.try_get_by_index(0)?;
    Ok(Some(StoreState {
        tenant,
        id,
        provider: row.try_get_by_index(1)?,
        domain: row.try_get_by_index(2)?,
        name: row.try_get_by_index(3)?,
        status: row.try_get_by_index(4)?,
        scopes: words(row.try_get_by_index(5)?),
        access_token_sealed: row.try_get_by_index(6)?,
        installed_at: row.try_get_by_index(7)?,
        currency: row.try_get_by_index(8)?,
        installation: installation(tx, tenant, id).await?,
    }))
}

async fn installation(tx: &Tx, tenant: TenantId, id: StoreId) -> Result<Option<InstallationState>, DbErr> {
    let sql = "select connection_id, refresh_token_sealed, access_token_expires_at, refresh_token_expires_at, generation, authorization_lost_at, scopes_at,
                 missing_scopes, set_up_at from installations where tenant_id = $1 and id = $2";
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [tenant.into(), id.into()]);
    let Some(row) = tx.query_one_raw(statement).await? else { return Ok(None) };
    Ok(Some(InstallationState {
        connection: row.try_get_by_index(0)?,
        refresh_token_sealed: row.try_get_by_index(1)?,
        access_expires_at: row.try_get_by_index(2)?,
        refresh_expires_at: row.try_get_by_index(3)?,
        generation: row.try_get_by_index(4)?,
        lost_at: row.try_get_by_index(5)?,
        scopes_at: row.try_get_by_index(6)?,
        missing_scopes: words(row.try_get_by_index(7)?),
        set_up_at: row.try_get_by_index(8)?,
    }))
}
