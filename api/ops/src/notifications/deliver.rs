//! Sends notifications. That an attempt is made is committed before it is made, what came of it is committed with the job's end;
//! no transaction waits for the network.
//!
//! What may have arrived is sent again only where that does no harm: a mail bears the same Message-ID each time; Slack shows a
//! message twice, which is borne once; a text message costs money and sleep, and is never sent again.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Tokyo;
use entities::tables::notifications::Column;
use entities::{JobId, NotificationChannelKind, NotificationChannelStatus, NotificationId, NotificationKind, NotificationStatus, TenantId};
use integrations::ports::notification::{Destination, IdempotencyKey, Message, Receipt, SendError};
use integrations::registry::Messengers;
use platform::callers::actions::ManageNotifications;
use platform::crypto::MasterKey;
use platform::db::{List, is_sqlite};
use platform::jobs::{Backoff, JobError, JobKind, NewJob, Queue, Running, Worker};
use platform::{DbErr, OpCtx, Permit, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ConnectionTrait, Statement};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::channels::Vault;
use super::error::{NotificationError, not_configured};
use super::message::{self, Reader};
use super::row::{NotificationChannelRow, NotificationRow, texts};
use super::rules::zone_of;
use super::{digest, store};
use crate::alerts::AlertRow;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The waits between attempts: some hours in all.
const WAITS: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * MINUTE),
    Duration::from_secs(10 * MINUTE),
    Duration::from_secs(30 * MINUTE),
    Duration::from_secs(HOUR),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(2 * HOUR),
];
/// However long a provider asks to be left alone, it is asked again after this.
const LONGEST: Duration = Duration::from_secs(6 * HOUR);
/// How long a storm is collected before its digest is sent.
const COLLECT: TimeDelta = TimeDelta::minutes(1);

/// Sending one notification.
pub const DELIVER: &JobKind = &JobKind {
    name: "notification.deliver",
    queue: Queue::NOTIFICATIONS,
    max_attempts: 9,
    timeout: Duration::from_secs(MINUTE),
    backoff: Backoff::Steps(&WAITS),
};

/// Single messages to one recipient in a minute; what is more goes into a digest.
const fn at_most(kind: NotificationChannelKind) -> i64 {
    match kind {
        NotificationChannelKind::Email | NotificationChannelKind::Slack => 30,
        NotificationChannelKind::Sms => 10,
    }
}

/// The least time between two messages through one channel: Slack takes one a second.
const fn pace(kind: NotificationChannelKind) -> TimeDelta {
    match kind {
        NotificationChannelKind::Slack => TimeDelta::seconds(1),
        NotificationChannelKind::Email | NotificationChannelKind::Sms => TimeDelta::zero(),
    }
}

/// Whether a message is sent again of which nobody knows, for so many attempts, whether it arrived.
const fn is_sent_again(kind: NotificationChannelKind, unknown_attempts: i32) -> bool {
    match kind {
        NotificationChannelKind::Email => true,
        NotificationChannelKind::Slack => unknown_attempts <= 1,
        NotificationChannelKind::Sms => false,
    }
}

/// What a job is about.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Errand {
    /// The notification.
    pub(super) notification_id: NotificationId,
}

impl Errand {
    /// The job that sends it.
    pub(super) fn job(self, tenant: Option<TenantId>) -> NewJob {
        NewJob::new(DELIVER, tenant, json!(self)).unique(self.key())
    }

    /// The key of the job.
    pub(super) fn key(self) -> String {
        self.notification_id.uuid().simple().to_string()
    }
}

/// Sends notifications.
pub struct Deliverer {
    vault: Vault,
    messengers: Messengers,
    public_url: Option<String>,
}

/// Something to be sent, which is marked as being sent.
struct ToSend {
    row: NotificationRow,
    channel: NotificationChannelRow,
    prepared: Result<(Destination, Message), SendError>,
}

fn count(kind: NotificationChannelKind, outcome: &'static str) {
    metrics::counter!("noren_notifications_total", "kind" => kind.as_str(), "outcome" => outcome).increment(1);
}

