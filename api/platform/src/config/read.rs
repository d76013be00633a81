//! Reading the settings, and collecting everything that is wrong with them.

use std::collections::BTreeMap;
use std::path::Path;

use entities::Plan;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Value;
use figment::{Figment, Profile};
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

use super::values::{LogFormat, MailServer, Toggle, TwilioAccount};
use super::{IdentityProvider, Settings};
use crate::crypto::MasterKey;
use crate::db::DatabaseSettings;

/// Settings given as flags, by name.
pub type Flags = BTreeMap<&'static str, String>;

/// Everything that is wrong, a line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SettingsErrors(pub Vec<String>);

const NAMES: [&str; 29] = [
    "listen",
    "database_url",
    "database_owner_url",
    "database_role",
    "database_connections",
    "master_key",
    "log_format",
    "log_filter",
    "cors_origins",
    "trusted_proxies",
    "outgoing_networks",
    "graphiql",
    "introspection",
    "cost_restore_rate",
    "operations_per_minute",
    "default_plan",
    "metrics_token",
    "otlp_endpoint",
    "shutdown_grace",
    "public_url",
    "webhook_payload_days",
    "shopify_shop_url",
    "smtp_url",
    "mail_from",
    "twilio_account_sid",
    "twilio_auth_token",
    "twilio_from",
    "twilio_base_url",
    "identity_providers",
];

/// Reads the settings from a file (if it is there), the environment and the flags.
pub fn load(file: &Path, flags: &Flags) -> Result<Settings, SettingsErrors> {
    // The file need not exist; one that cannot be read is an error.
    let base = if file.exists() { Figment::from(Toml::file_exact(file)) } else { Figment::new() };
    let figment =
        base.merge(Env::raw().only(&["DATABASE_URL", "DATABASE_OWNER_URL"])).merge(Env::prefixed("NOREN_")).merge(Serialized::from(flags, Profile::Default));
    let found: BTreeMap<String, Value> = figment.extract().map_err(|error| SettingsErrors(error.into_iter().map(|e| e.to_string()).collect()))?;
    let mut reader = Reader { figment, errors: Vec::new() };
    for name in found.keys().filter(|name| !NAMES.contains(&name.as_str())) {
        reader.wrong(name, &format!("is not a setting; the settings are {}", NAMES.join(", ")));
    }
    let settings = reader.settings();
    if reader.errors.is_empty() { Ok(settings) } else { Err(SettingsErrors(reader.errors)) }
}

struct Reader {
    figment: Figment,
    errors: Vec<String>,
}

