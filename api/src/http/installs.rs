//! Where merchants let apps in: a browser is sent to its shop from here and comes back, and apps that are open inside of a shop show the
//! token that they have from there.
//!
//! A connection that is not there, one of another provider, a disabled one and one of a deleted tenant answer alike.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use commerce::installs::{Arrived, InstallError, Launched};
use entities::ConnectionId;
use platform::limits::Payer;
use secrecy::SecretString;
use serde_json::json;

use super::negotiate::prefers_json;
use crate::app::App;

/// How long a browser keeps what binds it to an installation, in seconds.
const COOKIE_SECONDS: u32 = 3_600;
/// The longest query and the longest session token taken, in bytes.
const LONGEST: usize = 8 * 1024;

/// Whose door it is.
#[derive(Clone, Copy)]
enum Provider {
    Known(&'static str, ConnectionId),
    Unknown,
}

impl Provider {
    fn of(provider: &str, connection: &str) -> Self {
        let provider = integrations::registry::commerce(provider).map(|provider| provider.key());
        match provider.zip(ConnectionId::parse(connection).ok()) {
            Some((provider, connection)) => Self::Known(provider, connection),
            None => Self::Unknown,
        }
    }

    fn connection(self) -> Option<ConnectionId> {
        match self {
            Self::Known(_, connection) => Some(connection),
            Self::Unknown => None,
        }
    }

    fn known(self) -> Result<(&'static str, ConnectionId), InstallError> {
        match self {
            Self::Known(provider, connection) => Ok((provider, connection)),
            Self::Unknown => Err(InstallError::NotFound("connection")),
        }
    }
}

/// Who came, and what they are answered in.
struct Visitor<'a> {
    app: &'a App,
    address: IpAddr,
    provider: Provider,
    json: bool,
}

impl<'a> Visitor<'a> {
    fn new(app: &'a App, peer: SocketAddr, headers: &HeaderMap, provider: &str, connection: &str) -> Self {
        let address = app.proxies.client(peer.ip(), headers);
        Self { app, address, provider: Provider::of(provider, connection), json: prefers_json(headers) }
    }

    fn payer(&self) -> Payer {
        self.app.throttle.courier(self.address, self.provider.connection())
    }

    /// Turns away whoever has had too much refused.
    async fn admit(&self) -> Result<(), Response> {
        self.app.throttle.admit(self.payer()).await.map_err(|refusal| {
            let seconds = refusal.retry.map_or(1, |(seconds, _)| seconds);
            let mut response = self.problem(StatusCode::TOO_MANY_REQUESTS, "THROTTLED", &refusal.message);
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            response
        })
    }

    async fn refuse(&self, door: &'static str, error: InstallError) -> Response {
        let (status, code, blamed) = (status_of(&error), error.code(), blames_the_visitor(&error));
        metrics::counter!("noren_installs_total", "door" => door, "outcome" => code.to_lowercase()).increment(1);
        if blamed {
            self.app.throttle.refused(self.payer()).await;
        }
        match status {
            StatusCode::INTERNAL_SERVER_ERROR => tracing::error!(error = ?error, door, "an installation broke"),
            _ => tracing::debug!(%error, door, code, "an installation was refused"),
        }
        self.problem(status, code, &error.to_string())
    }

    fn problem(&self, status: StatusCode, code: &str, message: &str) -> Response {
        if self.json {
            return (status, axum::Json(json!({ "error": { "code": code, "message": message } }))).into_response();
        }
        (status, page("The app was not installed", message)).into_response()
    }
}

