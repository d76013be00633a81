//! What can be made to go wrong.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::json;

/// With which requests something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Calls of one operation.
    Operation(&'static str),
    /// Any call to the Admin API.
    Admin,
    /// Calls to the token endpoint.
    Token,
    /// Fetching of files.
    File,
}

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// As it should.
    Right,
    /// Answers with this status, and when to come back.
    Status(u16, Option<u64>),
    /// Refuses it for the throttle, though there is room.
    Throttled,
    /// Answers with an error of this code.
    Error(&'static str),
    /// Does it, and answers this much later.
    Slow(Duration),
    /// Does it, and never answers.
    Forgets,
    /// Never looks at it.
    Silent,
    /// Does it, and cuts the answer after so many bytes.
    Cut(usize),
    /// Says something that is neither JSON nor a file.
    Babbles,
}

#[derive(Default)]
pub(super) struct Faults(Vec<(On, VecDeque<Does>)>);

impl Faults {
    pub(super) fn then(&mut self, on: On, does: impl IntoIterator<Item = Does>) {
        match self.0.iter_mut().find(|(known, _)| *known == on) {
            Some((_, queue)) => queue.extend(does),
            None => self.0.push((on, does.into_iter().collect())),
        }
    }

    /// What to do with the next call of an operation, if anything was said of it.
    pub(super) fn named(&mut self, operation: &str) -> Option<Does> {
        self.0.iter_mut().filter(|(on, _)| matches!(on, On::Operation(name) if *name == operation)).find_map(|(_, queue)| queue.pop_front())
    }

    /// What to do with the next request that is one of these.
    pub(super) fn next(&mut self, ons: &[On]) -> Does {
        self.0.iter_mut().filter(|(on, _)| ons.contains(on)).find_map(|(_, queue)| queue.pop_front()).unwrap_or(Does::Right)
    }
}

impl Does {
    /// The answer that comes instead of looking at the request.
    pub(super) async fn instead(self) -> Option<Response> {
        match self {
            Self::Status(status, after) => {
                let status = StatusCode::from_u16(status).expect("a status");
                let mut response = (status, axum::Json(json!({ "errors": "something is wrong" }))).into_response();
                if let Some(seconds) = after {
                    response.headers_mut().insert("retry-after", seconds.into());
                }
                Some(response)
            }
            Self::Error(code) => {
                Some(axum::Json(json!({ "errors": [{ "message": format!("this is a {code}"), "extensions": { "code": code } }] })).into_response())
            }
            Self::Silent => {
                tokio::time::sleep(Duration::from_secs(120)).await;
                Some(StatusCode::GATEWAY_TIMEOUT.into_response())
            }
            Self::Babbles => Some("<html>maintenance</html>".into_response()),
            Self::Right | Self::Throttled | Self::Slow(_) | Self::Forgets | Self::Cut(_) => None,
        }
    }

    /// What becomes of an answer on its way.
    pub(super) async fn after(self, response: Response) -> Response {
        match self {
            Self::Slow(time) => {
                tokio::time::sleep(time).await;
                response
            }
            Self::Forgets => {
                tokio::time::sleep(Duration::from_secs(120)).await;
                response
            }
            Self::Cut(after) => {
                let (parts, body) = response.into_parts();
                let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
                let mut cut = Response::from_parts(parts, broken(&bytes, after));
                cut.headers_mut().insert("content-length", bytes.len().into());
                cut
            }
            _ => response,
        }
    }
}

/// A body that breaks off.
pub(super) fn broken(bytes: &Bytes, after: usize) -> Body {
    let first = bytes.slice(..after.min(bytes.len()));
    let broken = async {
        // What was written before goes out first.
        tokio::time::sleep(Duration::from_millis(30)).await;
        Err(std::io::Error::other("cut on command"))
    };
    Body::from_stream(stream::StreamExt::chain(stream::iter([Ok(first)]), stream::once(broken)))
}