impl Reader {
    fn settings(&mut self) -> Settings {
        let defaults = DatabaseSettings::new("sqlite:noren.db");
        let url = self.parsed("database_url", "sqlite:PATH or postgres://USER@HOST/DATABASE", |text| is_database_url(text).then(|| text.to_owned()));
        let role = match self.text("database_role") {
            Some(role) if role == "none" => None,
            Some(role) => Some(role),
            None => defaults.role,
        };
        Settings {
            listen: self.parsed("listen", "ADDRESS:PORT such as 127.0.0.1:8000", |text| text.parse().ok()).unwrap_or(([127, 0, 0, 1], 8000).into()),
            database: DatabaseSettings {
                url: url.unwrap_or(defaults.url),
                max_connections: self
                    .parsed("database_connections", "a number from 1 to 1000", |text| text.parse().ok().filter(|n| (1..=1000).contains(n)))
                    .unwrap_or(defaults.max_connections),
                role,
                statement_timeout: None,
                plans_anew: defaults.plans_anew,
            },
            database_owner_url: self.parsed("database_owner_url", "postgres://USER@HOST/DATABASE", |text| is_database_url(text).then(|| text.to_owned())),
            master_key: self.master_key(),
            log_format: self.parsed("log_format", "text or json", |text| text.parse().ok()).unwrap_or(LogFormat::Text),
            log_filter: self
                .parsed("log_filter", "a level such as info, or target=level pairs such as noren=debug,warn", |text| {
                    tracing_subscriber::EnvFilter::try_new(text).is_ok().then(|| text.to_owned())
                })
                .unwrap_or_else(|| "info,sea_orm_migration=warn".to_owned()),
            cors_origins: self.list("cors_origins", "a list of origins such as [\"https://admin.example.com\"]", origin),
            trusted_proxies: self.list("trusted_proxies", "a list of addresses or networks such as [\"10.0.0.0/8\"]", network),
            outgoing_networks: self.list("outgoing_networks", "a list of addresses or networks such as [\"10.20.0.0/16\"]", network),
            graphiql: self.parsed("graphiql", "on, off or auto", |text| text.parse().ok()).unwrap_or(Toggle::Auto),
            introspection: self.parsed("introspection", "on or off", on_or_off).unwrap_or(true),
            cost_restore_rate: self
                .parsed("cost_restore_rate", "points a second from 0 (no throttling) to 1000000000", |text| text.parse().ok().filter(|n| *n <= 1_000_000_000))
                .unwrap_or(10_000),
            operations_per_minute: self
                .parsed("operations_per_minute", "a number from 0 (no limit) to 1000000000", |text| text.parse().ok().filter(|n| *n <= 1_000_000_000))
                .unwrap_or(1_000),
            default_plan: self.parsed("default_plan", "STARTER, PROFESSIONAL or ENTERPRISE", |text| text.parse().ok()).unwrap_or(Plan::Starter),
            metrics_token: self.metrics_token(),
            otlp_endpoint: self.parsed("otlp_endpoint", "an http or https URL such as http://127.0.0.1:4318", http_url),
            shutdown_grace: self.parsed("shutdown_grace", "seconds from 0 to 600", |text| text.parse().ok().filter(|n| *n <= 600)).unwrap_or(30),
            public_url: self.parsed("public_url", "an http or https address such as https://api.example.com", public_url),
            webhook_payload_days: self
                .parsed("webhook_payload_days", "days from 1 to 365", |text| text.parse().ok().filter(|n| (1..=365).contains(n)))
                .unwrap_or(30),
            shopify_shop_url: self.parsed("shopify_shop_url", "an http or https address with {shop} in it, such as http://127.0.0.1:9000/{shop}", shop_url),
            mail: self.mail(),
            twilio: self.twilio(),
            identity_providers: self.identity_providers(),
        }
    }

    /// A setting as text, whether it was written as text, number or truth value.
    fn text(&mut self, name: &str) -> Option<String> {
        match self.figment.find_value(name).ok()? {
            Value::String(_, text) => Some(text),
            Value::Num(_, number) => number.to_u128().map(|n| n.to_string()).or_else(|| number.to_i128().map(|n| n.to_string())),
            Value::Bool(_, truth) => Some(truth.to_string()),
            Value::Char(_, c) => Some(c.to_string()),
            Value::Empty(..) => None,
            Value::Dict(..) | Value::Array(..) => {
                self.wrong(name, "expects a single value");
                None
            }
        }
    }

