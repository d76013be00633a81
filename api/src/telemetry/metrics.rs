//! Metrics, as Prometheus reads them. Anybody may add one with the macros of the crate `metrics`; its name begins with `noren_`.
//!
//! | name | labels | is |
//! | --- | --- | --- |
//! | `noren_requests_total` | `operation`, `outcome` | GraphQL requests, counted |
//! | `noren_request_seconds` | `operation` | how long operations took to run |
//! | `noren_requests_running` | | operations that are running now |
//! | `noren_operation_cost_points` | `cost`: `requested`, `actual` | what operations asked for and returned |
//! | `noren_throttled_total` | `by`: `cost`, `operations`, `refusals` | requests that were told to come back later |
//! | `noren_database_connections` | `pool`: `serving`, `lookups`, `background`, `listener`, on SQLite `writer`, `readers`, `lookups`; `state`: `idle`, `used` | connections that are open |
//! | `noren_database_connections_max` | `pool`, as above | connections that may be open |
//! | `noren_database_statements_total` | | statements that were run |
//! | `noren_events_relayed_total` | | events that were given their places in the feeds |
//! | `noren_outbox_waiting`, `noren_outbox_lag_seconds` | | events without a place, and how long the oldest has waited |
//! | `noren_jobs_total` | `kind`, `outcome`: `done`, `retry`, `postponed`, `failed`, `lost` | attempts of jobs |
//! | `noren_jobs_failed_total` | `kind` | jobs that failed for good |
//! | `noren_job_seconds` | `kind` | how long attempts took |
//! | `noren_jobs_due`, `noren_jobs_lag_seconds` | | jobs that are due and wait, and for how long the oldest has |
//! | `noren_feed_subscribers` | | who hears how far the feeds have come |
//! | `noren_sockets`, `noren_subscriptions` | | sockets that are open, and what is followed on them |
//! | `noren_sockets_closed_total` | `code` | sockets that were closed from here |
//! | `noren_sockets_refused_total` | | sockets for which there was no place, or none more for their address |
//! | `noren_live_executions_total`, `noren_live_deliveries_total` | | events that were executed for those who share a subscription, and handed to one of them |
//! | `noren_live_cut_off_total` | | subscribers who read too slowly |
//! | `noren_webhook_deliveries_total`, `noren_webhook_delivery_seconds` | `provider`, `outcome` | deliveries of providers as they were answered |
//! | `noren_installs_total` | `door`, `outcome` | browsers and apps that came to let an app in, as they were answered |
//! | `noren_webhook_events_total` | `provider`, `status` | deliveries of providers as they were settled |
//! | `noren_webhook_attempts_total`, `noren_webhook_attempt_seconds` | `outcome` | deliveries to endpoints |
//! | `noren_webhook_endpoints_disabled_total` | | endpoints that were disabled by themselves |
//! | `noren_notifications_total` | `kind`, `outcome` | messages to people: sent, retry, failed, unknown, digested |
//! | `noren_connections_refused_total` | | connections of addresses that had too many |
//! | `process_*` | | processor time, memory, file descriptors, threads of the process |

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use platform::outbox::{self, Feeds};
use platform::{Clock, Database, DbErr, jobs};

/// Operation names that get metrics of their own; clients make them up, and memory is finite.
const NAMES: usize = 200;
/// Names of ours: what never became an operation, operations without a name, and those that are too many.
const OURS: [&str; 3] = ["none", "unnamed", "other"];
/// Characters of such a name.
const NAME: usize = 64;
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0];
const POINTS: [f64; 8] = [1.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 10_000.0, 50_000.0];

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With data alone.
    Ok,
    /// With errors in some field.
    Errors,
    /// It was not run.
    Refused,
    /// It was not run, for there was too much at once.
    Throttled,
    /// Something of ours broke, or took too long.
    Failed,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Ok, Self::Errors, Self::Refused, Self::Throttled, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Errors => "errors",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
        }
    }
}

/// The metrics of one operation name.
struct Operation {
    seconds: Histogram,
    outcomes: [Counter; Outcome::ALL.len()],
}

impl Operation {
    fn named(name: &str) -> Self {
        let outcome = |outcome: Outcome| counter!("noren_requests_total", "operation" => name.to_owned(), "outcome" => outcome.as_str());
        Self { seconds: histogram!("noren_request_seconds", "operation" => name.to_owned()), outcomes: Outcome::ALL.map(outcome) }
    }
}

/// The metrics of this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    process: Arc<metrics_process::Collector>,
    operations: Arc<RwLock<HashMap<String, Arc<Operation>>>>,
    requested: Histogram,
    actual: Histogram,
}

impl Metrics {
    /// The metrics of this process, which has one set of them however many programs are wired in it.
    pub fn of_process() -> Self {
        static METRICS: OnceLock<Metrics> = OnceLock::new();
        METRICS.get_or_init(Self::install).clone()
    }

