//! The rooms whose rules the resolvers call.

use std::sync::Arc;

use async_graphql::{Context, Result};
use commerce::installs::Installs;
use commerce::privacy::Privacy;
use commerce::stores::Stores;
use commerce::sync::Syncs;
use integrations::outgoing::Outgoing;
use integrations::registry::{Messengers, ShopSystems};
use ops::alerts::Alerts;
use ops::audit::Audit;
use ops::inbox::WebhookEvents;
use ops::jobs::JobControl;
use ops::notifications::Notifications;
use ops::webhooks::Webhooks;
use people::api_tokens::ApiTokens;
use people::connections::Connections;
use people::identity::SignIn;
use people::tenants::{TenantKeys, Tenants};
use people::users::Users;
use platform::OpCtx;
use platform::crypto::MasterKey;

/// The rooms.
#[derive(Clone)]
pub struct Services {
    /// Signing in and out.
    pub sign_in: SignIn,
    /// Tenants.
    pub tenants: Tenants,
    /// Users.
    pub users: Users,
    /// API tokens.
    pub api_tokens: ApiTokens,
    /// Stores.
    pub stores: Stores,
    /// How merchants let apps in.
    pub installs: Installs,
    /// Syncs.
    pub syncs: Syncs,
    /// What people and shops ask about their data.
    pub privacy: Privacy,
    /// Alerts.
    pub alerts: Alerts,
    /// The audit log.
    pub audit: Audit,
    /// Jobs.
    pub jobs: JobControl,
    /// Webhooks for integrations.
    pub webhooks: Webhooks,
    /// Who is told of what, when and how.
    pub notifications: Notifications,
    /// Connections to providers.
    pub connections: Connections,
    /// What providers delivered.
    pub webhook_events: WebhookEvents,
}

impl Services {
    /// The rooms, sealing under this master key, dialling this way, speaking to these shops and reaching people by these messengers.
    pub fn new(master: &MasterKey, sign_in: SignIn, outgoing: Outgoing, systems: ShopSystems, messengers: Messengers, installs: Installs) -> Self {
        let keys = TenantKeys::new(master.clone());
        Self {
            sign_in,
            tenants: Tenants::new(keys.clone()),
            users: Users,
            api_tokens: ApiTokens,
            stores: Stores::new(keys.clone()),
            syncs: Syncs::new(systems),
            privacy: Privacy::new(keys.clone()),
            connections: Connections::new(keys.clone()),
            webhook_events: WebhookEvents,
            alerts: Alerts,
            audit: Audit,
            jobs: JobControl,
            notifications: Notifications::new(master, outgoing.clone(), messengers),
            webhooks: Webhooks::new(keys, outgoing),
            installs,
        }
    }
}

/// The operation that is being resolved.
pub fn op<'a>(ctx: &Context<'a>) -> Result<&'a Arc<OpCtx>> {
    ctx.data()
}

/// The rooms.
pub fn services<'a>(ctx: &Context<'a>) -> Result<&'a Services> {
    ctx.data()
}
