//! `noren serve`: from nothing to a served API, and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use platform::config::Settings;
use platform::{Clock, SystemClock};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use super::Failure;
use super::open::open;
use crate::app::App;
use crate::background::Background;
use crate::demo;
use crate::http;
use crate::telemetry::{Traces, start_logging};

/// How to serve.
#[derive(Args, Default)]
pub struct ServeArgs {
    /// Where to listen, such as 127.0.0.1:8000.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Migrate the database first (SQLite always is).
    #[arg(long)]
    migrate: bool,
    /// Serve a throw-away database with two tenants and a year of orders.
    #[arg(long)]
    demo: bool,
}

impl ServeArgs {
    /// The settings that the flags stand for.
    pub fn flags(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.listen.clone().map(|listen| ("listen", listen)).into_iter()
    }
}

/// Serves until it is told to stop.
pub async fn serve(settings: Settings, args: &ServeArgs) -> Result<(), Failure> {
    let traces = settings.otlp_endpoint.as_ref().map(Traces::to).transpose()?;
    start_logging(&settings, traces.as_ref())?;
    let served = start(settings, args).await;
    if let Some(traces) = traces {
        traces.finish().await;
    }
    served
}

async fn start(mut settings: Settings, args: &ServeArgs) -> Result<(), Failure> {
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| Failure::Message(format!("cannot listen on {}: {error}; pass another address with --listen", settings.listen)))?;
    let address = listener.local_addr()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // The folder lives as long as the server.
    let demo_folder = if args.demo { Some(demo::throw_away(&mut settings)?) } else { None };
    settings.database.statement_timeout = Some(http::PATIENCE);
    let opened = open(&settings, args.migrate || args.demo).await?;
    let mut examples = Vec::new();
    if demo_folder.is_some() {
        let demo = demo::prepare(&opened, &clock).await?;
        demo.announce(address);
        examples = demo.examples();
    } else if let Some(token) = people::bootstrap::ensure_platform_admin(&opened.db, &clock).await? {
        announce_first_token(token.expose_secret(), settings.serves_graphiql(false), address);
    }
    let graphiql = settings.serves_graphiql(args.demo).then_some(examples);
    let app = Arc::new(App::new(&settings, &opened.master, opened.db, clock, graphiql)?);
    let background = Background::start(&app, &settings).await?;
    run(listener, address, app, background, Duration::from_secs(settings.shutdown_grace)).await
}

fn announce_first_token(token: &str, graphiql: bool, address: SocketAddr) {
    println!("A platform administrator was created. Its token, shown this once:\n\n    {token}\n");
    println!("Send it as `Authorization: Bearer …`. It is good for 30 days; `noren token create` makes others.");
    if graphiql {
        println!("GraphiQL: http://{address}/graphiql");
    }
}

async fn run(listener: TcpListener, address: SocketAddr, app: Arc<App>, background: Background, grace: Duration) -> Result<(), Failure> {
    tracing::info!(%address, graphiql = app.graphiql.is_some(), "listening");
    let flusher = tokio::spawn({
        let callers = app.callers.clone();
        async move { callers.keep_flushing().await }
    });
    let summing = tokio::spawn({
        let metrics = app.metrics.clone();
        async move { metrics.keep_up().await }
    });
    let told = Arc::new(std::sync::OnceLock::new());
    let stop = {
        let told = told.clone();
        async move {
            signalled().await;
            let _ = told.set(std::time::Instant::now());
        }
    };
    http::serve(listener, app.clone(), stop, grace).await;
    let used = told.get().map(std::time::Instant::elapsed).unwrap_or_default();
    background.stop(grace.saturating_sub(used)).await;
    summing.abort();
    flusher.abort();
    app.callers.flush().await?;
    app.db.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Waits for SIGTERM or Ctrl-C.
async fn signalled() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} },
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