const fn status_of(error: &InstallError) -> StatusCode {
    match error {
        InstallError::NotFound(_) => StatusCode::NOT_FOUND,
        InstallError::Session(_) => StatusCode::UNAUTHORIZED,
        InstallError::Denied(_) | InstallError::Suspended => StatusCode::FORBIDDEN,
        InstallError::Callback(_) | InstallError::OtherShop | InstallError::Refused(_) | InstallError::Invalid(_) => StatusCode::BAD_REQUEST,
        InstallError::OtherConnection | InstallError::Uninstalled => StatusCode::CONFLICT,
        InstallError::Unreachable(_) => StatusCode::BAD_GATEWAY,
        InstallError::NotConfigured(_) => StatusCode::SERVICE_UNAVAILABLE,
        InstallError::Key(_) | InstallError::Shop(_) | InstallError::Storage(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Whether it is for whoever came that nothing came of it: such visits cost points.
const fn blames_the_visitor(error: &InstallError) -> bool {
    !matches!(error, InstallError::Unreachable(_) | InstallError::NotConfigured(_) | InstallError::Key(_) | InstallError::Shop(_) | InstallError::Storage(_))
}

/// A page that says one thing.
fn page(title: &str, text: &str) -> Html<String> {
    let safe = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let (title, text) = (safe(title), safe(text));
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head>\
         <body><h1>{title}</h1><p>{text}</p></body></html>"
    ))
}

/// The cookie's name: over https one that nobody but this very host can have set.
fn cookie_name(app: &App) -> (&'static str, &'static str) {
    match app.public_url.as_deref().is_some_and(|url| url.starts_with("https://")) {
        true => ("__Host-noren-install", "; Secure"),
        false => ("noren-install", ""),
    }
}

fn cookie_of<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    let (name, _) = cookie_name(app);
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    all.filter_map(|cookie| cookie.trim().split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// `GET /install/{provider}/{connection}`: on to the shop.
pub async fn launch(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((provider, connection)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let visitor = Visitor::new(&app, peer, &headers, &provider, &connection);
    if let Err(refused) = visitor.admit().await {
        return refused;
    }
    let query = query.filter(|query| query.len() <= LONGEST).unwrap_or_default();
    let launched = match visitor.provider.known() {
        Ok((provider, connection)) => app.installs.launch(&app.db, provider, connection, &query, cookie_of(&app, &headers)).await,
        Err(error) => Err(error),
    };
    match launched {
        Ok(Launched { url, cookie }) => {
            let (name, secure) = cookie_name(&app);
            let cookie = format!("{name}={cookie}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax{secure}");
            let mut response = StatusCode::FOUND.into_response();
            for (name, value) in [(header::LOCATION, url.as_str()), (header::SET_COOKIE, &cookie)] {
                if let Ok(value) = HeaderValue::from_str(value) {
                    response.headers_mut().insert(name, value);
                }
            }
            metrics::counter!("noren_installs_total", "door" => "launch", "outcome" => "sent_on").increment(1);
            response
        }
        Err(error) => visitor.refuse("launch", error).await,
    }
}

/// `GET /install/{provider}/{connection}/callback`: back from the shop.
pub async fn callback(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((provider, connection)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let visitor = Visitor::new(&app, peer, &headers, &provider, &connection);
    if let Err(refused) = visitor.admit().await {
        return refused;
    }
    let query = query.filter(|query| query.len() <= LONGEST).unwrap_or_default();
    let arrived = match visitor.provider.known() {
        Ok((provider, connection)) => {
            let (app, cookie) = (app.clone(), cookie_of(&app, &headers).map(str::to_owned));
            // A browser that goes away must not cut it short between the shop's answer and what is kept of it.
            let work = async move { app.installs.callback(&app.db, provider, connection, &query, cookie.as_deref()).await };
            finished(&visitor, work).await
        }
        Err(error) => Err(error),
    };
    arrive(&visitor, "callback", arrived).await
}

/// `POST /install/{provider}/{connection}/session`, with the session token as the bearer.
pub async fn session(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((provider, connection)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let visitor = Visitor { json: true, ..Visitor::new(&app, peer, &headers, &provider, &connection) };
    if let Err(refused) = visitor.admit().await {
        return refused;
    }
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    let token = SecretString::from(bearer.map(str::trim).filter(|token| token.len() <= LONGEST).unwrap_or_default());
    let arrived = match visitor.provider.known() {
        Ok((provider, connection)) => {
            let app = app.clone();
            finished(&visitor, async move { app.installs.session(&app.db, provider, connection, &token).await }).await
        }
        Err(error) => Err(error),
    };
    arrive(&visitor, "session", arrived).await
}

/// What comes of work that goes on to its end, whether or not somebody waits for it.
async fn finished(visitor: &Visitor<'_>, work: impl Future<Output = Result<Arrived, InstallError>> + Send + 'static) -> Result<Arrived, InstallError> {
    let task = visitor.app.tasks.spawn(tracing::Instrument::in_current_span(work));
    task.await.unwrap_or_else(|panic| Err(InstallError::Storage(platform::DbErr::Custom(panic.to_string()))))
}

async fn arrive(visitor: &Visitor<'_>, door: &'static str, arrived: Result<Arrived, InstallError>) -> Response {
    match arrived {
        Ok(Arrived { store, shop, installed }) => {
            if let Some(connection) = visitor.provider.connection() {
                visitor.app.throttle.remember_connection(connection);
            }
            metrics::counter!("noren_installs_total", "door" => door, "outcome" => if installed { "installed" } else { "known" }).increment(1);
            match visitor.json {
                true => axum::Json(json!({ "storeId": store, "shop": shop, "installed": installed })).into_response(),
                false => page("The app is installed", &format!("{shop} is connected. You can close this page.")).into_response(),
            }
        }
        Err(error) => visitor.refuse(door, error).await,
    }
}
