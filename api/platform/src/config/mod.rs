//! Settings: `noren.toml`, then `NOREN_*` (and DATABASE_URL, DATABASE_OWNER_URL), then flags; the later wins.
//!
//! Everything that is wrong is reported at once, by name, with what would be accepted.

mod read;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

use entities::Plan;
use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

pub use read::{Flags, SettingsErrors, load};
pub use values::{IdentityProvider, JwksSource, JwtAlgorithm, LogFormat, MailServer, MetricsAccess, SmtpTls, Toggle, TwilioAccount};

use crate::crypto::{MasterKey, MasterKeyError};
use crate::db::DatabaseSettings;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The database to serve from.
    pub database: DatabaseSettings,
    /// The URL to migrate with, when the serving role may not.
    pub database_owner_url: Option<String>,
    /// The master key, when it is given and not in a file.
    pub master_key: Option<SecretString>,
    /// How logs look.
    pub log_format: LogFormat,
    /// What is logged, in the syntax of tracing's filters.
    pub log_filter: String,
    /// Pages that may call the API from a browser.
    pub cors_origins: Vec<String>,
    /// Proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Networks inside that addresses which callers set may lead into all the same.
    pub outgoing_networks: Vec<IpNet>,
    /// Whether GraphiQL is served: `auto` means on loopback and in demo mode.
    pub graphiql: Toggle,
    /// Whether the schema tells about itself, and errors suggest names that are in it.
    pub introspection: bool,
    /// Points that are restored each second to a caller of the plan STARTER; 0 throttles nobody.
    pub cost_restore_rate: u64,
    /// Operations a minute for each caller; 0 means as many as they like.
    pub operations_per_minute: u64,
    /// The plan of tenants that have subscribed to none.
    pub default_plan: Plan,
    /// What may read `/metrics` from elsewhere; without it they are served on loopback alone.
    pub metrics_token: Option<SecretString>,
    /// Where traces go, such as `http://127.0.0.1:4318`.
    pub otlp_endpoint: Option<Url>,
    /// How long a shutdown waits for requests to finish, in seconds.
    pub shutdown_grace: u64,
    /// Where this API is reached from outside, without a slash at the end; addresses that it tells begin with it.
    pub public_url: Option<String>,
    /// For how many days the bodies of received webhooks are kept.
    pub webhook_payload_days: u16,
    /// The mail server; without it nobody is reached by mail.
    pub mail: Option<MailServer>,
    /// The account for text messages; without it nobody is reached by them.
    pub twilio: Option<TwilioAccount>,
    /// Where Shopify's shops are, `{shop}` standing for their domain; only for shops that stand in for them.
    pub shopify_shop_url: Option<String>,
    /// Outside identity providers.
    pub identity_providers: Vec<IdentityProvider>,
}

impl Settings {
    /// The master key: given, or on SQLite from the key file beside the database (made when it is missing).
    pub fn master_key(&self) -> Result<MasterKey, MasterKeyError> {
        if let Some(key) = &self.master_key {
            return MasterKey::parse(key);
        }
        match self.key_file() {
            Some(file) => MasterKey::from_file(&file),
            None => Err(MasterKeyError::Missing),
        }
    }

    /// The master key, without making one.
    pub fn master_key_if_there(&self) -> Result<Option<MasterKey>, MasterKeyError> {
        let missing = self.master_key.is_none() && self.key_file().is_some_and(|file| !file.exists());
        if missing { Ok(None) } else { self.master_key().map(Some) }
    }

    /// The key file beside a SQLite database.
    pub fn key_file(&self) -> Option<PathBuf> {
        self.database.sqlite_file().map(|file| file.with_extension("key"))
    }

    /// How to reach the database for migrations.
    pub fn owner(&self) -> DatabaseSettings {
        let url = self.database_owner_url.clone().unwrap_or_else(|| self.database.url.clone());
        DatabaseSettings { url, max_connections: 1, role: None, statement_timeout: None, plans_anew: false }
    }

    /// Who may read `/metrics`.
    pub fn metrics_access(&self) -> MetricsAccess {
        match &self.metrics_token {
            Some(token) => MetricsAccess::Token(token.clone()),
            None if self.listen.ip().is_loopback() => MetricsAccess::Everybody,
            None => MetricsAccess::Nobody,
        }
    }

    /// Whether GraphiQL is served.
    pub fn serves_graphiql(&self, demo: bool) -> bool {
        match self.graphiql {
            Toggle::On => true,
            Toggle::Off => false,
            Toggle::Auto => demo || self.listen.ip().is_loopback(),
        }
    }
}
