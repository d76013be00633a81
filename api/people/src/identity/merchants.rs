//! Merchants: whoever has an app open inside of a shop shows the token that the shop gives to it. The token says which app and which
//! shop it is of; an installation of that app there, and the app's secret, prove it.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use integrations::ports::shop::{App, ClaimedSession, SessionError, ShopSystem};
use integrations::registry::ShopSystems;
use platform::callers::MerchantCaller;
use platform::{Database, DbErr};

use super::error::AuthError;
use crate::connections::{AppInShop, Connections, InstalledApp};
use crate::tenants::TenantKeys;

/// The longest id of a provider's user, in bytes.
const USER: usize = 255;

/// Recognises merchants.
#[derive(Clone)]
pub struct Merchants {
    systems: ShopSystems,
    connections: Connections,
}

/// A bearer that says which app and shop it is of.
#[derive(Clone)]
pub(super) struct Claimed {
    system: Arc<dyn ShopSystem>,
    pub(super) of: AppInShop,
}

impl Merchants {
    /// Merchants of these shop systems, whose apps' secrets are sealed with these keys.
    pub fn new(systems: ShopSystems, keys: TenantKeys) -> Self {
        Self { systems, connections: Connections::new(keys) }
    }

    /// What a bearer says, if it could be a merchant's. Decides only who checks it.
    pub(super) fn claimed(&self, bearer: &str) -> Option<Claimed> {
        let (system, ClaimedSession { client_id, shop }) = self.systems.claimed_session(bearer)?;
        let of = AppInShop { provider: system.key(), client_id, shop };
        Some(Claimed { system, of })
    }

    /// Where these apps are installed in these shops.
    pub(super) async fn installed(&self, db: &Database, of: &[AppInShop], now: DateTime<Utc>) -> Result<HashMap<AppInShop, Vec<InstalledApp>>, DbErr> {
        self.connections.installed(db, of, now).await
    }
}

impl Claimed {
    /// The merchant who holds a bearer that is of an app which is installed so. Of several tenants that have registered the same app, it is
    /// the one under whose secret the token is signed and by whom the app was installed.
    pub(super) fn proven(&self, bearer: &str, installed: &[InstalledApp], now: DateTime<Utc>) -> Result<MerchantCaller, AuthError> {
        let (mut found, mut refused) = (None, None);
        for app in installed {
            let registered = App { client_id: self.of.client_id.clone(), secrets: app.secrets.clone(), scopes: Vec::new() };
            let session = match self.system.verify_session(&registered, bearer, now) {
                Ok(session) if session.shop == self.of.shop && (1..=USER).contains(&session.user.len()) && !session.user.contains('\0') => session,
                Ok(_) => return Err(SessionError::Malformed.into()),
                Err(SessionError::BadSignature) => continue,
                Err(error) => {
                    refused = Some(error);
                    continue;
                }
            };
            let merchant = MerchantCaller {
                connection: app.connection,
                tenant: app.tenant,
                tenant_status: app.tenant_status,
                store: app.store,
                user: session.user,
                session: session.session,
                expires_at: session.expires_at,
            };
            if found.replace(merchant).is_some() {
                return Err(AuthError::SeveralInstallations);
            }
        }
        found.ok_or_else(|| refused.map_or(AuthError::UnknownSession, AuthError::from))
    }
}
