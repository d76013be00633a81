//! Logs on standard error. They tell who asked for what and how it ended; never a secret, a variable or a bound value.

use platform::config::{LogFormat, Settings};
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use super::traces::Traces;

/// What is set cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("setting `log_filter` is `{filter}`; accepted: a level such as info, or target=level pairs ({reason})")]
pub struct LogError {
    filter: String,
    reason: String,
}

/// Logs to standard error, and sends spans where `traces` go.
pub fn start_logging(settings: &Settings, traces: Option<&Traces>) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&settings.log_filter).map_err(|error| LogError { filter: settings.log_filter.clone(), reason: error.to_string() })?;
    let set = match traces {
        // A filter for everything costs less than one for each layer.
        None => tracing::subscriber::set_global_default(tracing_subscriber::registry().with(filter).with(lines(settings.log_format))),
        Some(traces) => {
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines(settings.log_format).with_filter(filter)).with(traces.layer()))
        }
    };
    // A second command in one process keeps the first one's logs.
    drop(set);
    Ok(())
}

fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync> {
    let lines = tracing_subscriber::fmt::layer().with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    }
}