    fn install() -> Self {
        let points = Matcher::Suffix("_points".to_owned());
        let builder = PrometheusBuilder::new();
        // Only an empty list of buckets is refused.
        let builder = builder.set_buckets(&SECONDS).unwrap_or_default();
        let builder = builder.set_buckets_for_metric(points, &POINTS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics was installed before; `/metrics` stays empty");
        }
        describe();
        let process = metrics_process::Collector::default();
        process.describe();
        let (requested, actual) =
            (histogram!("noren_operation_cost_points", "cost" => "requested"), histogram!("noren_operation_cost_points", "cost" => "actual"));
        let ours = OURS.map(|name| (name.to_owned(), Arc::new(Operation::named(name))));
        Self { handle, process: Arc::new(process), operations: Arc::new(RwLock::new(ours.into())), requested, actual }
    }

    /// An operation ran. Only those of callers who are known make new names known.
    pub fn ran(&self, name: Option<&str>, known_caller: bool, outcome: Outcome, took: Duration) {
        let operation = self.operation(name.unwrap_or("unnamed"), known_caller);
        operation.outcomes[outcome as usize].increment(1);
        operation.seconds.record(took.as_secs_f64());
    }

    /// A request was not run.
    pub fn not_run(&self, outcome: Outcome) {
        self.operation("none", false).outcomes[outcome as usize].increment(1);
    }

    /// What an operation asked for and what it returned.
    pub fn cost(&self, requested: u64, actual: u64) {
        self.requested.record(requested as f64);
        self.actual.record(actual as f64);
    }

    fn operation(&self, name: &str, may_be_new: bool) -> Arc<Operation> {
        let known = self.operations.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = known.get(name) {
            return operation.clone();
        }
        let name = if may_be_new && name.len() <= NAME && known.len() < NAMES + OURS.len() { name } else { "other" };
        drop(known);
        let mut known = self.operations.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(name.to_owned()).or_insert_with(|| Arc::new(Operation::named(name))).clone()
    }

    /// Measures what waits: events for their places, jobs for somebody to do them.
    pub async fn look_at_what_waits(&self, db: &Database, clock: &dyn Clock, feeds: &Feeds) -> Result<(), DbErr> {
        let (events, jobs) = (outbox::lag(db).await?, jobs::lag(db, clock).await?);
        gauge!("noren_outbox_waiting").set(events.waiting as f64);
        gauge!("noren_outbox_lag_seconds").set(events.seconds(clock));
        gauge!("noren_jobs_due").set(jobs.due as f64);
        gauge!("noren_jobs_lag_seconds").set(jobs.seconds);
        gauge!("noren_feed_subscribers").set(feeds.subscribers() as f64);
        Ok(())
    }

    /// Everything, as Prometheus reads it.
    pub fn render(&self, db: &Database, running: usize) -> String {
        for pool in db.pools() {
            gauge!("noren_database_connections", "pool" => pool.name, "state" => "idle").set(f64::from(pool.idle));
            gauge!("noren_database_connections", "pool" => pool.name, "state" => "used").set(f64::from(pool.open - pool.idle));
            gauge!("noren_database_connections_max", "pool" => pool.name).set(f64::from(pool.most));
        }
        counter!("noren_database_statements_total").absolute(db.statements());
        gauge!("noren_requests_running").set(running as f64);
        self.process.collect();
        self.handle.render()
    }

    /// Sums up what was measured, again and again: between two readings it would pile up.
    pub async fn keep_up(&self) {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            self.handle.run_upkeep();
        }
    }
}

fn describe() {
    describe_counter!("noren_requests_total", "GraphQL requests, by operation name and outcome");
    describe_histogram!("noren_request_seconds", Unit::Seconds, "How long operations took to run");
    describe_gauge!("noren_requests_running", "Operations that are running now");
    describe_histogram!("noren_operation_cost_points", "Points that operations asked for, and that they cost in the end");
    describe_counter!("noren_throttled_total", "Requests that were told to come back later");
    describe_gauge!("noren_database_connections", "Open connections to the database, by pool and state");
    describe_gauge!("noren_database_connections_max", "Connections to the database that a pool may open");
    describe_counter!("noren_database_statements_total", "Statements that were run");
    describe_counter!("noren_events_relayed_total", "Events that were given their places in the feeds");
    describe_gauge!("noren_outbox_waiting", "Events that wait for their places");
    describe_gauge!("noren_outbox_lag_seconds", Unit::Seconds, "How long the oldest event has waited for its place");
    describe_counter!("noren_jobs_total", "Attempts of jobs, by kind and outcome");
    describe_counter!("noren_jobs_failed_total", "Jobs that failed for good");
    describe_histogram!("noren_job_seconds", Unit::Seconds, "How long attempts of jobs took");
    describe_gauge!("noren_jobs_due", "Jobs that are due and wait");
    describe_gauge!("noren_jobs_lag_seconds", Unit::Seconds, "How long the oldest job has been due");
    describe_counter!("noren_installs_total", "Browsers and apps that came to let an app in, by door and outcome");
    describe_gauge!("noren_sockets", "Sockets that are open");
    describe_gauge!("noren_subscriptions", "What is followed on sockets");
    describe_counter!("noren_sockets_closed_total", "Sockets that were closed from here, by code");
    describe_counter!("noren_sockets_refused_total", "Sockets for which there was no place");
    describe_counter!("noren_live_executions_total", "Events that were executed for those who share a subscription");
    describe_counter!("noren_live_deliveries_total", "Events that were handed to a subscriber");
    describe_counter!("noren_live_cut_off_total", "Subscribers who read too slowly");
    describe_gauge!("noren_feed_subscribers", "Who hears how far the feeds have come");
}
