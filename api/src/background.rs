//! What goes on beside requests: the relay, the sealer, jobs and schedules, monitoring.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Asia::Tokyo;
use commerce::activity::{Calls, Resizing};
use commerce::deliveries::ShopDeliveries;
use commerce::privacy::{self, PrivacyWorker};
use commerce::{activity, health, installs};
use ops::alerts::Watch;
use ops::monitoring::{Machine, Monitor};
use ops::notifications::{self, Escalator, Router};
use ops::webhooks::{self, Announcer, Deliverer};
use people::tenants::TenantKeys;
use platform::audit::Sealer;
use platform::config::Settings;
use platform::db::{ConnectError, DatabaseSettings};
use platform::inbox::{EMPTY, Emptying, Processing, Stranded};
use platform::jobs::{Jobs, Schedule, Worker};
use platform::outbox::{Listener, Relay};
use platform::usage::Usage;
use tokio::task::AbortHandle;

use crate::app::App;

/// Connections for background work on PostgreSQL.
const CONNECTIONS: u32 = 8;
/// How long a statement of it may take there.
const STATEMENT: Duration = Duration::from_secs(300);

/// How long relay and sealer have at the end, whatever jobs have used up.
const LAST_CALL: Duration = Duration::from_secs(2);

/// What runs beside requests in this process.
pub struct Background {
    jobs: Jobs,
    relay: Arc<Relay>,
    sealer: Arc<Sealer>,
    usage: Usage,
    calls: Calls,
    loops: Vec<AbortHandle>,
}

impl Background {
    /// Starts it all.
    pub async fn start(app: &App, settings: &Settings) -> Result<Self, ConnectError> {
        let database = DatabaseSettings { max_connections: CONNECTIONS, statement_timeout: Some(STATEMENT), plans_anew: true, ..settings.database.clone() };
        let db = app.db.background(&database).await?;
        let relay = Arc::new(Relay::new(db.clone(), app.feeds.clone(), listeners(app)));
        let sealer = Arc::new(Sealer::new(db.clone(), &app.master));
        let relaying = tokio::spawn({
            let relay = relay.clone();
            async move { relay.run().await }
        });
        let sealing = tokio::spawn({
            let sealer = sealer.clone();
            async move { sealer.run().await }
        });
        let hearing = tokio::spawn({
            let (feeds, db) = (app.feeds.clone(), db.clone());
            async move { feeds.hear_replicas(&db).await }
        });
        let counting = tokio::spawn({
            let usage = app.usage.clone();
            async move { usage.keep_flushing().await }
        });
        let counting_calls = tokio::spawn({
            let calls = app.calls.clone();
            async move { calls.keep_flushing().await }
        });
        let monitoring = tokio::spawn({
            let monitor = Monitor::new(db.clone(), app.clock.clone(), app.health.checks(), Box::new(Machine::new(watched_disks(&database))));
            async move { monitor.run().await }
        });
        let jobs = Jobs::start(db, app.clock.clone(), workers(app), schedules());
        let loops = [relaying, sealing, hearing, counting, counting_calls, monitoring].map(|task| task.abort_handle()).into();
        Ok(Self { jobs, relay, sealer, usage: app.usage.clone(), calls: app.calls.clone(), loops })
    }

    /// Lets jobs that run finish, hands on and seals what is committed, and ends in time: what is left is the next process's.
    pub async fn stop(&self, grace: Duration) {
        let until = tokio::time::Instant::now() + grace;
        self.jobs.stop(grace).await;
        self.loops.iter().for_each(AbortHandle::abort);
        // Only what was counted is in memory alone.
        if let Err(error) = self.usage.flush().await {
            tracing::warn!(%error, "what was used in the last seconds is not counted");
        }
        if let Err(error) = self.calls.flush().await {
            tracing::warn!(%error, "what was asked of shops in the last seconds is not counted");
        }
        let until = until.max(tokio::time::Instant::now() + LAST_CALL);
        let rest = async {
            if let Err(error) = self.relay.relay().await {
                tracing::warn!(%error, "events are left for the next process");
            }
            if let Err(error) = self.sealer.seal_all().await {
                tracing::warn!(%error, "audit entries are left for the next process to seal");
            }
        };
        if tokio::time::timeout_at(until, rest).await.is_err() {
            tracing::warn!("events and audit entries are left for the next process");
        }
    }
}

/// The disks that must not fill up: where the program was started, and where its database is when that is a file.
fn watched_disks(database: &DatabaseSettings) -> Vec<PathBuf> {
    let started = std::env::current_dir().ok();
    let database = database.sqlite_file().and_then(|file| file.parent().map(Path::to_path_buf));
    started.into_iter().chain(database).collect()
}

/// Who is handed events as they get their places: a new one has its line here.
fn listeners(app: &App) -> Vec<Arc<dyn Listener>> {
    vec![
        Arc::new(Announcer::new(app.clock.clone())),
        Arc::new(Stranded::new(app.clock.clone())),
        Arc::new(Watch::new(app.clock.clone())),
        Arc::new(Router::new(app.clock.clone())),
        Arc::new(Resizing::new(app.clock.clone())),
    ]
}

/// Which domain works on what providers delivered: a new port has its line here.
fn deliveries() -> Processing {
    Processing::new(vec![Arc::new(ShopDeliveries)])
}

/// Who does which kind of work: a new kind has its line here.
fn workers(app: &App) -> Vec<Arc<dyn Worker>> {
    let deliverer = Deliverer::new(TenantKeys::new(app.master.clone()), app.outgoing.clone());
    let notifier = notifications::Deliverer::new(&app.master, app.messengers.clone(), app.public_url.clone());
    let own: [Arc<dyn Worker>; 9] = [
        Arc::new(deliveries()),
        Arc::new(Emptying),
        Arc::new(deliverer),
        Arc::new(webhooks::Stranded),
        Arc::new(notifier),
        Arc::new(Escalator),
        Arc::new(ops::upkeep::Cleaner),
        Arc::new(PrivacyWorker::new(TenantKeys::new(app.master.clone()), app.shops.clone())),
        Arc::new(privacy::Watching),
    ];
    let of_stores = installs::workers(app.shops.clone(), app.public_url.clone()).into_iter().chain(health::workers(app.shops.clone()));
    let of_stores = of_stores.chain(activity::workers(app.shops.clone()));
    let syncs = commerce::sync::workers(app.shops.clone(), app.sync_limits);
    let fetching = commerce::deliveries::workers(app.shops.clone());
    own.into_iter().chain(of_stores).chain(syncs).chain(fetching).chain(ops::usage::workers()).collect()
}

/// What is due by the clock: a new schedule has its line here.
fn schedules() -> Vec<Schedule> {
    let emptying = Schedule::new("webhook_event.empty", "30 3 * * *", Tokyo, EMPTY);
    let of_stores = installs::schedules().into_iter().chain(health::schedules()).chain(commerce::sync::schedules());
    let of_stores = of_stores.chain(privacy::schedules()).chain(activity::schedules());
    emptying.into_iter().chain(of_stores).chain(ops::usage::schedules()).chain(ops::upkeep::schedules()).collect()
}
