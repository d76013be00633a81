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