impl Deliverer {
    /// Opens addresses under this master key, and sends by these messengers. Links begin with the public address.
    pub fn new(master: &MasterKey, messengers: Messengers, public_url: Option<String>) -> Self {
        Self { vault: Vault::new(master), messengers, public_url }
    }

    /// What is to be sent, marked as being sent; none when there is nothing to send any more, and the job is done.
    async fn prepare(&self, ctx: &OpCtx, permit: &Permit<ManageNotifications>, job: &Running, id: NotificationId) -> Result<Option<ToSend>, JobError> {
        let now = ctx.now();
        let tx = ctx.writer().await?;
        let found = match store::locked(&tx, permit, id).await? {
            Some(row) => store::channel(&tx, permit, row.channel_id).await?.map(|channel| (row, channel)),
            None => None,
        };
        let Some((mut row, channel)) = found else { return done(ctx, tx, job).await };
        match row.status {
            NotificationStatus::Pending => {}
            NotificationStatus::Sending => {
                // An attempt was begun of which nobody has told the end.
                row.unknown_attempts += 1;
                let unknown = (Column::UnknownAttempts, Expr::val(row.unknown_attempts));
                if !is_sent_again(channel.kind, row.unknown_attempts) {
                    let why = "sending was broken off in the middle: it may have been sent";
                    store::update(&tx, id, [vec![unknown], ended(NotificationStatus::Unknown, why, now)].concat()).await?;
                    count(channel.kind, "unknown");
                    return done(ctx, tx, job).await;
                }
                store::update(&tx, id, vec![unknown]).await?;
            }
            NotificationStatus::Sent | NotificationStatus::Failed | NotificationStatus::Unknown | NotificationStatus::Digested => {
                return done(ctx, tx, job).await;
            }
        }
        if channel.status == NotificationChannelStatus::Disabled {
            store::update(&tx, id, ended(NotificationStatus::Failed, "the channel is disabled", now)).await?;
            count(channel.kind, "failed");
            return done(ctx, tx, job).await;
        }
        if row.attempts == 0 {
            if let Some(due) = row.due_at.filter(|due| *due > now) {
                return Err(postponed(due - now, "its time has not come"));
            }
            match self.slot(&tx, &row, &channel, now).await? {
                Slot::Now => {}
                Slot::At(at) => {
                    store::update(&tx, id, vec![(Column::SlotAt, Expr::val(at)), (Column::DueAt, Expr::val(at))]).await?;
                    ctx.commit_unrecorded(tx).await?;
                    return Err(postponed(at - now, "others go before it"));
                }
                Slot::Never => {
                    let into = (row.tenant_id, row.channel_id, row.recipient.as_str());
                    let digest = digest::open(&tx, &job.trace(), into, digest::STORM, now + COLLECT).await?;
                    digest::join(&tx, id, digest, now).await?;
                    count(channel.kind, "digested");
                    return done(ctx, tx, job).await;
                }
            }
        }
        let begun = vec![
            (Column::Status, Expr::val(NotificationStatus::Sending.as_str())),
            (Column::Attempts, Expr::col(Column::Attempts).add(1)),
            (Column::LastAttemptAt, Expr::val(now)),
            (Column::UpdatedAt, Expr::val(now)),
        ];
        store::update(&tx, id, begun).await?;
        let prepared = match self.destination(&tx, permit, &row, &channel).await? {
            Ok(to) => self.message(&tx, permit, &row, &channel).await?.map(|message| (to, message)),
            Err(error) => Err(error),
        };
        ctx.commit_unrecorded(tx).await?;
        Ok(Some(ToSend { row, channel, prepared }))
    }

