//! Sends deliveries. What is to be sent is read in one transaction, what came of it is written in another together with the
//! job's end; none waits for the network.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::webhook_deliveries::Column;
use entities::{EventType, WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpointStatus};
use integrations::outgoing::{FailureKind, Outcome, Outgoing, UrlProblem, standard_webhooks};
use people::api_tokens;
use people::tenants::TenantKeys;
use platform::callers::actions::ManageWebhooks;
use platform::jobs::{Backoff, JobError, JobKind, Queue, Running, Worker};
use platform::{Change, DbErr, OpCtx, Permit, Tx};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ConnectionTrait, Statement};
use secrecy::SecretString;
use serde_json::json;

use super::error::WebhookError;
use super::failing::Failing;
use super::message::Errand;
use super::row::{WebhookDeliveryRow, WebhookEndpointRow};
use super::service::{DISABLED, give_up_waiting, signing_secrets};
use super::store;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The waits between attempts: about a day in all.
const WAITS: [Duration; 10] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * MINUTE),
    Duration::from_secs(10 * MINUTE),
    Duration::from_secs(30 * MINUTE),
    Duration::from_secs(HOUR),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(4 * HOUR),
    Duration::from_secs(8 * HOUR),
    Duration::from_secs(8 * HOUR),
];

/// An endpoint that has taken nothing for so long when a delivery is given up is disabled. The waits are longer together, so
/// that the first delivery that nobody took decides.
const FAILING_FOR: TimeDelta = TimeDelta::hours(23);

/// An endpoint that has taken nothing for so long is disabled with the next attempt that fails, whichever it is: one that hangs
/// may never come to the last attempt of anything.
const HOPELESS: TimeDelta = TimeDelta::hours(27);
/// Why an endpoint is disabled that says so itself.
const GONE: &str = "it answered 410 Gone";
/// Why an endpoint is disabled that an integration made which is no more.
const ABANDONED: &str = "the API token that made it was revoked or has expired";
/// However long an endpoint asks to be left alone, it is asked again after this.
const LONGEST: Duration = WAITS[WAITS.len() - 1];

/// Sending one event to one endpoint.
pub const DELIVER: &JobKind =
    &JobKind { name: "webhook.deliver", queue: Queue::WEBHOOKS, max_attempts: 11, timeout: Duration::from_secs(MINUTE), backoff: Backoff::Steps(&WAITS) };

/// Sends deliveries.
pub struct Deliverer {
    keys: TenantKeys,
    outgoing: Outgoing,
    failing: Failing,
}

/// Something to be sent.
struct ToSend {
    endpoint: WebhookEndpointRow,
    delivery: WebhookDeliveryRow,
    secrets: Result<Vec<SecretString>, String>,
    /// Whether nobody answers for the endpoint any more.
    abandoned: bool,
}

/// What came of an attempt.
struct Attempt {
    verdict: Verdict,
    response_status: Option<u16>,
    response_body: Option<String>,
    error: Option<String>,
    at: DateTime<Utc>,
    took: Duration,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The endpoint has it.
    Delivered,
    /// The endpoint is told of nothing any more, because.
    Over(&'static str),
    /// It may take it later, not before this time.
    Failed(Option<Duration>),
}

impl Deliverer {
    /// Opens secrets with these keys, and sends this way.
    pub fn new(keys: TenantKeys, outgoing: Outgoing) -> Self {
        Self { keys, outgoing, failing: Failing::default() }
    }