    fn parsed<T>(&mut self, name: &str, accepted: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.wrong(name, &format!("is `{}`; accepted: {accepted}", redacted(&text)));
        }
        parsed
    }

    /// A list, or the same separated by commas.
    fn list<T>(&mut self, name: &str, accepted: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let texts: Vec<String> = match self.figment.find_value(name) {
            Err(_) => Vec::new(),
            Ok(Value::Array(_, items)) => items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect(),
            Ok(_) => self.text(name).unwrap_or_default().split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect(),
        };
        let mut values = Vec::new();
        for text in texts {
            match parse(&text) {
                Some(value) => values.push(value),
                None => self.wrong(name, &format!("has `{text}`; accepted: {accepted}")),
            }
        }
        values
    }

    fn master_key(&mut self) -> Option<SecretString> {
        let key = SecretString::from(self.text("master_key")?);
        if let Err(error) = MasterKey::parse(&key) {
            self.wrong("master_key", &format!("cannot be used: {error}"));
        }
        Some(key)
    }

    fn metrics_token(&mut self) -> Option<SecretString> {
        let token = self.text("metrics_token")?;
        if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.wrong("metrics_token", "cannot be used; accepted: 16 or more ASCII characters without spaces, such as `openssl rand -hex 16` prints");
        }
        Some(SecretString::from(token))
    }

    /// A setting that is needed with another one.
    fn needed(&mut self, name: &str, with: &str, accepted: &str, accept: impl Fn(&str) -> bool) -> Option<String> {
        match self.text(name) {
            Some(text) if accept(text.trim()) => return Some(text.trim().to_owned()),
            // What it is may be a secret.
            Some(_) => self.wrong(name, &format!("cannot be used; accepted: {accepted}")),
            None => self.wrong(name, &format!("is missing, which is needed with `{with}`; accepted: {accepted}")),
        }
        None
    }

    fn mail(&mut self) -> Option<MailServer> {
        let Some(address) = self.text("smtp_url") else {
            if self.text("mail_from").is_some() {
                self.wrong("smtp_url", "is missing, which is needed with `mail_from`");
            }
            return None;
        };
        let server = MailServer::parse(&address);
        if server.is_none() {
            self.wrong("smtp_url", "cannot be used; accepted: smtps://USER:PASSWORD@HOST, smtp://USER:PASSWORD@HOST?tls=required, or on loopback smtp://HOST");
        }
        let from = self.needed("mail_from", "smtp_url", "an address such as alerts@example.com, or `Noren <alerts@example.com>`", is_sender);
        Some(MailServer { from: from?, ..server? })
    }

    fn twilio(&mut self) -> Option<TwilioAccount> {
        let names = ["twilio_account_sid", "twilio_auth_token", "twilio_from", "twilio_base_url"];
        let given = names.into_iter().find(|name| self.figment.find_value(name).is_ok())?;
        let sid = |text: &str| text.len() > 2 && text.starts_with("AC") && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let account_sid = self.needed("twilio_account_sid", given, "the account's SID, AC…", sid);
        let token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let auth_token = self.needed("twilio_auth_token", given, "the account's auth token", token);
        let from = |text: &str| is_phone(text) || (2..=34).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
        let from = self.needed("twilio_from", given, "a number such as +15005550006, a sender's name, or a messaging service MG…", from);
        // An environment's `+1500…` reads as a number.
        let digits = |text: &str| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_digit());
        let from = from.map(|from| if digits(&from) { format!("+{from}") } else { from });
        let base_url = self.parsed("twilio_base_url", "an https URL (plain http on loopback only)", api_url);
        let base_url = base_url.or_else(|| url::Url::parse("https://api.twilio.com").ok());
        Some(TwilioAccount { account_sid: account_sid?, auth_token: auth_token?.into(), from: from?, base_url: base_url? })
    }

    fn identity_providers(&mut self) -> Vec<IdentityProvider> {
        let Ok(value) = self.figment.find_value("identity_providers") else { return Vec::new() };
        let Value::Array(_, items) = value else {
            self.wrong(
                "identity_providers",
                "expects a list of tables with issuer, audience, jwks (a file or an https URL) and algorithms (RS256, ES256, EdDSA)",
            );
            return Vec::new();
        };
        let mut providers: Vec<IdentityProvider> = Vec::new();
        for item in items {
            match IdentityProvider::deserialize(&item) {
                Ok(provider) if provider.issuer.is_empty() || provider.audience.is_empty() || provider.algorithms.is_empty() => {
                    self.wrong("identity_providers", "has one without issuer, audience or algorithms; all three are needed");
                }
                Ok(provider) if providers.iter().any(|known| known.issuer == provider.issuer) => {
                    self.wrong("identity_providers", &format!("names the issuer `{}` twice; once is enough", provider.issuer));
                }
                Ok(provider) => providers.push(provider),
                Err(error) => self.wrong("identity_providers", &error.to_string()),
            }
        }
        providers
    }

    fn wrong(&mut self, name: &str, what: &str) {
        self.errors.push(format!("setting `{name}` {what}"));
    }
}

fn is_database_url(text: &str) -> bool {
    let settings = DatabaseSettings::new(text);
    if settings.is_postgres() { url::Url::parse(text).is_ok() } else { settings.sqlite_file().is_some_and(|file| !file.as_os_str().is_empty()) }
}

fn origin(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text).then(|| text.to_owned())
}

