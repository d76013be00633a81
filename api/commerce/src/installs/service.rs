//! The rules about installing and removing apps, for callers.

use entities::{ConnectionId, ConnectionStatus, EventType, InstallationAction, StoreId, StoreStatus};
use people::validation::{Problem, invalid};
use platform::callers::actions::ManageStores;
use platform::crypto::MasterKey;
use platform::jobs::enqueue;
use platform::{Change, OpCtx};
use serde_json::json;

use super::access::Shops;
use super::error::InstallError;
use super::jobs::Errand;
use super::state::{By, Hold, find};
use super::store::{self, Entry};
use super::tickets::Tickets;
use crate::stores::StoreRow;

/// An installation to be begun.
#[derive(Clone, Debug)]
pub struct BeginInstall {
    /// The app.
    pub connection: ConnectionId,
    /// The shop's domain, as people write it.
    pub shop: String,
}

/// An installation that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The shop's domain, in the one spelling that is stored.
    pub shop: String,
    /// Where the merchant's browser is sent: from there it goes on to the shop.
    pub url: String,
}

/// Installs.
#[derive(Clone)]
pub struct Installs {
    pub(super) shops: Shops,
    pub(super) tickets: Tickets,
    pub(super) public_url: Option<String>,
}

impl Installs {
    /// Installs that open shops this way, and come back to this address.
    pub fn new(shops: Shops, master: &MasterKey, public_url: Option<String>) -> Self {
        Self { shops, tickets: Tickets::new(master), public_url }
    }

    /// The address at which a merchant lets an app of the caller's tenant into a shop.
    pub async fn begin(&self, ctx: &OpCtx, input: BeginInstall) -> Result<Begun, InstallError> {
        let permit = ctx.authorize::<ManageStores>()?;
        let tx = ctx.writer().await?;
        let tenant = match permit.tenant() {
            Some(tenant) => tenant,
            None => store_tenant(&tx, input.connection).await?.ok_or(InstallError::NotFound("connection"))?,
        };
        let registered = self.shops.0.connections.app(&tx, &permit, tenant, input.connection, ctx.now()).await?;
        let registered = registered.filter(|registered| registered.status == ConnectionStatus::Active).ok_or(InstallError::NotFound("connection"))?;
        self.installable(&registered)?;
        let provider = integrations::registry::commerce(&registered.provider).ok_or(InstallError::NotConfigured("the provider is no shop system"))?;
        let shop = provider.shop_domain(&input.shop).map_err(|error| invalid("shop", Problem::Unknown(error.to_string())))?;
        let ticket = self.tickets.invite(input.connection, &shop, ctx.now());
        let url = format!("{}/install/{}/{}?ticket={ticket}", self.base()?, registered.provider, input.connection);
        ctx.commit(tx, Change::new("storeInstallBegin", tenant).subject(input.connection).after(&json!({ "shop": shop }))).await?;
        Ok(Begun { shop, url })
    }

    /// Has the app removed from a store's shop: a job asks the shop, and writes down what became of it.
    pub async fn uninstall(&self, ctx: &OpCtx, id: StoreId) -> Result<StoreRow, InstallError> {
        let permit = ctx.authorize::<ManageStores>()?;
        let tx = ctx.writer().await?;
        let row = platform::db::List::<StoreRow, _>::new(&tx, &permit).by_ids_locked(&[id.uuid()]).await?.pop().ok_or(InstallError::NotFound("store"))?;
        if row.status == StoreStatus::Uninstalled {
            return Err(InstallError::Uninstalled);
        }
        let (trace, now, place) = (ctx.trace(), ctx.now(), (row.tenant_id, row.id));
        let state = find(&tx, row.tenant_id, By::Id(id), Hold::No).await?.ok_or(InstallError::NotFound("store"))?;
        let entry = Entry { connection: state.connection(), action: InstallationAction::UninstallRequested, scopes: None, message: None, occurred_at: now };
        store::note(&tx, &trace, place, entry).await?;
        enqueue(&tx, &trace, Errand::removal(row.tenant_id, id, state.installed_at)).await?;
        let change = Change::new("storeUninstall", row.tenant_id).subject(id).before(&json!({ "status": row.status }));
        ctx.commit(tx, change.announce(EventType::StoreUpdated, "storeId")).await?;
        Ok(row)
    }

    /// Where this program is reached from outside, when that is known.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Where this program is reached.
    pub(super) fn base(&self) -> Result<&str, InstallError> {
        self.public_url.as_deref().ok_or(InstallError::NotConfigured("the setting public_url must say where this API is reached from outside"))
    }
}

/// The tenant of a connection, for a platform administrator who has chosen none.
async fn store_tenant(tx: &platform::Tx, connection: ConnectionId) -> Result<Option<entities::TenantId>, platform::DbErr> {
    use sea_orm::ConnectionTrait;
    let sql = "select tenant_id from connections where id = $1";
    let found = tx.query_one_raw(sea_orm::Statement::from_sql_and_values(tx.get_database_backend(), sql, [connection.into()])).await?;
    found.map(|row| row.try_get_by_index(0)).transpose()
}
