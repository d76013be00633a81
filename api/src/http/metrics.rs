//! `/metrics`, for those who may read them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use platform::config::MetricsAccess;

use super::client::bearer;
use crate::app::App;

/// `/metrics`, in the text format of Prometheus.
pub async fn page(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if app.metrics_access.allows(bearer(&headers).ok().flatten()) {
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
