//! Monitoring: each process looks at itself, its machine and the machinery, and raises what is not well as alerts above all tenants.
//! They resolve themselves when it is well again. It is no job: it has to notice that jobs are not done.

mod host;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entities::AlertSeverity;
use platform::db::{Access, Database};
use platform::health::HealthCheck;
use platform::{Clock, DbErr, Trace, Tx};
use serde_json::json;

use crate::alerts::{HEALTH, HOST, OwnAlert, clear, raise, settle};

pub use host::{Machine, Measure, Readings};

/// How often it is looked (seed 002).
const EVERY: Duration = Duration::from_secs(30);

/// How long a check and a measurement may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is measured of a machine: from where on it is too much, in percent, and how bad that is (seed 000).
struct Limit {
    alert: OwnAlert,
    above: f64,
    severity: AlertSeverity,
    what: &'static str,
    measured: fn(&Readings) -> Option<f64>,
}

/// It is over when it is so much below the limit, lest it come and go.
const MARGIN: f64 = 5.0;

const LIMITS: [Limit; 3] = [
    Limit {
        alert: OwnAlert { source: HOST, kind: "HighCpuUsage" },
        above: 80.0,
        severity: AlertSeverity::Medium,
        what: "of its processors' time",
        measured: |readings| readings.cpu,
    },
    Limit {
        alert: OwnAlert { source: HOST, kind: "HighMemoryUsage" },
        above: 85.0,
        severity: AlertSeverity::Medium,
        what: "of its memory",
        measured: |readings| readings.memory,
    },
    Limit {
        alert: OwnAlert { source: HOST, kind: "HighDiskUsage" },
        above: 90.0,
        severity: AlertSeverity::High,
        what: "of its fullest disk",
        measured: |readings| readings.disk,
    },
];

/// Looks at the program, its machine and the machinery.
pub struct Monitor {
    db: Database,
    clock: Arc<dyn Clock>,
    checks: Vec<Arc<dyn HealthCheck>>,
    machine: Arc<Mutex<Box<dyn Measure>>>,
}

impl Monitor {
    /// Asks these checks, and measures this machine.
    pub fn new(db: Database, clock: Arc<dyn Clock>, checks: Vec<Arc<dyn HealthCheck>>, machine: Box<dyn Measure>) -> Self {
        Self { db, clock, checks, machine: Arc::new(Mutex::new(machine)) }
    }

    /// Looks for as long as the program runs.
    pub async fn run(&self) {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = self.look().await {
                // Where the database is what is not well, nothing can be raised.
                tracing::error!(%error, "what is not well could not be raised as an alert");
            }
        }
    }

    /// Looks once.
    pub async fn look(&self) -> Result<(), DbErr> {
        let mut found = Vec::new();
        for check in &self.checks {
            let outcome = tokio::time::timeout(PATIENCE, check.check()).await;
            found.push((check, outcome.unwrap_or_else(|_| Err("it does not answer in time".to_owned())).err()));
        }
        let machine = self.machine.clone();
        // A disk that hangs must hold nobody up.
        let measuring = tokio::task::spawn_blocking(move || {
            let mut machine = machine.lock().unwrap_or_else(PoisonError::into_inner);
            (machine.host(), machine.measure())
        });
        let measured = tokio::time::timeout(PATIENCE, measuring).await.ok().and_then(Result::ok);
        let trace = Trace::system("monitoring", self.clock.clone());
        let tx = self.db.write(Access::Worker).await?;
        for (check, trouble) in found {
            health(&tx, &trace, &**check, trouble).await?;
        }
        if let Some((host, readings)) = measured {
            for limit in &LIMITS {
                limit.hold(&tx, &trace, &host, &readings).await?;
            }
        }
        tx.commit().await?;
        settle(&self.db, &trace).await
    }
}

/// Raises what a health check says, or clears it.
async fn health(tx: &Tx, trace: &Trace, check: &dyn HealthCheck, trouble: Option<String>) -> Result<(), DbErr> {
    let kind = match check.name() {
        "relay" => "RelayLagging",
        "jobs" => "JobsLagging",
        _ => "HealthCheckFailed",
    };
    let (alert, name) = (OwnAlert { source: HEALTH, kind }, check.name());
    match trouble {
        Some(why) => {
            tracing::warn!(check = name, why, "not well");
            let severity = if check.critical() { AlertSeverity::Critical } else { AlertSeverity::High };
            let message = format!("The health check `{name}` fails: {why}.");
            raise(tx, trace, alert.about(name, None, severity, message, json!({ "check": name, "reason": why }))).await?;
        }
        None => {
            clear(tx, trace, None, &alert.fingerprint(name), "it is well again").await?;
        }
    }
    Ok(())
}

impl Limit {
    /// Raises what is above the limit, or clears it when it is well below.
    async fn hold(&self, tx: &Tx, trace: &Trace, host: &str, readings: &Readings) -> Result<(), DbErr> {
        let Some(percent) = (self.measured)(readings) else { return Ok(()) };
        if percent > self.above {
            let message = format!("The machine {host} uses {percent:.0} % {}; more than {:.0} % is too much.", self.what, self.above);
            let data = json!({ "host": host, "percent": (percent * 10.0).round() / 10.0, "limit": self.above });
            raise(tx, trace, self.alert.about(host, None, self.severity, message, data)).await?;
        } else if percent <= self.above - MARGIN {
            clear(tx, trace, None, &self.alert.fingerprint(host), "it uses less again").await?;
        }
        Ok(())
    }
}
