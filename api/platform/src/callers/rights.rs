//! What each kind of caller may do: one table. The tests walk it whole.

use entities::ApiScope;

/// The kinds of callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Runs Noren itself.
    PlatformAdmin,
    /// Runs a tenant.
    TenantAdmin,
    /// Works in a tenant.
    TenantMember,
    /// Works in some stores of a tenant only.
    StoreMember,
    /// Holds an API token with scopes.
    Integration,
    /// Has an app open inside of a shop, and sees the store of that shop alone.
    Merchant,
}

/// How far a right reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
    No,
    /// Every tenant; one alone once it is chosen.
    Everywhere,
    /// The caller's tenant.
    Tenant,
    /// The caller's stores.
    Stores,
}

/// Whether an action changes anything: a suspended tenant's callers may only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reads.
    Read,
    /// Writes.
    Write,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// The action's name.
    pub action: &'static str,
    /// Whether it writes.
    pub mode: Mode,
    /// The scope that an API token needs for it; none means that no integration may.
    pub scope: Option<ApiScope>,
    /// How far it reaches for a platform administrator.
    pub platform_admin: Reach,
    /// How far it reaches for a tenant's administrator.
    pub tenant_admin: Reach,
    /// How far it reaches for a tenant's member.
    pub tenant_member: Reach,
    /// How far it reaches for a member of some stores.
    pub store_member: Reach,
    /// How far it reaches for a merchant in their own shop.
    pub merchant: Reach,
}

impl Right {
    /// How far the right reaches for a kind of caller with these scopes.
    pub fn reach(&self, kind: Kind, scopes: Option<&[ApiScope]>) -> Reach {
        match kind {
            Kind::PlatformAdmin => self.platform_admin,
            Kind::TenantAdmin => self.tenant_admin,
            Kind::TenantMember => self.tenant_member,
            Kind::StoreMember => self.store_member,
            Kind::Merchant => self.merchant,
            Kind::Integration => match self.scope {
                Some(scope) if scopes.is_some_and(|held| held.contains(&scope)) => Reach::Tenant,
                Some(_) | None => Reach::No,
            },
        }
    }
}

/// Something that callers may or may not do.
pub trait Action: Send + Sync + 'static {
    /// Its row of the table.
    const RIGHT: Right;
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident $mode:ident $scope:expr, [$platform:ident $admin:ident $member:ident $stores:ident $merchant:ident];)*) => {
        /// The actions, as types that a permit is for.
        pub mod actions {
            use super::{Action, ApiScope, Mode, Reach, Right};

            $($(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Action for $name {
                const RIGHT: Right = Right {
                    action: stringify!($name),
                    mode: Mode::$mode,
                    scope: {
                        #[allow(unused_imports, reason = "rows without a scope name none")]
                        use ApiScope::*;
                        $scope
                    },
                    platform_admin: Reach::$platform,
                    tenant_admin: Reach::$admin,
                    tenant_member: Reach::$member,
                    store_member: Reach::$stores,
                    merchant: Reach::$merchant,
                };
            })*
        }

        /// The table.
        pub const RIGHTS: &[Right] = &[$(<actions::$name as Action>::RIGHT),*];
    };
}

