//! What one running program is made of.

use std::sync::Arc;
use std::time::Duration;

use commerce::activity::Calls;
use commerce::installs::{Installs, Shops};
use commerce::sync::SyncLimits;
use integrations::mail::{MailSettings, SmtpSecurity};
use integrations::outgoing::{Outgoing, OutgoingError, OutgoingSettings};
use integrations::registry::{MessengerError, MessengerSettings, Messengers, ShopSystemSettings, ShopSystems};
use integrations::shopify::ShopifySettings;
use integrations::twilio::TwilioSettings;
use people::connections::{Connections, Receivers};
use people::identity::{AccessTokens, Callers, Merchants, OutsideProviders, Passwords, ProviderError, ProviderSettings, SignIn, SigningAlgorithm};
use people::tenants::TenantKeys;
use platform::config::{JwtAlgorithm, MetricsAccess, Settings, SmtpTls};
use platform::crypto::MasterKey;
use platform::health::{DatabaseCheck, HealthCheck, JobsCheck, MigrationsCheck, RelayCheck};
use platform::inbox::Intake;
use platform::limits::MemoryBuckets;
use platform::outbox::Feeds;
use platform::usage::Usage;
use platform::{Clock, Database};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::graphql::{DocumentCache, Limits, NorenSchema, Services, build};
use crate::http::{Example, Guests, Health, Live, LiveLimits, OnSlow, Places, SOCKETS, Throttle, Times, TrustedProxies, announce_slow};
use crate::telemetry::Metrics;

/// Argon2 hashes that are computed at once at most: each takes 19 MiB.
const HASHES_AT_ONCE: usize = 4;

/// Why a program cannot be wired.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// An identity provider's settings cannot be used.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Nothing can be dialled.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    /// People cannot be reached.
    #[error(transparent)]
    Messengers(#[from] MessengerError),
}

/// One running program.
pub struct App {
    /// The schema.
    pub schema: NorenSchema,
    /// Documents that were parsed before.
    pub documents: DocumentCache,
    /// What a document may cost.
    pub limits: Limits,
    /// The database.
    pub db: Database,
    /// The key that wraps all others.
    pub master: MasterKey,
    /// How far the feeds of events have come.
    pub feeds: Feeds,
    /// The way out to addresses that callers set.
    pub outgoing: Outgoing,
    /// How much of a sync is done at once.
    pub sync_limits: SyncLimits,
    /// By whom people are reached.
    pub messengers: Messengers,
    /// What is asked of stores' shops, in numbers.
    pub calls: Calls,
    /// What opens stores' shops.
    pub shops: Shops,
    /// How merchants let apps in.
    pub installs: Installs,
    /// Where this API is reached from outside.
    pub public_url: Option<String>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Who is calling.
    pub callers: Callers,
    /// What tenants use.
    pub usage: Usage,
    /// By what providers' webhooks come in.
    pub receivers: Receivers,
    /// Where they are stored.
    pub intake: Intake,
    /// For how many days their bodies are kept.
    pub webhook_payload_days: u16,
    /// Proxies that are believed.
    pub proxies: TrustedProxies,
    /// Pages that may call from a browser.
    pub cors_origins: Vec<String>,
    /// GraphiQL's examples; none when it is not served.
    pub graphiql: Option<Vec<Example>>,
    /// What callers may use up.
    pub throttle: Throttle,
    /// What must be well.
    pub health: Health,
    /// What is measured.
    pub metrics: Metrics,
    /// Who may read what is measured.
    pub metrics_access: MetricsAccess,
    /// Whether spans are sent somewhere.
    pub traced: bool,
    /// How long things may take.
    pub times: Times,
    /// What is done about slow requests.
    pub on_slow: OnSlow,
    /// The requests that are being worked on.
    pub tasks: TaskTracker,
    /// Live events.
    pub live: Arc<Live>,
    /// The sockets that are open.
    pub sockets: TaskTracker,
    /// How many of them there may be, and from each address.
    pub places: Places,
    /// Told when the program stops.
    pub closing: CancellationToken,
}

