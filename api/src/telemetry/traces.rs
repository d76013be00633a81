//! Traces by OTLP over HTTP: a span for each request, under the caller's own trace when it names one (W3C `traceparent`).

use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

/// How long the collector is waited for, for one delivery and at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// There is no client to send them with.
    #[error("traces cannot be sent: {0}")]
    Client(#[from] integrations::otlp::ClientError),
    /// The address is wrong.
    #[error("setting `otlp_endpoint` cannot be used: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// Where traces go.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Sends traces to the collector at `endpoint`, from within the runtime that this is called in.
    pub fn to(endpoint: &Url) -> Result<Self, TraceError> {
        let url = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(integrations::otlp::Client::new(PATIENCE)?)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(PATIENCE)
            .with_endpoint(url)
            .build()?;
        let resource = Resource::builder().with_service_name("noren").build();
        Ok(Self { provider: SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build() })
    }

    /// Turns this program's spans into traces; what libraries log about sending them is left out.
    pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync>(&self) -> impl Layer<S> + Send + Sync + use<S> {
        let ours = ["api", "commerce", "ops", "people", "platform"].map(|name| (name, Level::INFO));
        tracing_opentelemetry::layer().with_tracer(self.provider.tracer("noren")).with_filter(Targets::new().with_targets(ours))
    }

    /// Sends what is left.
    pub async fn finish(self) {
        let provider = self.provider;
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(PATIENCE)).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Puts a request's span under the trace that its headers name.
pub fn continue_trace(span: &tracing::Span, headers: &axum::http::HeaderMap) {
    let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    if parent.span().span_context().is_valid() {
        // Where no traces are sent there is nothing to put it under.
        let _ = span.set_parent(parent);
    }
}
