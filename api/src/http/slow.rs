//! How long requests may take, and those that take so long that somebody should hear of it.

use std::sync::Arc;
use std::time::Duration;

use entities::{EventType, TenantId};
use platform::db::Access;
use platform::outbox::emit;
use platform::record::Happened;
use platform::{Clock, Database, DbErr, OpCtx, Trace};
use serde_json::json;
use tokio_util::task::TaskTracker;

use super::SocketTimes;

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
    /// On sockets.
    pub sockets: SocketTimes,
}

impl Default for Times {
    fn default() -> Self {
        Self { patience: PATIENCE, slow: SLOW, sockets: SocketTimes::default() }
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

/// Logs a warning and announces `request.slow`, in a task of its own.
pub fn announce_slow(db: Database, clock: Arc<dyn Clock>, tasks: TaskTracker) -> OnSlow {
    Arc::new(move |slow| {
        warn(&slow);
        let (db, clock) = (db.clone(), clock.clone());
        tasks.spawn(async move {
            if let Err(error) = announce(&db, clock, slow).await {
                tracing::warn!(%error, "a slow request could not be announced");
            }
        });
    })
}

async fn announce(db: &Database, clock: Arc<dyn Clock>, slow: SlowRequest) -> Result<(), DbErr> {
    let tx = db.write(slow.tenant.map_or(Access::Platform, Access::Tenant)).await?;
    let data = json!({ "requestId": slow.request_id, "operationName": slow.operation, "milliseconds": milliseconds(slow.took) });
    let event = Happened { kind: EventType::RequestSlow, tenant: slow.tenant, store: None, subject: Some(slow.request_id.clone()), data };
    emit(&tx, &Trace::system(slow.actor, clock).of_request(slow.request_id), event).await?;
    tx.commit().await
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn warn(slow: &SlowRequest) {
    let ms = milliseconds(slow.took);
    tracing::warn!(request = %slow.request_id, operation = slow.operation.as_deref(), actor = %slow.actor, ms, "a slow request");
}
