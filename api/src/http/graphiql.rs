//! GraphiQL, with its assets from a CDN: pinned, and checked by the browser against their digests.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Serialize;

use crate::app::App;

/// A query to begin with.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// What it shows.
    pub title: &'static str,
    /// The query.
    pub query: String,
    /// The caller's bearer, as a header in JSON.
    pub headers: String,
}

const PAGE: &str = include_str!("graphiql.html");

/// `/graphiql`.
pub async fn page(State(app): State<Arc<App>>) -> Response {
    let examples = app.graphiql.clone().unwrap_or_default();
    // A script element ends at `</`, wherever that stands.
    let json = serde_json::to_string(&examples).unwrap_or_else(|_| "[]".to_owned()).replace('<', "\\u003c");
    let mut response = Html(PAGE.replace("\"EXAMPLES\"", &json)).into_response();
    let policy = "default-src 'none'; script-src 'self' 'unsafe-inline' https://unpkg.com; style-src 'self' 'unsafe-inline' https://unpkg.com; \
                  font-src https://unpkg.com data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// `/`.
pub async fn redirect() -> Redirect {
    Redirect::temporary("/graphiql")
}
