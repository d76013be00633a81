//! Whether the process lives, and whether it can serve.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use platform::db::{MigrationState, migration_state};

use crate::app::App;

/// `/healthz`: the process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: the database answers, in the shape that this program expects, and the program is not shutting down.
pub async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<serde_json::Value>) {
    let database = match tokio::time::timeout(std::time::Duration::from_secs(5), migration_state(&app.db)).await {
        Ok(Ok(MigrationState::Current)) => "ok",
        Ok(Ok(MigrationState::Behind(_))) => "not migrated: run `noren migrate`",
        Ok(Ok(MigrationState::Ahead(_))) => "newer than this program",
        Ok(Err(_)) => "does not answer",
        Err(_) => "takes longer than 5 s to answer",
    };
    let draining = app.tasks.is_closed();
    let status = if database == "ok" && !draining { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(serde_json::json!({ "database": database, "draining": draining })))
}
