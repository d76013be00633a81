//! Webhooks of providers: what is properly signed is stored, once, before it is answered; the work on it is a job's.
//!
//! A connection that is not there, one of another provider, a disabled one and one of a deleted tenant answer alike, but for what has to be
//! taken as long as the secret is there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use entities::ConnectionId;
use integrations::ports::delivery::{Delivery, DeliveryError, WebhookSource};
use integrations::registry;
use people::connections::Receiver;
use platform::inbox::{Incoming, KeepError, Kept};
use serde_json::json;

use super::room::{self, Arrived, Unfit};
use crate::app::App;

/// The largest body taken, in bytes.
const BODY: usize = 2 * 1024 * 1024;
/// How long a body may take to arrive, and storing it to be done.
const PATIENCE: Duration = Duration::from_secs(10);

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Stored,
    Duplicate,
    BadSignature,
    Stale,
    Malformed,
    NotFound,
    TooLarge,
    Slow,
    Broken,
    Failed,
    /// There is no room for its body.
    NoRoom,
    /// Too many were refused; with the seconds after which to come back.
    Throttled(u64),
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::BadSignature => "bad_signature",
            Self::Stale => "stale",
            Self::Malformed => "malformed",
            Self::NotFound => "not_found",
            Self::TooLarge => "too_large",
            Self::Slow => "slow",
            Self::Broken => "broken",
            Self::Failed => "failed",
            Self::NoRoom => "no_room",
            Self::Throttled(_) => "throttled",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Stored | Self::Duplicate => StatusCode::OK,
            Self::BadSignature | Self::Stale => StatusCode::UNAUTHORIZED,
            Self::Malformed | Self::Broken => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Failed | Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Whether whoever sent it is to blame: such deliveries cost points.
    const fn blames_the_sender(self) -> bool {
        match self {
            Self::BadSignature | Self::Malformed | Self::NotFound | Self::TooLarge | Self::Slow | Self::Broken => true,
            Self::Stored | Self::Duplicate | Self::Stale | Self::Failed | Self::NoRoom | Self::Throttled(_) => false,
        }
    }

    /// In how many seconds to come back.
    const fn retry_after(self) -> Option<u64> {
        match self {
            Self::Throttled(seconds) => Some(seconds),
            Self::NoRoom => Some(room::RETRY_AFTER),
            Self::Stored | Self::Duplicate | Self::BadSignature | Self::Stale | Self::Malformed | Self::NotFound => None,
            Self::TooLarge | Self::Slow | Self::Broken | Self::Failed => None,
        }
    }
}

/// An outcome with what the sender is told; nothing when all is well.
type Answer = (Outcome, String);

fn answer(outcome: Outcome, message: impl Into<String>) -> Answer {
    (outcome, message.into())
}

