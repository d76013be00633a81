//! What the program tells about itself: logs, metrics for Prometheus, traces by OTLP.

mod logs;
mod metrics;
mod traces;

pub use logs::{LogError, start_logging};
pub use metrics::{Metrics, Outcome};
pub use traces::{TraceError, Traces, continue_trace};
