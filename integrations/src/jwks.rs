//! Where an outside identity provider's public keys come from: a file, or a URL that is dialled with a timeout and a size limit.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use url::{Host, Url};

/// The largest key set accepted, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Publishes a JSON Web Key Set.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// The key set as it is published now, unparsed.
    async fn fetch(&self) -> Result<Vec<u8>, KeySourceError>;
}

/// Why there is no key set.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// Keys that travel in the open can be exchanged on the way.
    #[error("`{0}` must begin with https:// (plain http is accepted on loopback only)")]
    NotHttps(String),
    /// Not a URL.
    #[error("`{location}` is not a valid URL: {reason}")]
    Malformed {
        /// What was given.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be read.
    #[error("cannot read the key set {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The server does not answer, or with something else.
    #[error("cannot fetch the key set: {0}")]
    Unreachable(String),
    /// The server refuses; redirects count as refusals.
    #[error("the key set's server answered with status {0}")]
    Status(u16),
    /// Larger than any key set.
    #[error("the key set is larger than {MAX_BYTES} bytes")]
    TooLarge,
}

/// The source at `location`: a URL, or the path of a file.
pub fn key_source(location: &str) -> Result<Arc<dyn KeySource>, KeySourceError> {
    if !location.contains("://") {
        return Ok(Arc::new(KeyFile { path: PathBuf::from(location) }));
    }
    let malformed = |reason: String| KeySourceError::Malformed { location: location.to_owned(), reason };
    let url = Url::parse(location).map_err(|error| malformed(error.to_string()))?;
    let loopback = is_loopback(&url);
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return Err(KeySourceError::NotHttps(location.to_owned()));
    }
    let mut client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).user_agent("noren");
    if loopback {
        client = client.no_proxy();
    }
    let client = client.build().map_err(|error| KeySourceError::Unreachable(error.to_string()))?;
    Ok(Arc::new(KeyUrl { url, client }))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

struct KeyFile {
    path: PathBuf,
}

#[async_trait]
impl KeySource for KeyFile {
    async fn fetch(&self) -> Result<Vec<u8>, KeySourceError> {
        let failed = |source| KeySourceError::File { path: self.path.clone(), source };
        let mut bytes = Vec::new();
        let file = tokio::fs::File::open(&self.path).await.map_err(failed)?;
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).await.map_err(failed)?;
        if bytes.len() > MAX_BYTES { Err(KeySourceError::TooLarge) } else { Ok(bytes) }
    }
}

struct KeyUrl {
    url: Url,
    client: reqwest::Client,
}

#[async_trait]
impl KeySource for KeyUrl {
    async fn fetch(&self) -> Result<Vec<u8>, KeySourceError> {
        let unreachable = |error: reqwest::Error| KeySourceError::Unreachable(error.to_string());
        let mut response = self.client.get(self.url.clone()).send().await.map_err(unreachable)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(KeySourceError::Status(response.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > MAX_BYTES {
                return Err(KeySourceError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}
