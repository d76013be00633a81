//! The scopes of API tokens.

use std::fmt;
use std::str::FromStr;

/// Text that is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope `{0}`; accepted: {list}", list = ApiScope::list())]
pub struct UnknownScope(pub String);

macro_rules! scopes {
    ($($(#[doc = $doc:literal])* $variant:ident = $text:literal,)*) => {
        /// What an API token may be allowed to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ApiScope { $($(#[doc = $doc])* $variant,)* }

        impl ApiScope {
            /// Every scope.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The spelling, `noun:verb`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// One sentence on what the scope allows.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*)),* }
            }
        }
    };
}

scopes! {
    /// Read the tenant itself.
    TenantRead = "tenant:read",
    /// Change the tenant's contact and locale settings.
    TenantWrite = "tenant:write",
    /// Read the tenant's users and their roles.
    UsersRead = "users:read",
    /// Read stores.
    StoresRead = "stores:read",
    /// Connect stores and change them.
    StoresWrite = "stores:write",
    /// Read orders and their items.
    OrdersRead = "orders:read",
    /// Read customers, who are persons.
    CustomersRead = "customers:read",
    /// Read products and variants.
    ProductsRead = "products:read",
    /// Read the audit log, which tells what persons did.
    AuditRead = "audit:read",
    /// Read webhook endpoints and what was sent to them.
    WebhooksRead = "webhooks:read",
    /// Create and change webhook endpoints, and send again.
    WebhooksWrite = "webhooks:write",
    /// Read how much was used.
    UsageRead = "usage:read",
    /// Read alerts, and follow them live.
    AlertsRead = "alerts:read",
    /// Raise alerts, acknowledge and resolve them.
    AlertsWrite = "alerts:write",
}

impl ApiScope {
    fn list() -> String {
        Self::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for ApiScope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for ApiScope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or_else(|| UnknownScope(text.chars().take(64).collect()))
    }
}