    /// When a first attempt may be made; at once where it was said before.
    async fn slot(&self, tx: &Tx, row: &NotificationRow, channel: &NotificationChannelRow, now: DateTime<Utc>) -> Result<Slot, DbErr> {
        if row.slot_at.is_some() || matches!(row.kind, NotificationKind::Digest | NotificationKind::Test) {
            return Ok(Slot::Now);
        }
        let backend = tx.get_database_backend();
        // The relay writes notifications of the channel meanwhile: it does not wait for this.
        let hold = if is_sqlite(backend) { "" } else { "for no key update" };
        let sql = format!("select next_slot_at from notification_channels where id = $1 {hold}");
        let Some(found) = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, [channel.id.into()])).await? else { return Ok(Slot::Now) };
        let next: Option<DateTime<Utc>> = found.try_get_by_index(0)?;
        let at = next.map_or(now, |next| Ord::max(next, now));
        let sql = "select count(*) from notifications where channel_id = $1 and recipient = $2 and slot_at > $3";
        let values = [channel.id.into(), row.recipient.as_str().into(), (at - TimeDelta::minutes(1)).into()];
        let before: i64 = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        if before >= at_most(channel.kind) {
            return Ok(Slot::Never);
        }
        let sql = "update notification_channels set next_slot_at = $1 where id = $2";
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, [(at + pace(channel.kind)).into(), channel.id.into()])).await?;
        if at > now {
            return Ok(Slot::At(at));
        }
        store::update(tx, row.id, vec![(Column::SlotAt, Expr::val(now))]).await?;
        Ok(Slot::Now)
    }

    async fn destination(
        &self,
        tx: &Tx,
        permit: &Permit<ManageNotifications>,
        row: &NotificationRow,
        channel: &NotificationChannelRow,
    ) -> Result<Result<Destination, SendError>, DbErr> {
        Ok(match channel.kind {
            NotificationChannelKind::Email => Ok(Destination::Emails(row.remaining.as_ref().map_or_else(|| channel.addresses(), texts))),
            NotificationChannelKind::Sms => Ok(Destination::Phone(row.recipient.clone())),
            NotificationChannelKind::Slack => {
                let Some(sealed) = store::sealed_url(tx, channel).await? else {
                    return Ok(Err(SendError::Refused("the channel has no address".to_owned())));
                };
                match self.vault.open(tx, permit, channel, &sealed).await {
                    Ok(url) => Ok(Destination::SlackWebhook(url)),
                    Err(NotificationError::Storage(error)) => return Err(error),
                    Err(error) => {
                        tracing::error!(%error, channel = %channel.id, "the address of a notification channel does not open");
                        Err(SendError::later("the channel's address cannot be opened: set it again with notificationChannelUpdate"))
                    }
                }
            }
        })
    }

    async fn message(
        &self,
        tx: &Tx,
        permit: &Permit<ManageNotifications>,
        row: &NotificationRow,
        channel: &NotificationChannelRow,
    ) -> Result<Result<Message, SendError>, DbErr> {
        let reader = self.reader(tx, channel.tenant_id).await?;
        Ok(match row.kind {
            NotificationKind::Test => Ok(message::of_test(&reader, channel, row)),
            NotificationKind::Digest => Ok(message::of_digest(&reader, channel, row, &digest::content(tx, row.id).await?)),
            NotificationKind::Raised | NotificationKind::Worse | NotificationKind::Escalated | NotificationKind::Resolved => {
                let alert = match row.alert_id {
                    Some(alert) => List::<AlertRow, _>::new(tx, permit).by_ids(&[alert.uuid()]).await?.pop(),
                    None => None,
                };
                let Some(alert) = alert else { return Ok(Err(SendError::Refused("the alert is not kept any more".to_owned()))) };
                let store = match alert.store_id {
                    Some(store) => text(tx, "select name from stores where id = $1", store.uuid()).await?,
                    None => None,
                };
                Ok(message::of_alert(&reader, channel, row, &alert, store.as_deref()))
            }
        })
    }

    async fn reader(&self, tx: &Tx, tenant: Option<TenantId>) -> Result<Reader, DbErr> {
        let platform = Reader { name: "Noren".to_owned(), japanese: false, zone: Tokyo, public_url: self.public_url.clone() };
        let Some(tenant) = tenant else { return Ok(platform) };
        let sql = "select company_name, locale, time_zone from tenants where id = $1";
        let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [tenant.into()])).await? else {
            return Ok(platform);
        };
        let (locale, zone): (String, String) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        Ok(Reader { name: row.try_get_by_index(0)?, japanese: locale == "ja", zone: zone_of(&zone), ..platform })
    }

    async fn send(&self, to_send: &ToSend) -> Result<Receipt, SendError> {
        let (to, message) = to_send.prepared.as_ref().map_err(Clone::clone)?;
        let kind = to_send.channel.kind;
        let messenger = self.messengers.of(kind).ok_or_else(|| SendError::later(not_configured(kind)))?;
        messenger.send(to, message, &IdempotencyKey::of(to_send.row.id)).await
    }
}

