//! Answers without data: a request that is refused, in words that say what to do.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use platform::limits::OperationClass;

use super::negotiate::Answer;
use super::room;
use crate::graphql::{Code, Refused, whole_seconds};

/// Characters of an error's message: what a request says is not sent back whole.
const MESSAGE: usize = 1_000;

/// An answer without data.
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The code.
    pub code: Code,
    /// What to do.
    pub message: String,
    /// Where in the document, line and column.
    pub at: Option<(usize, usize)>,
    /// The methods that are taken.
    pub allow: Option<&'static str>,
    /// In how many seconds to come back, and the class of operations that there were too many of.
    pub retry: Option<(u64, Option<OperationClass>)>,
    /// The request.
    pub request_id: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), at: None, allow: None, retry: None, request_id: String::new() }
    }

    /// The request itself is wrong.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BadUserInput, message)
    }

    /// Something broke on our side while this request was worked on.
    pub fn broken(request_id: &str) -> Self {
        let message = format!("something broke on our side; the request id {request_id} helps to find it");
        Self { request_id: request_id.to_owned(), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, message) }
    }

    /// The request was understood and is not run.
    pub fn not_run(message: impl Into<String>, answer: Answer) -> Self {
        Self::new(answer.request_error(), Code::BadUserInput, message)
    }

    /// The document is not run.
    pub fn document(refused: &Refused, answer: Answer) -> Self {
        let at = if let Refused::Syntax { at, .. } = refused { *at } else { None };
        Self { at, ..Self::not_run(refused.to_string(), answer) }
    }

    /// Too much at once; `class` is the class of operations that there were too many of.
    pub fn throttled(message: impl Into<String>, retry_after: Duration, class: Option<OperationClass>) -> Self {
        Self { retry: Some((whole_seconds(retry_after), class)), ..Self::new(StatusCode::TOO_MANY_REQUESTS, Code::Throttled, message) }
    }

    /// There is no room for its body.
    pub fn no_room() -> Self {
        Self { retry: Some((room::RETRY_AFTER, None)), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Throttled, room::NO_ROOM) }
    }

    /// Whether whoever sent it is to blame: such refusals cost points.
    pub fn blames_the_sender(&self) -> bool {
        !matches!(self.code, Code::Internal | Code::Throttled)
    }

    /// The error, as GraphQL writes it.
    pub fn error(&self) -> serde_json::Value {
        let mut error = serde_json::json!({ "message": shortened(self.message.clone()), "extensions": { "code": self.code.as_str() } });
        if self.code == Code::Internal && !self.request_id.is_empty() {
            error["extensions"]["requestId"] = self.request_id.clone().into();
        }
        if let Some((line, column)) = self.at {
            error["locations"] = serde_json::json!([{ "line": line, "column": column }]);
        }
        if let Some((seconds, class)) = self.retry {
            error["extensions"]["retryAfterSeconds"] = seconds.into();
            if let Some(class) = class {
                error["extensions"]["operationClass"] = class.as_str().into();
            }
        }
        error
    }

    /// The answer.
    pub fn into_response(self, answer: Answer) -> Response {
        let mut response = respond(answer, self.status, serde_json::json!({ "errors": [self.error()] }).to_string().into());
        if let Some(allow) = self.allow {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if let Some((seconds, _)) = self.retry {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A message that does not repeat a whole request.
pub fn shortened(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    message
}

/// An answer with its media type.
pub fn respond(answer: Answer, status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, answer.media_type());
    response
}
