//! GraphQL on WebSockets, by the protocol graphql-transport-ws: queries, mutations and subscriptions.

mod end;
mod operations;
mod protocol;
mod session;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use self::protocol::PROTOCOL;
use self::session::{Origin, Session};
use super::client::{Credentials, user_agent};
use super::refusal::Refusal;
use super::server::Held;
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

/// Whether a request asks for a WebSocket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Takes a socket.
pub async fn upgrade(app: &Arc<App>, address: IpAddr, request_id: String, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let held = parts.extensions.get::<Held>().cloned();
    let credentials = Credentials::of_headers(&parts.headers)?;
    let origin = Origin { address, user_agent: user_agent(&parts.headers), request_id };
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|rejection| Refusal::new(StatusCode::BAD_REQUEST, Code::BadUserInput, rejection.to_string()))?
        .protocols([PROTOCOL])
        .read_buffer_size(READ)
        .max_message_size(app.limits.body)
        .max_frame_size(app.limits.body);
    let place = app.places.take_at_once(address).ok_or_else(|| {
        metrics::counter!("noren_sockets_refused_total").increment(1);
        Refusal { retry: Some((RETRY_AFTER, None)), ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Throttled, NO_PLACE) }
    })?;
    let spoken = upgrade.selected_protocol().is_some();
    let (app, sockets) = (app.clone(), app.sockets.clone());
    Ok(upgrade.on_upgrade(move |socket| {
        sockets.track_future(async move {
            Session::new(app, origin, credentials).serve(socket, spoken).await;
            drop((place, held));
        })
    }))
}
