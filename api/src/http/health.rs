//! Whether the process lives, whether it can serve, and how each part of it is.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use futures::future::join_all;
use platform::health::HealthCheck;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::app::App;

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer holds: whoever asks more often costs nothing.
const FRESH: Duration = Duration::from_millis(500);

/// How every part is.
#[derive(Clone)]
struct Report {
    serves: bool,
    checks: Map<String, Value>,
    at: Instant,
}

/// Asks every part how it is.
pub struct Health {
    checks: RwLock<Vec<Arc<dyn HealthCheck>>>,
    last: Mutex<Option<Report>>,
}

impl Health {
    /// Health of these parts.
    pub fn new(checks: Vec<Arc<dyn HealthCheck>>) -> Self {
        Self { checks: RwLock::new(checks), last: Mutex::default() }
    }

    /// Asks one more part from now on.
    pub fn add(&self, check: Arc<dyn HealthCheck>) {
        self.checks.write().unwrap_or_else(PoisonError::into_inner).push(check);
    }

    /// The parts that are asked.
    pub fn checks(&self) -> Vec<Arc<dyn HealthCheck>> {
        self.checks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn report(&self) -> Report {
        let mut last = self.last.lock().await;
        if let Some(report) = last.as_ref().filter(|report| report.at.elapsed() < FRESH) {
            return report.clone();
        }
        let parts = self.checks();
        let outcomes = join_all(parts.iter().map(|check| ask(check.as_ref()))).await;
        let serves = outcomes.iter().zip(&parts).all(|((well, _), check)| *well || !check.critical());
        let checks = outcomes.into_iter().zip(&parts).map(|((_, told), check)| (check.name().to_owned(), told)).collect();
        let report = Report { serves, checks, at: Instant::now() };
        *last = Some(report.clone());
        report
    }
}

/// Whether a part is well, and what it tells.
async fn ask(check: &dyn HealthCheck) -> (bool, Value) {
    let begun = Instant::now();
    let outcome = tokio::time::timeout(PATIENCE, check.check()).await;
    let ms = (begun.elapsed().as_secs_f64() * 1_000_000.0).round() / 1_000.0;
    match outcome {
        Ok(Ok(Value::Null)) => (true, json!({ "status": "ok", "ms": ms })),
        Ok(Ok(told)) => (true, json!({ "status": "ok", "ms": ms, "detail": told })),
        Ok(Err(why)) => (false, json!({ "status": "failing", "ms": ms, "message": why })),
        Err(_) => (false, json!({ "status": "failing", "ms": ms, "message": format!("takes longer than {} s to answer", PATIENCE.as_secs()) })),
    }
}

/// `/healthz`: the process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz` and `/api/health`: every part with its time; 503 when one fails without which nothing can be served, and while the program
/// is shutting down.
pub async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let report = app.health.report().await;
    let draining = app.tasks.is_closed();
    let well = report.checks.values().all(|check| check["status"] == "ok");
    let status = match (draining, report.serves, well) {
        (true, ..) => "draining",
        (false, false, _) => "failing",
        (false, true, false) => "degraded",
        (false, true, true) => "ok",
    };
    let code = if report.serves && !draining { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(json!({ "status": status, "draining": draining, "checks": report.checks })))
}
