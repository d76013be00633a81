//! GraphQL on WebSockets, by the protocol graphql-transport-ws: queries, mutations and subscriptions.

mod end;
mod line;
mod operations;
mod protocol;
mod session;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use self::protocol::PROTOCOL;
use self::session::{Origin, Session};
use self::wire::Wire;
use super::client::{Credentials, user_agent};
use super::refusal::Refusal;
use super::server::{Connection, Held};
use crate::app::App;
use crate::graphql::Code;

/// Bytes that are read at once. Each socket keeps room for so many, which is cleared every time that it is listened to.
const READ: usize = 2 * 1024;

/// What a client is told for whom there is no place, and when to come back.
const NO_PLACE: &str = "too many sockets are open, here or from your address: close some, or try again later";
const RETRY_AFTER: u64 = 10;
/// Sockets at once: some of the connections are left to those who come and go. They are counted by the client, whoever passes it on.
pub const SOCKETS: usize = 3_072;

/// How long things on sockets may take.
#[derive(Clone, Copy, Debug)]
pub struct SocketTimes {
    /// Until the client has said who it is.
    pub init: Duration,
    /// Between pings.
    pub ping: Duration,
    /// Until something is heard again.
    pub silence: Duration,
    /// For a message to be taken by the client's side.
    pub write: Duration,
    /// For a client that is not known to run nothing.
    pub idle: Duration,
}

impl Default for SocketTimes {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { init: seconds(10), ping: seconds(15), silence: seconds(45), write: seconds(20), idle: seconds(180) }
    }
}

/// A socket, as its session sees it.
type Socket = WebSocketStream<Wire>;

/// Whether a request asks for a WebSocket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Takes a socket.
pub async fn upgrade(app: &Arc<App>, address: IpAddr, request_id: String, request: Request<Body>) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let held = parts.extensions.get::<Held>().cloned();
    let credentials = Credentials::of_headers(&parts.headers)?;
    let origin = Origin { address, user_agent: user_agent(&parts.headers), request_id };
    let spoken = offered(&parts.headers).any(|offered| offered == PROTOCOL);
    let bad = |why: String| Refusal::new(StatusCode::BAD_REQUEST, Code::BadUserInput, why);
    let upgrading = parts.extensions.remove::<OnUpgrade>().ok_or_else(|| bad("the connection cannot be upgraded".to_owned()))?;
    let request = Request::from_parts(parts, ());
    let mut response = create_response_with_body(&request, Body::empty).map_err(|why| bad(why.to_string()))?;
    if spoken {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    let place = app.places.take_at_once(address).ok_or_else(|| {
        metrics::counter!("noren_sockets_refused_total").increment(1);
        Refusal { retry: Some((RETRY_AFTER, None)), ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Throttled, NO_PLACE) }
    })?;
    let (app, sockets) = (app.clone(), app.sockets.clone());
    let limits = WebSocketConfig::default().read_buffer_size(READ).max_message_size(Some(app.limits.body)).max_frame_size(Some(app.limits.body));
    tokio::spawn(sockets.track_future(async move {
        let connection = match upgrading.await.map(Upgraded::downcast::<Connection>) {
            Ok(Ok(connection)) => connection,
            Ok(Err(_)) => return tracing::error!("a socket came in on a connection of an unknown kind"),
            // Clients may break off whenever they like.
            Err(_) => return,
        };
        let (wire, outlet) = Wire::new(connection.io.into_inner().into_inner());
        let socket = WebSocketStream::from_partially_read(wire, connection.read_buf.to_vec(), Role::Server, Some(limits)).await;
        Session::new(app, origin, credentials, outlet).serve(socket, spoken).await;
        drop((place, held));
    }));
    Ok(response)
}

/// The protocols that a client offers to speak.
fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}
