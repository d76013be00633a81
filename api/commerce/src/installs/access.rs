//! The way into a store's shop, for work beside requests: the one place where tokens are opened, and seen to be good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entities::{StoreId, StoreStatus, TenantId};
use integrations::ports::shop::{Pace, ShopAccess, ShopSystem};
use integrations::registry::ShopSystems;
use people::connections::{Connections, RegisteredApp};
use people::tenants::{TenantKeyError, TenantKeys};
use platform::callers::Origin;
use platform::callers::actions::ManageStores;
use platform::crypto::Where;
use platform::{Caller, Clock, Database, DbErr, OpCtx, Permit};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use uuid::Uuid;

use super::refresh::Renewed;
use super::removal;
use super::state::{By, Hold, StoreState, find};
use crate::activity::Calls;

/// A token that ends within this time is renewed before it is used.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
/// How long whoever needs new tokens waits for somebody else who is getting them.
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Budgets that nobody uses are forgotten when there are so many.
const PACES: usize = 4_096;

/// Opens stores' shops. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Shops(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) systems: ShopSystems,
    pub(super) keys: TenantKeys,
    pub(super) connections: Connections,
    pub(super) clock: Arc<dyn Clock>,
    calls: Calls,
    paces: Mutex<HashMap<(Uuid, String), Arc<Pace>>>,
}

/// A shop that is open.
#[derive(Clone)]
pub struct OpenShop {
    /// The tenant.
    pub tenant: TenantId,
    /// The store.
    pub store: StoreId,
    /// What speaks to shops of its kind.
    pub system: Arc<dyn ShopSystem>,
    /// What opens it.
    pub access: ShopAccess,
    /// What the merchant has granted.
    pub scopes: Vec<String>,
}

/// Why a shop does not open.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// The tenant has no such store.
    #[error("there is no such store")]
    NotFound,
    /// The app was removed from the shop.
    #[error("the app was removed from the shop")]
    Uninstalled,
    /// There is nothing that would open it, however often it is tried.
    #[error("{0}")]
    NoAccess(String),
    /// It may open later.
    #[error("{why}")]
    Later {
        /// Why not now.
        why: String,
        /// When to come back, if somebody says so.
        after: Option<Duration>,
    },
    /// The database failed.
    #[error("storage failed: {0}")]
    Storage(#[from] DbErr),
}

impl From<TenantKeyError> for ShopError {
    fn from(error: TenantKeyError) -> Self {
        match error {
            TenantKeyError::Storage(error) => Self::Storage(error),
            TenantKeyError::Missing(_) | TenantKeyError::Seal(_) => {
                tracing::error!(%error, "a secret of a store does not open");
                Self::NoAccess("a secret of the store does not open: install the app again".to_owned())
            }
        }
    }
}

/// Whether a token that was found void is tried all the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    Refused,
    Tried,
}

/// What is asked of a token.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// That it is good for a while.
    Good,
    /// That it is another one than this, which is void.
    Other(&'a SecretString),
    /// That it was renewed since it had this generation.
    After(i64),
}

/// A store as it was just read, its secrets opened.
pub(super) struct Known {
    pub(super) state: StoreState,
    pub(super) system: Arc<dyn ShopSystem>,
    pub(super) app: Option<RegisteredApp>,
    pub(super) token: SecretString,
    pub(super) refresh: Option<SecretString>,
}

impl Shops {
    /// Shops of these systems, whose tokens are sealed with these keys; what is asked of them is counted there.
    pub fn new(systems: ShopSystems, keys: TenantKeys, clock: Arc<dyn Clock>, calls: Calls) -> Self {
        let connections = Connections::new(keys.clone());
        Self(Arc::new(Inner { systems, keys, connections, clock, calls, paces: Mutex::default() }))
    }

    /// The way into a store's shop. A token that is about to end is renewed on the way, by one of all that come at once.
    pub async fn open(&self, db: &Database, tenant: TenantId, store: StoreId) -> Result<OpenShop, ShopError> {
        self.way_in(db, tenant, store, Wanted::Good, Lost::Refused).await
    }

    /// The shop said that the token is void: the way in with a newer one. Where there is none, the authorisation is lost.
    pub async fn reopen(&self, db: &Database, opened: &OpenShop) -> Result<OpenShop, ShopError> {
        self.way_in(db, opened.tenant, opened.store, Wanted::Other(&opened.access.token), Lost::Refused).await
    }

    /// Renews a store's tokens, though they may be good for a while.
    pub(super) async fn renew(&self, db: &Database, tenant: TenantId, store: StoreId) -> Result<OpenShop, ShopError> {
        let known = self.look(db, tenant, store, Lost::Refused).await?;
        match known.refresh {
            Some(_) => self.way_in(db, tenant, store, Wanted::After(known.state.generation()), Lost::Refused).await,
            None => Ok(self.opened(known)),
        }
    }

    /// What speaks to shops of a provider.
    pub(crate) fn system(&self, provider: &str) -> Option<Arc<dyn ShopSystem>> {
        self.0.systems.of(provider)
    }

    /// An operation of the program itself in a tenant.
    pub(super) fn ctx(&self, db: &Database, tenant: TenantId) -> Result<(OpCtx, Permit<ManageStores>), ShopError> {
        let origin = Origin { request_id: "shops".to_owned(), ..Origin::default() };
        let ctx = OpCtx::new(db.clone(), self.0.clock.clone(), Caller::System, Some(tenant), origin);
        let ctx = ctx.map_err(|error| ShopError::NoAccess(error.to_string()))?;
        let permit = ctx.authorize::<ManageStores>().map_err(|error| ShopError::NoAccess(error.to_string()))?;
        Ok((ctx, permit))
    }