/// `POST /webhooks/{provider}/{connection}`.
pub async fn receive(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((provider, connection)): Path<(String, String)>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let address = app.proxies.client(peer.ip(), request.headers());
    let source = registry::webhooks(&provider);
    // Labels come from a closed set, whatever paths are tried.
    let provider = source.map_or("unknown", |source| source.key());
    let wanted = source.zip(ConnectionId::parse(&connection).ok());
    let courier = || app.throttle.courier(address, wanted.map(|(_, connection)| connection));
    let (outcome, message) = match (app.throttle.admit(courier()).await, wanted) {
        (Err(throttled), _) => answer(Outcome::Throttled(throttled.retry.map_or(1, |(seconds, _)| seconds)), throttled.message),
        (Ok(()), Some((source, connection))) => taken_in(&app, source, connection, request).await.unwrap_or_else(|refused| refused),
        (Ok(()), None) => not_found(),
    };
    if outcome.blames_the_sender() {
        // By now it may be known that the connection is there.
        app.throttle.refused(courier()).await;
    }
    metrics::counter!("noren_webhook_deliveries_total", "provider" => provider, "outcome" => outcome.word()).increment(1);
    metrics::histogram!("noren_webhook_delivery_seconds", "provider" => provider).record(began.elapsed().as_secs_f64());
    if outcome.status().is_success() {
        return outcome.status().into_response();
    }
    // They are counted: whoever sends rubbish does not fill the log as well.
    tracing::debug!(provider, connection, outcome = outcome.word(), message, "a webhook was not taken");
    let mut response = (outcome.status(), axum::Json(json!({ "error": message }))).into_response();
    if let Some(seconds) = outcome.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn not_found() -> Answer {
    answer(Outcome::NotFound, "no connection takes webhooks here")
}

fn failed(error: &dyn std::fmt::Display) -> Answer {
    tracing::error!(%error, "a webhook could not be stored");
    answer(Outcome::Failed, "the delivery could not be stored; send it again")
}

async fn taken_in(app: &Arc<App>, source: &'static dyn WebhookSource, connection: ConnectionId, request: Request) -> Result<Answer, Answer> {
    let found = app.receivers.find(source.key(), connection).await;
    let receiver = found.map_err(|error| failed(&error))?.ok_or_else(not_found)?;
    let (parts, body) = request.into_parts();
    let headers: Vec<(String, String)> =
        parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect();
    let owed = || !receiver.secrets.is_empty() && source.is_owed(&headers);
    if !receiver.is_active && !owed() {
        return Err(not_found());
    }
    app.throttle.remember_connection(connection);
    let body = arrived(&parts.headers, body).await?;
    // A client that hangs up must not cut the transaction short, nor a shutdown the work on what was accepted.
    let work = store(app.clone(), source, receiver, headers, body);
    let task = app.tasks.spawn(tracing::Instrument::instrument(work, tracing::Span::current()));
    match tokio::time::timeout(PATIENCE, task).await {
        Ok(Ok(done)) => done,
        Ok(Err(panic)) => Err(failed(&panic)),
        Err(_) => Err(failed(&"it took too long")),
    }
}

async fn arrived(headers: &HeaderMap, body: Body) -> Result<Arrived, Answer> {
    let too_large = || answer(Outcome::TooLarge, format!("the body is larger than {BODY} bytes"));
    let told = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|length| length > BODY) {
        return Err(too_large());
    }
    let arriving = tokio::time::timeout(PATIENCE, room::arrive(body, BODY)).await;
    arriving.map_err(|_| answer(Outcome::Slow, format!("the body did not arrive within {} s", PATIENCE.as_secs())))?.map_err(|unfit| match unfit {
        Unfit::TooLarge => too_large(),
        Unfit::Broken => answer(Outcome::Broken, "the body did not arrive whole"),
        Unfit::NoRoom => answer(Outcome::NoRoom, room::NO_ROOM),
    })
}

async fn store(
    app: Arc<App>,
    source: &'static dyn WebhookSource,
    receiver: Arc<Receiver>,
    headers: Vec<(String, String)>,
    arrived: Arrived,
) -> Result<Answer, Answer> {
    let Arrived { bytes: body, place: _place } = arrived;
    let now = app.clock.now();
    let verified = source.verify(&Delivery { headers: &headers, body: &body }, &receiver.secrets, now).map_err(|error| match &error {
        DeliveryError::BadSignature => answer(Outcome::BadSignature, error.to_string()),
        DeliveryError::Stale { .. } => answer(Outcome::Stale, error.to_string()),
        DeliveryError::Malformed(_) => answer(Outcome::Malformed, error.to_string()),
    })?;
    let parts = verified.into_parts();
    let delivery = Incoming {
        tenant: receiver.tenant,
        connection: receiver.connection,
        provider: source.key().to_owned(),
        topic: parts.topic,
        account: parts.account,
        event_id: parts.event_id,
        provider_event_id: parts.provider_event_id,
        api_version: parts.api_version,
        headers: json!(parts.headers),
        payload: parts.body,
        triggered_at: parts.triggered_at,
        payload_deletion_at: now + TimeDelta::days(app.webhook_payload_days.into()),
    };
    match app.intake.keep(delivery).await {
        Ok(Kept::Stored(_)) => Ok(answer(Outcome::Stored, "")),
        Ok(Kept::AlreadyThere) => Ok(answer(Outcome::Duplicate, "")),
        Err(KeepError::Crowded) => Err(answer(Outcome::NoRoom, room::NO_ROOM)),
        Err(error @ (KeepError::Storage(_) | KeepError::Broken(_))) => Err(failed(&error)),
    }
}