fn on_or_off(text: &str) -> Option<bool> {
    match text {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        _ => None,
    }
}

fn http_url(text: &str) -> Option<url::Url> {
    url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// An address that a password is sent to.
fn api_url(text: &str) -> Option<url::Url> {
    let url = http_url(text)?;
    let loopback = match url.host()? {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    (url.scheme() == "https" || loopback).then_some(url)
}

/// Whom mails can come from: an address, or a name and an address.
fn is_sender(text: &str) -> bool {
    let address = text.rsplit_once('<').map_or(Some(text), |(_, rest)| rest.strip_suffix('>'));
    let parts = address.and_then(|address| address.split_once('@'));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>@,;\"\\".contains(&byte));
    !text.contains(char::is_control) && parts.is_some_and(|(name, host)| plain(name) && plain(host))
}

/// A telephone number in the form of E.164.
fn is_phone(text: &str) -> bool {
    text.strip_prefix('+')
        .is_some_and(|digits| (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0'))
}

/// An address that paths can be put behind.
fn public_url(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// An address that a shop's domain can be put into.
fn shop_url(text: &str) -> Option<String> {
    http_url(&text.replace("{shop}", "name.myshopify.com")).filter(|_| text.contains("{shop}")).map(|_| text.to_owned())
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}

/// A database URL may hold a password; an error message must not.
fn redacted(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            let _ = url.set_password(Some("REDACTED"));
            url.into()
        }
        _ => text.chars().take(80).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::result_large_err, reason = "the closure's error is figment's own")]
    fn the_later_source_wins_and_all_errors_come_at_once() {
        figment::Jail::expect_with(|jail| {
            jail.create_file("noren.toml", "listen = \"0.0.0.0:80\"\nlog_format = \"json\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n")?;
            jail.set_env("NOREN_LISTEN", "0.0.0.0:81");
            jail.set_env("DATABASE_URL", "postgres://noren@localhost/noren");
            let settings = load(Path::new("noren.toml"), &Flags::from([("listen", "[::1]:82".to_owned())])).unwrap();
            assert_eq!(settings.listen.port(), 82);
            assert_eq!(settings.log_format, LogFormat::Json);
            assert_eq!(settings.trusted_proxies.len(), 2);
            assert!(settings.database.is_postgres());

            jail.set_env("NOREN_LISTEN", "everywhere");
            jail.set_env("NOREN_GRAPHIQL", "maybe");
            jail.set_env("NOREN_LISTN", "x");
            let SettingsErrors(errors) = load(Path::new("noren.toml"), &Flags::new()).unwrap_err();
            jail.set_env("NOREN_LOG_FILTER", "a=b=c");
            jail.set_env("NOREN_MASTER_KEY", "short");
            jail.set_env("NOREN_METRICS_TOKEN", "short");
            jail.set_env("NOREN_OTLP_ENDPOINT", "collector:4318");
            jail.set_env("NOREN_PUBLIC_URL", "api.example.com");
            jail.set_env("NOREN_WEBHOOK_PAYLOAD_DAYS", "0");
            let SettingsErrors(more) = load(Path::new("noren.toml"), &Flags::new()).unwrap_err();
            assert_eq!(more.len(), 9, "{more:?}");
            // Passwords are not told.
            jail.set_env("NOREN_SMTP_URL", "smtp://user:hush@mail.example.com");
            jail.set_env("NOREN_MAIL_FROM", "nobody");
            jail.set_env("NOREN_TWILIO_AUTH_TOKEN", "hu sh");
            jail.set_env("NOREN_TWILIO_BASE_URL", "http://twilio.example.com");
            let SettingsErrors(most) = load(Path::new("noren.toml"), &Flags::new()).unwrap_err();
            assert_eq!(most.len(), 9 + 2 + 4, "{most:?}");
            assert!(!most.iter().any(|e| e.contains("hush") || e.contains("hu sh")), "{most:?}");
            assert_eq!(errors.len(), 3, "{errors:?}");
            assert!(errors.iter().any(|e| e.contains("`graphiql` is `maybe`; accepted: on, off or auto")), "{errors:?}");
            Ok(())
        });
    }
}