/// When a first attempt may be made.
enum Slot {
    Now,
    At(DateTime<Utc>),
    /// There were too many: it goes into a digest.
    Never,
}

fn postponed(wait: TimeDelta, why: &str) -> JobError {
    JobError::Postpone(wait.to_std().unwrap_or_default(), why.to_owned())
}

async fn text(tx: &Tx, sql: &str, id: uuid::Uuid) -> Result<Option<String>, DbErr> {
    tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [id.into()])).await?.map(|row| row.try_get_by_index(0)).transpose()
}

async fn done(ctx: &OpCtx, tx: Tx, job: &Running) -> Result<Option<ToSend>, JobError> {
    job.done(&tx).await?;
    ctx.commit_unrecorded(tx).await?;
    Ok(None)
}

/// The columns of a notification that is not sent any more.
fn ended(status: NotificationStatus, why: &str, now: DateTime<Utc>) -> Vec<(Column, SimpleExpr)> {
    vec![
        (Column::Status, Expr::val(status.as_str())),
        (Column::ErrorMessage, Expr::val(why)),
        (Column::DueAt, Expr::val(Option::<DateTime<Utc>>::None)),
        (Column::UpdatedAt, Expr::val(now)),
    ]
}

/// What becomes of a notification after an attempt.
enum Verdict {
    Over(NotificationStatus, Option<String>),
    Again { wait: Duration, why: String, partly: Option<Partly> },
}

/// Some have it: who is left, and who did not take it for good.
struct Partly {
    remaining: Vec<String>,
    refused: Vec<(String, String)>,
}

/// Who did not get it, and why.
fn left_out(of: &[(String, String)]) -> Option<String> {
    (!of.is_empty()).then(|| of.iter().map(|(address, why)| format!("{address}: {why}")).collect::<Vec<_>>().join("; "))
}

fn verdict(job: &Running, sent: &ToSend, outcome: &Result<Receipt, SendError>) -> Verdict {
    let wait = DELIVER.backoff.after(job.attempt);
    let refused = |receipt: &Receipt| {
        let before: Vec<(String, String)> = sent.row.refused.clone().and_then(|refused| serde_json::from_value(refused).ok()).unwrap_or_default();
        [before, receipt.refused.clone()].concat()
    };
    match outcome {
        Ok(receipt) if receipt.later.is_empty() || job.is_last() => {
            Verdict::Over(NotificationStatus::Sent, left_out(&[refused(receipt), receipt.later.clone()].concat()))
        }
        Ok(receipt) => Verdict::Again {
            wait,
            why: left_out(&[refused(receipt), receipt.later.clone()].concat()).unwrap_or_default(),
            partly: Some(Partly { remaining: receipt.later.iter().map(|(address, _)| address.clone()).collect(), refused: refused(receipt) }),
        },
        Err(SendError::Refused(why)) => Verdict::Over(NotificationStatus::Failed, Some(why.clone())),
        Err(SendError::Later { why, .. }) if job.is_last() => Verdict::Over(NotificationStatus::Failed, Some(why.clone())),
        Err(SendError::Later { why, after }) => Verdict::Again { wait: wait.max(after.unwrap_or_default().min(LONGEST)), why: why.clone(), partly: None },
        Err(SendError::Unknown(why)) if job.is_last() || !is_sent_again(sent.channel.kind, sent.row.unknown_attempts + 1) => {
            Verdict::Over(NotificationStatus::Unknown, Some(why.clone()))
        }
        Err(SendError::Unknown(why)) => Verdict::Again { wait, why: why.clone(), partly: None },
    }
}