impl App {
    /// Wires a program on a database.
    pub fn new(settings: &Settings, master: &MasterKey, db: Database, clock: Arc<dyn Clock>, graphiql: Option<Vec<Example>>) -> Result<Self, AppError> {
        let tasks = TaskTracker::new();
        let limits = Limits { introspection: settings.introspection, ..Limits::default() };
        let providers = OutsideProviders::new(&providers_of(settings), clock.clone())?;
        let access_tokens = AccessTokens::new(master);
        let sign_in = SignIn::new(access_tokens.clone(), providers.clone(), Passwords::new(HASHES_AT_ONCE));
        let outgoing = Outgoing::new(OutgoingSettings { allowed_networks: settings.outgoing_networks.clone(), ..OutgoingSettings::default() })?;
        let messengers = Messengers::new(messengers_of(settings), outgoing.clone())?;
        let systems = ShopSystems::new(shop_systems_of(settings))?;
        let calls = Calls::new(db.clone(), clock.clone());
        let shops = Shops::new(systems.clone(), TenantKeys::new(master.clone()), clock.clone(), calls.clone());
        let installs = Installs::new(shops.clone(), master, settings.public_url.clone());
        let merchants = Merchants::new(systems.clone(), TenantKeys::new(master.clone()));
        let services = Services::new(master, sign_in, outgoing.clone(), systems, messengers.clone(), installs.clone());
        let schema = build(&limits, services);
        let callers = Callers::new(db.clone(), clock.clone(), access_tokens, providers, merchants);
        let feeds = Feeds::default();
        let live = Live::new(schema.clone(), db.clone(), clock.clone(), feeds.clone(), Guests::new(callers.clone()), LiveLimits::default());
        let receivers = Receivers::new(Connections::new(TenantKeys::new(master.clone())), db.clone(), clock.clone());
        let intake = Intake::new(db.clone(), clock.clone());
        Ok(Self {
            schema,
            live,
            sockets: TaskTracker::new(),
            places: Places::new(SOCKETS),
            closing: CancellationToken::new(),
            sync_limits: SyncLimits::default(),
            messengers,
            calls,
            shops,
            installs,
            public_url: settings.public_url.clone(),
            outgoing,
            documents: DocumentCache::new(limits.clone()),
            throttle: Throttle::new(settings, &limits, Arc::new(MemoryBuckets::default()), clock.clone()),
            health: Health::new(checks(&db, &clock)),
            metrics: Metrics::of_process(),
            metrics_access: settings.metrics_access(),
            traced: settings.otlp_endpoint.is_some(),
            times: Times::default(),
            on_slow: announce_slow(db.clone(), clock.clone(), tasks.clone()),
            limits,
            callers,
            usage: Usage::new(db.clone(), clock.clone()),
            db,
            master: master.clone(),
            feeds,
            clock,
            receivers,
            intake,
            webhook_payload_days: settings.webhook_payload_days,
            proxies: TrustedProxies(settings.trusted_proxies.clone()),
            cors_origins: settings.cors_origins.clone(),
            graphiql,
            tasks,
        })
    }
}

/// What must be well: a new part has its line here.
fn checks(db: &Database, clock: &Arc<dyn Clock>) -> Vec<Arc<dyn HealthCheck>> {
    vec![
        Arc::new(DatabaseCheck(db.clone())),
        Arc::new(MigrationsCheck(db.clone())),
        Arc::new(RelayCheck(db.clone(), clock.clone())),
        Arc::new(JobsCheck(db.clone(), clock.clone())),
    ]
}

/// How long sending one mail may take in all, in which a mail server may look a sender up.
const MAIL: Duration = Duration::from_secs(30);
/// How long a call to a provider of text messages may take in all.
const TEXT_MESSAGE: Duration = Duration::from_secs(15);

/// How shops are reached, as the operator has set it up.
pub(crate) fn shop_systems_of(settings: &Settings) -> ShopSystemSettings {
    let usual = ShopifySettings::default();
    let shop_url = settings.shopify_shop_url.clone().unwrap_or_else(|| usual.shop_url.clone());
    ShopSystemSettings { shopify: ShopifySettings { shop_url, ..usual } }
}

fn messengers_of(settings: &Settings) -> MessengerSettings {
    let mail = settings.mail.as_ref().map(|mail| MailSettings {
        host: mail.host.clone(),
        port: mail.port,
        security: match mail.tls {
            SmtpTls::Wrapped => SmtpSecurity::Tls,
            SmtpTls::Required => SmtpSecurity::StartTls,
            SmtpTls::None => SmtpSecurity::Plain,
        },
        credentials: mail.credentials.clone(),
        from: mail.from.clone(),
        trusted: None,
        timeout: MAIL,
    });
    let twilio = settings.twilio.as_ref().map(|twilio| TwilioSettings {
        account_sid: twilio.account_sid.clone(),
        auth_token: twilio.auth_token.clone(),
        from: twilio.from.clone(),
        base_url: twilio.base_url.clone(),
        timeout: TEXT_MESSAGE,
    });
    MessengerSettings { mail, twilio }
}

fn providers_of(settings: &Settings) -> Vec<ProviderSettings> {
    let algorithm = |algorithm: &JwtAlgorithm| match algorithm {
        JwtAlgorithm::RS256 => SigningAlgorithm::RS256,
        JwtAlgorithm::ES256 => SigningAlgorithm::ES256,
        JwtAlgorithm::EdDSA => SigningAlgorithm::EdDSA,
    };
    let provider = |provider: &platform::config::IdentityProvider| ProviderSettings {
        issuer: provider.issuer.clone(),
        audience: provider.audience.clone(),
        jwks: provider.jwks.to_string(),
        algorithms: provider.algorithms.iter().map(algorithm).collect(),
    };
    settings.identity_providers.iter().map(provider).collect()
}
