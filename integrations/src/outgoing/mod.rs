//! The one way out to addresses that callers set: each is resolved once, checked, dialled within a deadline and never followed elsewhere.

mod exchange;
mod failure;
mod guard;
pub mod standard_webhooks;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ipnet::IpNet;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::{Instant, timeout_at};
use url::Url;

pub(crate) use exchange::{Broken, Request, Whole};
use guard::{Guard, GuardedResolver};
pub use guard::{MAX_URL_BYTES, Resolver, SystemResolver, UrlProblem};

/// How much of an answer's body is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How much of an answer's body is kept, in characters.
pub const MAX_BODY_START: usize = 500;
/// The longest wait that an answer can ask for.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_HEADERS: usize = 100;

/// How to dial.
#[derive(Clone)]
pub struct OutgoingSettings {
    /// Networks inside that may be dialled all the same, in plain HTTP too.
    pub allowed_networks: Vec<IpNet>,
    /// How long resolving, connecting and the TLS handshake may take together.
    pub connect_timeout: Duration,
    /// How long a call may take in all.
    pub timeout: Duration,
    /// Finds the addresses of hosts.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for OutgoingSettings {
    fn default() -> Self {
        Self { allowed_networks: Vec::new(), connect_timeout: Duration::from_secs(5), timeout: Duration::from_secs(15), resolver: Arc::new(SystemResolver) }
    }
}

/// Why there is no dialler.
#[derive(Debug, thiserror::Error)]
#[error("cannot prepare outgoing calls: {0}")]
pub struct OutgoingError(#[from] reqwest::Error);

/// The guarded dialler. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outgoing {
    guard: Guard,
    timeout: Duration,
    secure: reqwest::Client,
    plain: reqwest::Client,
}

/// A call, done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub duration: Duration,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side answered. What breaks after the head of its answer changes nothing.
    Answered {
        /// The HTTP status; redirects are answers too.
        status: u16,
        /// When to come back, if the answer says so; a day at most.
        retry_after: Option<Duration>,
        /// The beginning of its body as plain text on one line, up to [`MAX_BODY_START`] characters.
        body_start: String,
    },
    /// Not dialled.
    Refused(UrlProblem),
    /// No answer.
    Failed {
        /// At what it failed.
        kind: FailureKind,
        /// What went wrong, in plain words, on one line.
        message: String,
    },
}

/// At what a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The host's name has no address.
    Dns,
    /// Nobody took the connection in time.
    Connect,
    /// No trusted secure connection.
    Tls,
    /// Connected, but no answer in time.
    Timeout,
    /// Cut or reset before an answer.
    Reset,
    /// What came is not HTTP, or its head is too large.
    Protocol,
    /// A header that cannot be written.
    Unsendable,
}

impl FailureKind {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::Connect => "CONNECT",
            Self::Tls => "TLS",
            Self::Timeout => "TIMEOUT",
            Self::Reset => "RESET",
            Self::Protocol => "PROTOCOL",
            Self::Unsendable => "UNSENDABLE",
        }
    }

    /// Whether the request may have arrived and been acted on: the outcome is unknown.
    pub const fn may_have_arrived(self) -> bool {
        match self {
            Self::Timeout | Self::Reset | Self::Protocol => true,
            Self::Dns | Self::Connect | Self::Tls | Self::Unsendable => false,
        }
    }
}

impl Outgoing {
    /// Prepares to dial. Settings are checked and certificates loaded once, here.
    pub fn new(settings: OutgoingSettings) -> Result<Self, OutgoingError> {
        let guard = Guard { allowed: settings.allowed_networks.into() };
        let client = |plain: bool| {
            reqwest::Client::builder()
                .dns_resolver(Arc::new(GuardedResolver { guard: guard.clone(), resolver: settings.resolver.clone(), plain }))
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                // A connection of its own for each call: every call is resolved and checked, and none meets one that the other side just closed.
                .pool_max_idle_per_host(0)
                .connect_timeout(settings.connect_timeout.min(settings.timeout))
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate()
                .http1_only()
                .http1_max_headers(MAX_HEADERS)
                .https_only(!plain)
                .user_agent(concat!("noren/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        Ok(Self { secure: client(false)?, plain: client(true)?, timeout: settings.timeout, guard })
    }

    /// Checks an address that a caller wants to set, and gives it back in the one spelling to keep: HTTPS (plain HTTP only into the
    /// allowed networks), no user name or password, at most [`MAX_URL_BYTES`] long, and not an inside address. What a name stands for
    /// is checked whenever it is dialled.
    pub fn check_url(&self, url: &str) -> Result<Url, UrlProblem> {
        self.guard.check(url)
    }

    /// Posts a body to an address. It comes back within the timeout, whatever the other side does, and is never tried twice.
    pub async fn post(&self, url: &Url, headers: &[(&str, String)], body: Bytes) -> Sent {
        self.call(url, headers, body).await.0
    }

    /// The same, with the beginning of the answer's body as it came, up to [`MAX_ANSWER_BYTES`].
    pub(crate) async fn call(&self, url: &Url, headers: &[(&str, String)], body: Bytes) -> (Sent, Vec<u8>) {
        let began = Instant::now();
        let (outcome, body) = match self.guard.check_parsed(url) {
            Ok(()) => self.dial(url, headers, body, began + self.timeout).await,
            Err(problem) => (Outcome::Refused(problem), Vec::new()),
        };
        (Sent { outcome, duration: began.elapsed() }, body)
    }

    async fn dial(&self, url: &Url, headers: &[(&str, String)], body: Bytes, deadline: Instant) -> (Outcome, Vec<u8>) {
        let client = if url.scheme() == "https" { &self.secure } else { &self.plain };
        let request = headers.iter().fold(client.post(url.clone()), |request, (name, value)| request.header(*name, value));
        match timeout_at(deadline, request.body(body).send()).await {
            Ok(Ok(response)) => answered(response, deadline).await,
            Ok(Err(error)) => (failure::outcome(&error), Vec::new()),
            Err(_) => {
                let message = format!("no answer came within {} ms", self.timeout.as_millis());
                (Outcome::Failed { kind: FailureKind::Timeout, message }, Vec::new())
            }
        }
    }
}

async fn answered(mut response: reqwest::Response, deadline: Instant) -> (Outcome, Vec<u8>) {
    let (status, retry_after) = (response.status().as_u16(), retry_after(response.headers()));
    let mut body = Vec::new();
    // Read to its end where that is near, so that the other side sees its answer taken.
    while body.len() < MAX_ANSWER_BYTES
        && let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await
    {
        let room = MAX_ANSWER_BYTES.saturating_sub(body.len());
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    let start = &body[..body.len().min(MAX_BODY_START * 4)];
    (Outcome::Answered { status, retry_after, body_start: clean(&String::from_utf8_lossy(start), MAX_BODY_START) }, body)
}

/// `Retry-After`, in seconds or as a date, which counts from the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let from = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
        httpdate::parse_http_date(text).ok()?.duration_since(from).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Text from outside on one line: what moves a cursor or turns the direction of writing becomes a space, and spaces are not repeated.
pub(crate) fn clean(text: &str, longest: usize) -> String {
    let blank = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut out = String::new();
    for word in text.split(blank).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out.chars().take(longest).collect()
}
