//! The way into a store's shop: its token, opened, and the shop's pace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entities::{StoreId, StoreStatus, TenantId};
use integrations::ports::shop::{NoLog, Pace, ShopAccess, ShopSystem};
use integrations::registry::ShopSystems;
use integrations::shopify::API_VERSION;
use people::tenants::TenantKeys;
use platform::callers::actions::ImportStoreData;
use platform::callers::{Caller, Origin};
use platform::crypto::Where;
use platform::db::Access;
use platform::{Clock, Database, DbErr, OpCtx};
use sea_orm::ConnectionTrait;

/// The ways into shops. Cheap to clone.
#[derive(Clone)]
pub struct Shops {
    systems: ShopSystems,
    keys: TenantKeys,
    clock: Arc<dyn Clock>,
    paces: Arc<Mutex<HashMap<StoreId, Arc<Pace>>>>,
}

/// A shop that can be spoken to.
pub struct OpenShop {
    /// The store's tenant.
    pub tenant: TenantId,
    /// The store.
    pub store: StoreId,
    /// The shop's provider.
    pub system: Arc<dyn ShopSystem>,
    /// What opens it.
    pub access: ShopAccess,
    /// What the merchant has granted.
    pub scopes: Vec<String>,
}

/// Why a shop cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// There is no such store.
    #[error("there is no such store")]
    NotFound,
    /// The app was removed from the shop.
    #[error("the app was removed from the shop")]
    Uninstalled,
    /// Nothing opens it.
    #[error("nothing opens the shop: {0}")]
    NoAccess(String),
    /// Not now.
    #[error("{why}")]
    Later {
        /// Why.
        why: String,
        /// When to come back, if somebody said so.
        after: Option<Duration>,
    },
    /// The database failed.
    #[error("the database failed: {0}")]
    Storage(#[from] DbErr),
}

impl Shops {
    /// The ways into the shops of these systems.
    pub fn new(systems: ShopSystems, keys: TenantKeys, clock: Arc<dyn Clock>) -> Self {
        Self { systems, keys, clock, paces: Arc::default() }
    }

    /// Opens a store's shop.
    pub async fn open(&self, db: &Database, tenant: TenantId, store: StoreId) -> Result<OpenShop, ShopError> {
        let tx = db.read(Access::Tenant(tenant)).await?;
        let sql = "select provider, domain, status, access_token_sealed, scopes from stores where tenant_id = $1 and id = $2";
        let row = tx.query_one_raw(db.statement(sql, [tenant.into(), store.into()])).await?.ok_or(ShopError::NotFound)?;
        if row.try_get_by_index::<StoreStatus>(2)? == StoreStatus::Uninstalled {
            return Err(ShopError::Uninstalled);
        }
        let provider: String = row.try_get_by_index(0)?;
        let system = self.systems.of(&provider).ok_or_else(|| ShopError::NoAccess(format!("{provider} cannot be spoken to")))?;
        let sealed: Vec<u8> = row.try_get_by_index::<Option<Vec<u8>>>(3)?.ok_or_else(|| ShopError::NoAccess("the store has no access token".to_owned()))?;
        let ctx = OpCtx::new(db.clone(), self.clock.clone(), Caller::System, Some(tenant), Origin::default());
        let ctx = ctx.map_err(|error| ShopError::NoAccess(error.to_string()))?;
        let permit = ctx.authorize::<ImportStoreData>().map_err(|error| ShopError::NoAccess(error.to_string()))?;
        let place = Where { tenant: tenant.uuid(), table: "stores", row: store.uuid(), column: "access_token_sealed" };
        let token = self.keys.open(&tx, &permit, place, &sealed).await.map_err(|error| ShopError::NoAccess(error.to_string()))?;
        let scopes: serde_json::Value = row.try_get_by_index(4)?;
        let access = ShopAccess {
            shop: row.try_get_by_index(1)?,
            token,
            api_version: API_VERSION.to_owned(),
            pace: self.paces.lock().unwrap_or_else(PoisonError::into_inner).entry(store).or_default().clone(),
            log: Arc::new(NoLog),
        };
        Ok(OpenShop { tenant, store, system, access, scopes: serde_json::from_value(scopes).unwrap_or_default() })
    }

    /// The shop said that the token is void: the way in with a newer one.
    pub async fn reopen(&self, db: &Database, opened: &OpenShop) -> Result<OpenShop, ShopError> {
        self.open(db, opened.tenant, opened.store).await
    }
}