rights! {
    // action                        mode   scope                  platform   admin  member store member  merchant

    /// See a tenant.
    ReadTenants                      Read   Some(TenantRead),     [Everywhere Tenant Tenant Tenant No];
    /// Change a tenant's contacts and settings.
    UpdateTenant                     Write  Some(TenantWrite),    [Everywhere Tenant No     No     No];
    /// Create, suspend, reactivate and delete tenants.
    ManageTenants                    Write  None,                 [Everywhere No     No     No     No];
    /// See a tenant's users.
    ReadUsers                        Read   Some(UsersRead),      [Everywhere Tenant Tenant No     No];
    /// Invite users, change their roles, shut them out, make password links.
    ManageUsers                      Write  None,                 [Everywhere Tenant No     No     No];
    /// See API tokens (never their secrets).
    ReadApiTokens                    Read   None,                 [Everywhere Tenant No     No     No];
    /// Make and revoke API tokens.
    ManageApiTokens                  Write  None,                 [Everywhere Tenant No     No     No];
    /// See stores.
    ReadStores                       Read   Some(StoresRead),     [Everywhere Tenant Tenant Stores Stores];
    /// Connect and change stores.
    ManageStores                     Write  Some(StoresWrite),    [Everywhere Tenant No     No     No];
    /// Say how far a store's set-up is, and change the settings of the app as it is embedded in the shop.
    SetUpStores                      Write  Some(StoresWrite),    [Everywhere Tenant No     No     Stores];
    /// Have stores synced, and stop that.
    SyncStores                       Write  Some(StoresWrite),    [Everywhere Tenant No     No     Stores];
    /// See orders and their items.
    ReadOrders                       Read   Some(OrdersRead),     [Everywhere Tenant Tenant Stores Stores];
    /// See customers.
    ReadCustomers                    Read   Some(CustomersRead),  [Everywhere Tenant Tenant Stores Stores];
    /// See products and variants.
    ReadProducts                     Read   Some(ProductsRead),   [Everywhere Tenant Tenant Stores Stores];
    /// See connections to providers and what they delivered.
    ReadConnections                  Read   None,                 [Everywhere Tenant No     No     No];
    /// Register and change connections, and work on deliveries again.
    ManageConnections                Write  None,                 [Everywhere Tenant No     No     No];
    /// See webhook endpoints and what was sent to them.
    ReadWebhooks                     Read   Some(WebhooksRead),   [Everywhere Tenant No     No     No];
    /// Create and change webhook endpoints, and send again.
    ManageWebhooks                   Write  Some(WebhooksWrite),  [Everywhere Tenant No     No     No];
    /// See the audit log.
    ReadAudit                        Read   Some(AuditRead),      [Everywhere Tenant No     No     No];
    /// Erase what the audit log says of a person.
    EraseAudit                       Write  None,                 [Everywhere Tenant No     No     No];
    /// See jobs.
    ReadJobs                         Read   None,                 [Everywhere Tenant No     No     No];
    /// Have jobs tried again, and call them off.
    ManageJobs                       Write  None,                 [Everywhere Tenant No     No     No];
    /// See how much was used.
    ReadUsage                        Read   Some(UsageRead),      [Everywhere Tenant No     No     No];
    /// See alerts, and follow them live.
    ReadAlerts                       Read   Some(AlertsRead),     [Everywhere Tenant Tenant Stores No];
    /// Raise alerts.
    RaiseAlerts                      Write  Some(AlertsWrite),    [Everywhere Tenant Tenant Stores No];
    /// Acknowledge and resolve alerts.
    HandleAlerts                     Write  Some(AlertsWrite),    [Everywhere Tenant Tenant Stores No];
    /// Silence alerts.
    SilenceAlerts                    Write  None,                 [Everywhere Tenant No     No     No];
    /// See by which ways people are told, and what they were told.
    ReadNotifications                Read   None,                 [Everywhere Tenant No     No     No];
    /// Say who is told of what, when and how.
    ManageNotifications              Write  None,                 [Everywhere Tenant No     No     No];
    /// See what people and shops ask about their data.
    ReadPrivacy                      Read   None,                 [Everywhere Tenant No     No     No];
    /// Have privacy requests tried again.
    ManagePrivacy                    Write  None,                 [Everywhere Tenant No     No     No];
    /// Fetch what is kept of a customer who asks for it: for who answers them alone.
    ExportPrivacyData                Write  None,                 [No         Tenant No     No     No];
    /// Import a store's data from a file.
    ImportStoreData                  Write  None,                 [Everywhere No     No     No     No];
}
