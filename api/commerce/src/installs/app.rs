//! The app that an address of ours stands for, found before its tenant is known.

use std::sync::Arc;

use entities::{ConnectionId, TenantId};
use integrations::ports::shop::ShopSystem;
use people::connections::{ReceiveError, RegisteredApp};
use platform::callers::actions::ManageStores;
use platform::{Database, OpCtx, Permit};

use super::error::InstallError;
use super::service::Installs;

/// An app at its door.
pub(super) struct Door {
    pub tenant: TenantId,
    pub registered: RegisteredApp,
    pub system: Arc<dyn ShopSystem>,
    pub ctx: OpCtx,
    pub permit: Permit<ManageStores>,
}

impl Installs {
    /// The app behind a connection; what is not there, is of another provider, disabled, or of a deleted tenant answers alike.
    pub(super) async fn door(&self, db: &Database, provider: &str, connection: ConnectionId) -> Result<Door, InstallError> {
        let now = self.shops.0.clock.now();
        let receiver = self.shops.0.connections.receiver(db, provider, connection, now).await.map_err(|error| match error {
            ReceiveError::Secret(error) => InstallError::Key(error.into()),
            ReceiveError::Storage(error) => InstallError::Storage(error),
        })?;
        let tenant = receiver.filter(|receiver| receiver.is_active).ok_or(InstallError::NotFound("connection"))?.tenant;
        let (ctx, permit) = self.shops.ctx(db, tenant)?;
        let tx = ctx.reader().await?;
        let registered = self.shops.0.connections.app(&tx, &permit, tenant, connection, now).await?;
        drop(tx);
        ctx.release().await;
        let registered = registered.ok_or(InstallError::NotFound("connection"))?;
        let system = self.installable(&registered)?;
        Ok(Door { tenant, registered, system, ctx, permit })
    }

    /// What speaks to the shops of an app that can be installed.
    pub(super) fn installable(&self, registered: &RegisteredApp) -> Result<Arc<dyn ShopSystem>, InstallError> {
        if registered.app.client_id.is_empty() || registered.app.secrets.is_empty() {
            return Err(InstallError::NotConfigured("the connection has no account: it is the app's client id"));
        }
        self.shops.system(&registered.provider).ok_or(InstallError::NotConfigured("apps of this provider cannot be installed"))
    }
}
