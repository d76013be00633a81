//! `/metrics`, for those who may read them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use platform::config::MetricsAccess;

use super::client::bearer;
use crate::app::App;

/// `/metrics`, in the text format of Prometheus.
pub async fn page(State(app): State<Arc<App>>, ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap) -> Response {
    if matches!(app.metrics_access, MetricsAccess::Everybody) && !from_here(peer, &headers) {
        return StatusCode::NOT_FOUND.into_response();
    }
    if app.metrics_access.allows(bearer(&headers).ok().flatten()) {
        if let Err(error) = app.metrics.look_at_what_waits(&app.db, &*app.clock, &app.feeds).await {
            tracing::warn!(%error, "what waits could not be measured");
        }
        let text = app.metrics.render(&app.db, app.tasks.len());
        return ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response();
    }
    match app.metrics_access {
        MetricsAccess::Token(_) => {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], "send the setting `metrics_token` as `Authorization: Bearer …`\n")
                .into_response()
        }
        MetricsAccess::Everybody | MetricsAccess::Nobody => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whether it comes from this machine, and not through a proxy on it.
fn from_here(peer: SocketAddr, headers: &HeaderMap) -> bool {
    let forwarded = |name: &str| name == "forwarded" || name.starts_with("x-forwarded-");
    peer.ip().to_canonical().is_loopback() && !headers.keys().any(|name| forwarded(name.as_str()))
}