    pub(super) async fn way_in(&self, db: &Database, tenant: TenantId, store: StoreId, wanted: Wanted<'_>, lost: Lost) -> Result<OpenShop, ShopError> {
        let (until, mut renewed) = (Instant::now() + PATIENCE, false);
        loop {
            let known = self.look(db, tenant, store, lost).await?;
            let now = self.0.clock.now();
            let expires = known.state.installation.as_ref().and_then(|installation| installation.access_expires_at);
            let satisfied = match wanted {
                Wanted::Good => true,
                Wanted::Other(void) => known.token.expose_secret() != void.expose_secret(),
                Wanted::After(generation) => known.state.generation() != generation,
            };
            let usable = satisfied && expires.is_none_or(|until| now < until);
            let lasting = satisfied && expires.is_none_or(|until| now + MARGIN < until);
            if lasting || (usable && renewed) {
                return Ok(self.opened(known));
            }
            if known.refresh.is_none() {
                // A token that ends and has no successor is used to its end.
                if usable {
                    return Ok(self.opened(known));
                }
                return Err(self.lost(db, &known, "the shop takes the token no more, and there is none to renew it with").await?);
            }
            if renewed {
                return Err(ShopError::Later { why: "the tokens that were just renewed are no good".to_owned(), after: None });
            }
            match self.refresh(db, &known).await {
                Ok(Renewed::Done) => renewed = true,
                // Somebody else is at it: while the token is good there is nothing to wait for.
                Ok(Renewed::Busy) if usable => return Ok(self.opened(known)),
                Ok(Renewed::Busy) if Instant::now() < until => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(Renewed::Busy) => return Err(ShopError::Later { why: "the tokens are being renewed".to_owned(), after: None }),
                Err(ShopError::Later { why, .. }) if usable => {
                    tracing::warn!(%store, why, "the tokens of a store could not be renewed; they are still good for a while");
                    return Ok(self.opened(known));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A store and what opens it, as it is now.
    async fn look(&self, db: &Database, tenant: TenantId, store: StoreId, lost: Lost) -> Result<Known, ShopError> {
        let (ctx, permit) = self.ctx(db, tenant)?;
        let tx = ctx.reader().await?;
        let state = find(&tx, tenant, By::Id(store), Hold::No).await?.ok_or(ShopError::NotFound)?;
        if state.status == StoreStatus::Uninstalled {
            return Err(ShopError::Uninstalled);
        }
        let system = self.system(&state.provider).ok_or_else(|| ShopError::NoAccess(format!("nobody speaks to shops of {}", state.provider)))?;
        if lost == Lost::Refused && state.lost_at().is_some() {
            return Err(ShopError::NoAccess("the shop does not let the app in any more: the merchant has to install it again".to_owned()));
        }
        let place = |column| Where { tenant: tenant.uuid(), table: "stores", row: store.uuid(), column };
        let sealed = state.access_token_sealed.as_ref().ok_or_else(|| ShopError::NoAccess("the store has no token".to_owned()))?;
        let token = self.0.keys.open(&tx, &permit, place("access_token_sealed"), sealed).await?;
        let refresh = match state.installation.as_ref().and_then(|installation| installation.refresh_token_sealed.as_ref()) {
            Some(sealed) => Some(self.0.keys.open(&tx, &permit, refresh_place(tenant, store), sealed).await?),
            None => None,
        };
        let app = match state.connection() {
            Some(connection) => self.0.connections.app(&tx, &permit, tenant, connection, ctx.now()).await?,
            None => None,
        };
        drop(tx);
        ctx.release().await;
        Ok(Known { state, system, app, token, refresh })
    }

    fn opened(&self, known: Known) -> OpenShop {
        let Known { state, system, app, token, .. } = known;
        let api_version = app.and_then(|app| app.api_version).unwrap_or_else(|| system.api_version().to_owned());
        let pace = self.pace(state.connection().map_or(state.tenant.uuid(), |connection| connection.uuid()), &state.domain);
        let log = self.0.calls.of(state.tenant, state.id, &api_version);
        let access = ShopAccess { shop: state.domain, token, api_version, pace, log };
        OpenShop { tenant: state.tenant, store: state.id, system, access, scopes: state.scopes }
    }

    /// The budget of a shop: one for all who call it for the same app in this process.
    fn pace(&self, app: Uuid, shop: &str) -> Arc<Pace> {
        let mut paces = self.0.paces.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() >= PACES {
            paces.retain(|_, pace| Arc::strong_count(pace) > 1);
        }
        paces.entry((app, shop.to_owned())).or_default().clone()
    }

    /// The tokens are void: that is written down, unless there are others by now.
    pub(super) async fn lost(&self, db: &Database, known: &Known, why: &str) -> Result<ShopError, ShopError> {
        let (ctx, _) = self.ctx(db, known.state.tenant)?;
        let tx = ctx.writer().await?;
        let trace = ctx.trace();
        if removal::lost(&tx, &trace, &known.state, why).await? {
            ctx.commit_unrecorded(tx).await?;
            return Ok(ShopError::NoAccess(format!("{why}: the merchant has to install the app again")));
        }
        Ok(ShopError::Later { why: "the store's tokens were replaced meanwhile".to_owned(), after: Some(Duration::ZERO) })
    }
}

/// Where a refresh token is sealed for.
pub(super) fn refresh_place(tenant: TenantId, store: StoreId) -> Where<'static> {
    Where { tenant: tenant.uuid(), table: "installations", row: store.uuid(), column: "refresh_token_sealed" }
}

/// When a token that is good until then is to be renewed at the latest.
pub(super) fn ends_soon(until: Option<DateTime<Utc>>, now: DateTime<Utc>, margin: TimeDelta) -> bool {
    until.is_some_and(|until| until <= now + margin)
}
