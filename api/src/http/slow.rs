//! How long requests may take, and those that take so long that somebody should hear of it.

use std::sync::Arc;
use std::time::Duration;

use entities::TenantId;
use platform::OpCtx;

/// How long a request may take, and each statement of it, before its client is told that it does.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// From when on a request is slow (seed 002).
const SLOW: Duration = Duration::from_secs(5);

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// A request may take so long to arrive, and as long again to be answered, before its client is told.
    pub patience: Duration,
    /// From when on a request is slow.
    pub slow: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { patience: PATIENCE, slow: SLOW }
    }
}

/// A request that took long.
#[derive(Clone, Debug)]
pub struct SlowRequest {
    /// The request's id.
    pub request_id: String,
    /// The name of its operation.
    pub operation: Option<String>,
    /// Who sent it, as in records.
    pub actor: String,
    /// The tenant that it was in.
    pub tenant: Option<TenantId>,
    /// How long its operation took.
    pub took: Duration,
}

impl SlowRequest {
    pub(super) fn of(ctx: &OpCtx, operation: Option<String>, took: Duration) -> Self {
        Self { request_id: ctx.origin().request_id.clone(), operation, actor: ctx.caller().key(), tenant: ctx.standing().tenant(), took }
    }
}

/// What is done about slow requests; it is called on the request's own task, and must not wait.
pub type OnSlow = Arc<dyn Fn(SlowRequest) + Send + Sync>;

/// Logs a warning.
pub fn warn(slow: &SlowRequest) {
    let ms = u64::try_from(slow.took.as_millis()).unwrap_or(u64::MAX);
    tracing::warn!(request = %slow.request_id, operation = slow.operation.as_deref(), actor = %slow.actor, ms, "a slow request");
}