    /// What is to be sent, if it still is.
    async fn prepare(&self, ctx: &OpCtx, permit: &Permit<ManageWebhooks>, id: WebhookDeliveryId) -> Result<Option<ToSend>, DbErr> {
        let tx = ctx.reader().await?;
        let Some(delivery) = store::delivery(&tx, permit, id).await? else { return Ok(None) };
        if delivery.status != WebhookDeliveryStatus::Pending {
            return Ok(None);
        }
        let Some(endpoint) = store::endpoint(&tx, permit, delivery.endpoint_id).await? else { return Ok(None) };
        let secrets = match signing_secrets(&self.keys, &tx, permit, &endpoint, ctx.now()).await {
            Ok(secrets) => Ok(secrets),
            Err(WebhookError::Storage(error)) => return Err(error),
            Err(WebhookError::Key(error)) => {
                tracing::error!(%error, endpoint = %endpoint.id, "the secret of a webhook endpoint does not open");
                Err("the endpoint's secret cannot be opened: give it a new one with webhookEndpointSecretRotate".to_owned())
            }
            Err(error) => Err(error.to_string()),
        };
        let maker = endpoint.made_by_token();
        let abandoned = match maker {
            Some(token) => !api_tokens::is_good(&tx, endpoint.tenant_id, token, ctx.now()).await?,
            None => false,
        };
        Ok(Some(ToSend { endpoint, delivery, secrets, abandoned }))
    }

    async fn send(&self, to_send: &ToSend, now: DateTime<Utc>) -> Attempt {
        let unsent = |why: String| Attempt {
            verdict: Verdict::Failed(None),
            response_status: None,
            response_body: None,
            error: Some(why),
            at: now,
            took: Duration::ZERO,
        };
        let ToSend { endpoint, delivery, secrets, abandoned } = to_send;
        if *abandoned {
            return Attempt { verdict: Verdict::Over(ABANDONED), ..unsent(ABANDONED.to_owned()) };
        }
        let secrets = match secrets {
            Ok(secrets) => secrets,
            Err(why) => return unsent(why.clone()),
        };
        let signed = match standard_webhooks::sign(&delivery.event_id.to_string(), now, delivery.body.as_bytes(), secrets) {
            Ok(signed) => signed,
            Err(error) => return unsent(error.to_string()),
        };
        let url = match self.outgoing.check_url(&endpoint.url) {
            Ok(url) => url,
            Err(problem) => return unsent(problem.to_string()),
        };
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(signed);
        let sent = self.outgoing.post(&url, &headers, Bytes::from(delivery.body.clone())).await;
        let (verdict, response_status, response_body, error) = match sent.outcome {
            Outcome::Answered { status: status @ 200..=299, body_start, .. } => (Verdict::Delivered, Some(status), Some(body_start), None),
            Outcome::Answered { status: 410, body_start, .. } => (Verdict::Over(GONE), Some(410), Some(body_start), Some("answered 410 Gone".to_owned())),
            Outcome::Answered { status: status @ 300..=399, body_start, .. } => {
                (Verdict::Failed(None), Some(status), Some(body_start), Some(format!("answered {status}: redirects are not followed")))
            }
            Outcome::Answered { status, retry_after, body_start } => {
                (Verdict::Failed(retry_after), Some(status), Some(body_start), Some(format!("answered {status}")))
            }
            // Which inside names there are is nobody's business: both cases read alike.
            Outcome::Refused(UrlProblem::Inside) | Outcome::Failed { kind: FailureKind::Dns, .. } => {
                (Verdict::Failed(None), None, None, Some("the host's name leads nowhere that may be dialled".to_owned()))
            }
            Outcome::Refused(problem) => (Verdict::Failed(None), None, None, Some(problem.to_string())),
            Outcome::Failed { message, .. } => (Verdict::Failed(None), None, None, Some(message)),
        };
        Attempt { verdict, response_status, response_body, error, at: now, took: sent.duration }
    }