/// Writes what came of an attempt.
async fn settle(ctx: &OpCtx, job: &Running, sent: &ToSend, outcome: Result<Receipt, SendError>) -> Result<(), JobError> {
    let (id, kind, now) = (sent.row.id, sent.channel.kind, ctx.now());
    let tx = ctx.writer().await?;
    if matches!(outcome, Err(SendError::Unknown(_))) {
        store::update(&tx, id, vec![(Column::UnknownAttempts, Expr::col(Column::UnknownAttempts).add(1))]).await?;
    }
    match verdict(job, sent, &outcome) {
        Verdict::Over(status, why) => {
            let mut values = ended(status, "", now);
            values.retain(|(column, _)| !matches!(column, Column::ErrorMessage));
            values.push((Column::ErrorMessage, Expr::val(why)));
            if status == NotificationStatus::Sent {
                values.push((Column::SentAt, Expr::val(now)));
                values.push((Column::ProviderMessageId, Expr::val(outcome.ok().and_then(|receipt| receipt.provider_id))));
            }
            store::update(&tx, id, values).await?;
            job.done(&tx).await?;
            ctx.commit_unrecorded(tx).await?;
            let word = match status {
                NotificationStatus::Sent => "sent",
                NotificationStatus::Unknown => "unknown",
                _ => "failed",
            };
            count(kind, word);
            Ok(())
        }
        Verdict::Again { wait, why, partly } => {
            let mut values = vec![
                (Column::Status, Expr::val(NotificationStatus::Pending.as_str())),
                (Column::ErrorMessage, Expr::val(why.as_str())),
                (Column::DueAt, Expr::val(now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1)))),
                (Column::UpdatedAt, Expr::val(now)),
            ];
            if let Some(Partly { remaining, refused }) = partly {
                values.push((Column::Remaining, Expr::val(json!(remaining))));
                values.push((Column::Refused, Expr::val(json!(refused))));
                values.push((Column::SentAt, Expr::val(now)));
            }
            store::update(&tx, id, values).await?;
            let again = job.again(&tx, wait, why).await?;
            ctx.commit_unrecorded(tx).await?;
            count(kind, "retry");
            Err(again)
        }
    }
}

#[async_trait]
impl Worker for Deliverer {
    fn kind(&self) -> &'static JobKind {
        DELIVER
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let errand: Errand = job.payload()?;
        let ctx = job.ctx()?;
        let permit = ctx.authorize::<ManageNotifications>().map_err(|error| JobError::Fail(error.to_string()))?;
        let Some(to_send) = self.prepare(&ctx, &permit, job, errand.notification_id).await? else { return Ok(()) };
        let outcome = self.send(&to_send).await;
        settle(&ctx, job, &to_send, outcome).await
    }
}

/// A job failed for good without settling its notification, because it took too long or its process died each time.
pub(super) async fn strand(tx: &Tx, job: JobId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    let sql = "select j.unique_key from jobs j where j.id = $1 and not exists
                 (select 1 from jobs o where o.kind = j.kind and o.unique_key = j.unique_key and o.status in ('QUEUED', 'RUNNING'))";
    let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, [job.into()])).await? else { return Ok(()) };
    let key: Option<String> = row.try_get_by_index(0)?;
    let Some(id) = key.and_then(|key| key.parse::<uuid::Uuid>().ok()) else { return Ok(()) };
    give_up(tx, id.into(), "sending it took too long or ended in the middle each time", now).await
}

async fn give_up(tx: &Tx, id: NotificationId, why: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql =
        "update notifications set status = case status when 'SENDING' then 'UNKNOWN' else 'FAILED' end, error_message = $1, due_at = null, updated_at = $2
               where id = $3 and status in ('PENDING', 'SENDING')";
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [why.into(), now.into(), id.into()])).await.map(drop)
}

/// The work on a notification begins again, or was called off: so does, or was, the notification. What may have been sent stays so.
pub(crate) async fn follow_job(tx: &Tx, payload: &serde_json::Value, again: bool, now: DateTime<Utc>) -> Result<(), DbErr> {
    let Ok(Errand { notification_id }) = serde_json::from_value::<Errand>(payload.clone()) else { return Ok(()) };
    if !again {
        return give_up(tx, notification_id, "its job was called off", now).await;
    }
    let sql = "update notifications set status = 'PENDING', due_at = $1, updated_at = $1 where id = $2 and status = 'FAILED'";
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [now.into(), notification_id.into()])).await.map(drop)
}
