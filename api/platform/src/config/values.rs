//! The kinds of values that settings have.

use std::path::PathBuf;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use url::Url;

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// On, off, or what is sensible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toggle {
    /// On.
    On,
    /// Off.
    Off,
    /// What is sensible.
    Auto,
}

/// Who may read the metrics.
#[derive(Clone, Debug)]
pub enum MetricsAccess {
    /// Whoever can reach the port, which is this machine's alone.
    Everybody,
    /// Who sends this as a bearer.
    Token(SecretString),
    /// Nobody: they are not served.
    Nobody,
}

impl MetricsAccess {
    /// Whether a bearer may read them.
    pub fn allows(&self, bearer: Option<&str>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Token(token) => bearer.is_some_and(|bearer| bool::from(bearer.as_bytes().ct_eq(token.expose_secret().as_bytes()))),
            Self::Nobody => false,
        }
    }
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

impl FromStr for Toggle {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "on" | "true" => Ok(Self::On),
            "off" | "false" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            _ => Err(()),
        }
    }
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the first byte (`smtps://`).
    Wrapped,
    /// TLS after the greeting (`smtp://…?tls=required`).
    Required,
    /// None: on loopback only.
    None,
}

/// The mail server, and whom mails come from.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// The name and the password to sign in with.
    pub credentials: Option<(String, SecretString)>,
    /// Whom mails come from.
    pub from: String,
}

impl MailServer {
    /// A mail server from its address, without whom mails come from.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let (host, loopback) = match url.host()? {
            url::Host::Domain(name) => (percent_decoded(name)?, name == "localhost"),
            url::Host::Ipv4(address) => (address.to_string(), address.is_loopback()),
            url::Host::Ipv6(address) => (address.to_string(), address.is_loopback()),
        };
        // An address of a scheme that URLs do not know keeps its host as it was written.
        let loopback = loopback || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let asked = |value: &str| query.len() == 1 && query[0].0 == "tls" && query[0].1 == value;
        let (tls, port) = match url.scheme() {
            "smtps" if query.is_empty() => (SmtpTls::Wrapped, 465),
            "smtp" if asked("required") => (SmtpTls::Required, 587),
            "smtp" if query.is_empty() && loopback => (SmtpTls::None, 25),
            _ => return None,
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (name, Some(password)) if !name.is_empty() => Some((percent_decoded(name)?, SecretString::from(percent_decoded(password)?))),
            _ => return None,
        };
        let plain = matches!(url.path(), "" | "/") && url.fragment().is_none() && !host.is_empty() && url.port() != Some(0);
        plain.then(|| Self { host, port: url.port().unwrap_or(port), tls, credentials, from: String::new() })
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The account at Twilio for text messages.
#[derive(Clone, Debug)]
pub struct TwilioAccount {
    /// The account, `AC…`.
    pub account_sid: String,
    /// Its password.
    pub auth_token: SecretString,
    /// The number, the name or the messaging service that messages come from.
    pub from: String,
    /// Where the API is.
    pub base_url: Url,
}

/// An outside identity provider whose tokens identify users.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct IdentityProvider {
    /// `iss` of its tokens.
    pub issuer: String,
    /// `aud` that its tokens must have.
    pub audience: String,
    /// Where its public keys are: a file or an https URL.
    pub jwks: JwksSource,
    /// The algorithms that its tokens may be signed with.
    #[serde(default = "JwtAlgorithm::all")]
    pub algorithms: Vec<JwtAlgorithm>,
}

/// Where public keys come from.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub enum JwksSource {
    /// A file.
    File(PathBuf),
    /// An address; plain http on loopback only.
    Url(Url),
}

impl std::fmt::Display for JwksSource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Url(url) => write!(out, "{url}"),
        }
    }
}

impl TryFrom<String> for JwksSource {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.contains("://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let url = Url::parse(&text).map_err(|error| error.to_string())?;
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        match url.scheme() {
            "https" => Ok(Self::Url(url)),
            "http" if loopback => Ok(Self::Url(url)),
            _ => Err("expected a file or an https URL".to_owned()),
        }
    }
}

/// A signature algorithm of outside tokens.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// RSA with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl JwtAlgorithm {
    /// All of them.
    pub fn all() -> Vec<Self> {
        vec![Self::RS256, Self::ES256, Self::EdDSA]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_servers_are_spoken_to_in_the_open_on_loopback_alone() {
        for (text, host, port, tls) in [
            ("smtps://user:p%40ss@mail.example.com", "mail.example.com", 465, SmtpTls::Wrapped),
            ("smtp://mail.example.com?tls=required", "mail.example.com", 587, SmtpTls::Required),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, SmtpTls::None),
            ("smtp://localhost", "localhost", 25, SmtpTls::None),
        ] {
            let server = MailServer::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((server.host.as_str(), server.port, server.tls), (host, port, tls), "{text}");
        }
        let (name, password) = MailServer::parse("smtps://user:p%40ss@mail.example.com").unwrap().credentials.unwrap();
        assert_eq!((name.as_str(), password.expose_secret()), ("user", "p@ss"));
        for wrong in [
            "mail.example.com:25",
            "http://mail.example.com",
            "smtp://mail.example.com",
            "smtp://10.0.0.1",
            "smtps://user@mail.example.com",
            "smtp://a?tls=none",
            "smtps://",
        ] {
            assert!(MailServer::parse(wrong).is_none(), "{wrong}");
        }
    }
}