    /// Writes what came of it. Whoever changes endpoint and deliveries locks them in this order.
    async fn settle(&self, ctx: &OpCtx, permit: &Permit<ManageWebhooks>, job: &Running, sent: &ToSend, attempt: &Attempt) -> Result<(), JobError> {
        let (endpoint, delivery, now) = (&sent.endpoint, &sent.delivery, ctx.now());
        let wait = wait_for_next(job, endpoint, attempt.verdict, now);
        let mut disabled = false;
        let tx = ctx.writer().await?;
        match attempt.verdict {
            Verdict::Delivered => {
                store::endpoint_succeeded(&tx, endpoint, now).await?;
                store::record_attempt(&tx, delivery, false, columns(attempt, WebhookDeliveryStatus::Delivered, None, now)).await?;
            }
            Verdict::Failed(_) if wait.is_some() => {
                let wait = wait.unwrap_or_default();
                store::endpoint_failed(&tx, endpoint, now).await?;
                let next = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::days(1));
                if store::record_attempt(&tx, delivery, true, columns(attempt, WebhookDeliveryStatus::Pending, Some(next), now)).await? {
                    let again = job.again(&tx, wait, attempt.error.clone().unwrap_or_default()).await?;
                    ctx.commit_unrecorded(tx).await?;
                    return Err(again);
                }
                // It was given up meanwhile, with its endpoint.
            }
            Verdict::Failed(_) => {
                store::endpoint_failed(&tx, endpoint, now).await?;
                let endpoint = store::endpoint_locked(&tx, permit, endpoint.id).await?;
                store::record_attempt(&tx, delivery, true, columns(attempt, WebhookDeliveryStatus::Failed, None, now)).await?;
                disabled = disable_if_hopeless(&tx, permit, job, endpoint.as_ref(), now).await?;
            }
            Verdict::Over(reason) => {
                store::endpoint_failed(&tx, endpoint, now).await?;
                let endpoint = store::endpoint_locked(&tx, permit, endpoint.id).await?;
                store::record_attempt(&tx, delivery, true, columns(attempt, WebhookDeliveryStatus::Failed, None, now)).await?;
                if let Some(endpoint) = endpoint {
                    disabled = disable(&tx, permit, job, &endpoint, reason, now).await?;
                }
            }
        }
        job.done(&tx).await?;
        ctx.commit_unrecorded(tx).await?;
        if disabled {
            give_up_waiting(ctx, endpoint).await?;
        }
        Ok(())
    }
}

/// How long until the next attempt, as the endpoint asks for it; none when the attempts are used up, or it has failed for too long.
fn wait_for_next(job: &Running, endpoint: &WebhookEndpointRow, verdict: Verdict, now: DateTime<Utc>) -> Option<Duration> {
    let Verdict::Failed(asked) = verdict else { return None };
    let hopeless = endpoint.failing_since_at.is_some_and(|since| now - since >= HOPELESS);
    (!hopeless && !job.is_last()).then(|| DELIVER.backoff.after(job.attempt).max(asked.unwrap_or_default().min(LONGEST)))
}

fn columns(attempt: &Attempt, status: WebhookDeliveryStatus, next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Vec<(Column, SimpleExpr)> {
    let delivered = (status == WebhookDeliveryStatus::Delivered).then_some(now);
    vec![
        (Column::Status, Expr::val(status.as_str())),
        (Column::ResponseStatus, Expr::val(attempt.response_status.map(i32::from))),
        (Column::ResponseBody, Expr::val(attempt.response_body.clone())),
        (Column::ErrorMessage, Expr::val(attempt.error.clone())),
        (Column::DurationMs, Expr::val(i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX))),
        (Column::LastAttemptAt, Expr::val(attempt.at)),
        (Column::NextAttemptAt, Expr::val(next)),
        (Column::DeliveredAt, Expr::val(delivered)),
        (Column::UpdatedAt, Expr::val(now)),
    ]
}

/// A delivery was given up: an endpoint that has taken nothing for long is told of nothing any more.
pub(super) async fn disable_if_hopeless(
    tx: &Tx,
    permit: &Permit<ManageWebhooks>,
    job: &Running,
    endpoint: Option<&WebhookEndpointRow>,
    now: DateTime<Utc>,
) -> Result<bool, JobError> {
    let failing = endpoint.and_then(|endpoint| Some((endpoint, endpoint.failing_since_at.filter(|since| now - *since >= FAILING_FOR)?)));
    match failing {
        Some((endpoint, since)) => disable(tx, permit, job, endpoint, &format!("every delivery has failed since {}", since.to_rfc3339()), now).await,
        None => Ok(false),
    }
}

/// Tells an endpoint of nothing any more, and says so.
async fn disable(
    tx: &Tx,
    permit: &Permit<ManageWebhooks>,
    job: &Running,
    endpoint: &WebhookEndpointRow,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool, JobError> {
    if endpoint.status == WebhookEndpointStatus::Disabled {
        return Ok(false);
    }
    store::update_endpoint(tx, endpoint, store::disabled(Some(reason), now)).await?;
    let change = Change::new("webhookEndpointDisable", endpoint.tenant_id).subject(endpoint.id).before(endpoint);
    let change = match store::endpoint(tx, permit, endpoint.id).await? {
        Some(after) => change.after(&after),
        None => change,
    };
    let data = json!({ "webhookEndpointId": endpoint.id, "reason": reason });
    change.announce_with(EventType::WebhookEndpointDisabled, None, data).write(tx, &job.trace()).await?;
    metrics::counter!("noren_webhook_endpoints_disabled_total").increment(1);
    Ok(true)
}

#[async_trait]
impl Worker for Deliverer {
    fn kind(&self) -> &'static JobKind {
        DELIVER
    }

    fn room_in(&self, lane: &str) -> usize {
        self.failing.room_in(lane)
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let errand: Errand = job.payload()?;
        let ctx = job.ctx()?;
        let permit = ctx.authorize::<ManageWebhooks>().map_err(|error| JobError::Fail(error.to_string()))?;
        let to_send = self.prepare(&ctx, &permit, errand.delivery_id).await?;
        ctx.release().await;
        let Some(to_send) = to_send else { return nothing_to_send(&ctx, &permit, errand.delivery_id, job).await };
        let attempt = match to_send.endpoint.status {
            WebhookEndpointStatus::Enabled => self.send(&to_send, ctx.now()).await,
            // It is given up with its endpoint: this one came in between.
            WebhookEndpointStatus::Disabled => return give_up(&ctx, &to_send.endpoint, job).await,
        };
        self.failing.learn(errand.endpoint_id, attempt.verdict != Verdict::Delivered);
        let outcome = if attempt.verdict == Verdict::Delivered { "delivered" } else { "failed" };
        metrics::counter!("noren_webhook_attempts_total", "outcome" => outcome).increment(1);
        metrics::histogram!("noren_webhook_attempt_seconds").record(attempt.took.as_secs_f64());
        self.settle(&ctx, &permit, job, &to_send, &attempt).await
    }
}

/// The delivery is settled or gone, and so is its job; unless somebody has asked for it again just now.
async fn nothing_to_send(ctx: &OpCtx, permit: &Permit<ManageWebhooks>, id: WebhookDeliveryId, job: &Running) -> Result<(), JobError> {
    let tx = ctx.writer().await?;
    let reopened = store::delivery_locked(&tx, permit, id).await?.is_some_and(|delivery| delivery.status == WebhookDeliveryStatus::Pending);
    if reopened {
        return Err(JobError::Postpone(Duration::ZERO, "it was asked for again".to_owned()));
    }
    job.done(&tx).await?;
    Ok(ctx.commit_unrecorded(tx).await?)
}

/// The work on a delivery begins again, or is over for a reason: so does, or is, the delivery. False where it is so already.
pub(crate) async fn follow_job(tx: &Tx, payload: &serde_json::Value, over: Option<&str>, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let Ok(errand) = serde_json::from_value::<Errand>(payload.clone()) else { return Ok(false) };
    let (sql, mut values) = match over {
        None => ("update webhook_deliveries set status = 'PENDING', next_attempt_at = $1, updated_at = $1 where id = $2 and status = 'FAILED'", Vec::new()),
        Some(why) => (
            "update webhook_deliveries set status = 'FAILED', next_attempt_at = null, error_message = $3, updated_at = $1
             where id = $2 and status = 'PENDING'",
            vec![why.into()],
        ),
    };
    values.splice(0..0, [now.into(), errand.delivery_id.into()]);
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected() == 1)
}

async fn give_up(ctx: &OpCtx, endpoint: &WebhookEndpointRow, job: &Running) -> Result<(), JobError> {
    let tx = ctx.writer().await?;
    store::give_up_waiting(&tx, endpoint, DISABLED, ctx.now()).await?;
    job.done(&tx).await?;
    Ok(ctx.commit_unrecorded(tx).await?)
}
