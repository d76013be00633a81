//! The rules about silences: what they match, how long they hold, and what they do to alerts that are there already.

use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::alert_silences::ActiveModel;
use entities::{AlertSeverity, AlertSilenceId, StoreId, TenantId};
use people::validation::{Problem, invalid, text};
use platform::callers::actions::SilenceAlerts;
use platform::outbox::FeedId;
use platform::{Change, DbErr, OpCtx, Trace, Tx};
use sea_orm::ActiveValue::Set;

use super::error::AlertError;
use super::event::tell_silenced;
use super::row::AlertSilenceRow;
use super::service::{Alerts, about, any_fingerprint, word};
use super::store::{self, Silencing};

/// Silences of one feed that hold at once.
pub(super) const MAX_SILENCES: u64 = 100;
/// How long a silence holds at most.
const LONGEST: TimeDelta = TimeDelta::days(30);
/// The longest reason, in characters.
const REASON: usize = 2_000;
/// Alerts of one transaction that can be heard of again.
const AT_ONCE: i64 = 200;

/// A silence to be made: what is given must all be equal, and something must be given.
#[derive(Clone, Debug, Default)]
pub struct NewAlertSilence {
    /// The tenant: a platform administrator names it, or none for what is above all of them.
    pub tenant: Option<TenantId>,
    /// Alerts about this store.
    pub store: Option<StoreId>,
    /// Alerts of this type.
    pub kind: Option<String>,
    /// Alerts of this severity.
    pub severity: Option<AlertSeverity>,
    /// Alerts from this source.
    pub source: Option<String>,
    /// Alerts with this fingerprint.
    pub fingerprint: Option<String>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

impl Alerts {
    /// Silences alerts for a while: they are recorded and shown, and nobody is told of them. Those that are there already as well.
    pub async fn silence(&self, ctx: &OpCtx, input: NewAlertSilence) -> Result<AlertSilenceRow, AlertError> {
        let permit = ctx.authorize::<SilenceAlerts>()?;
        let now = ctx.now();
        let kind = input.kind.as_deref().map(|kind| word("type", kind)).transpose()?;
        let source = input.source.as_deref().map(|source| word("source", source)).transpose()?;
        let fingerprint = any_fingerprint(input.fingerprint.as_deref())?;
        let reason = text("reason", &input.reason, REASON)?;
        if kind.is_none() && source.is_none() && fingerprint.is_none() && input.severity.is_none() && input.store.is_none() {
            return Err(invalid("type", Problem::Unknown("say which alerts: a type, a source, a severity, a store or a fingerprint".to_owned())).into());
        }
        if input.until <= now {
            return Err(invalid("until", Problem::NotInFuture).into());
        }
        if input.until > now + LONGEST {
            return Err(invalid("until", Problem::Unknown(format!("must be at most {} days away", LONGEST.num_days()))).into());
        }
        let tx = ctx.writer().await?;
        let tenant = about(&tx, &permit, input.tenant, input.store).await?;
        let feed = FeedId::of(tenant);
        store::hold_silences(&tx, feed, Silencing::Changes).await?;
        if store::count_silences(&tx, &permit, feed, now).await? >= MAX_SILENCES {
            return Err(AlertError::TooMany);
        }
        let id = ctx.new_id::<AlertSilenceId>();
        let row = ActiveModel {
            id: Set(id),
            tenant_id: Set(tenant),
            feed_id: Set(feed.uuid()),
            store_id: Set(input.store),
            kind: Set(kind),
            severity: Set(input.severity),
            source: Set(source),
            fingerprint: Set(fingerprint),
            reason: Set(reason),
            created_by: Set(ctx.caller().key()),
            starts_at: Set(now),
            ends_at: Set(input.until),
            created_at: Set(now),
            updated_at: Set(now),
        };
        store::insert_silence(&tx, &permit, row).await?;
        let silence = store::silence(&tx, &permit, id).await?.ok_or(AlertError::NotFound("silence"))?;
        apply(&tx, &ctx.trace(), &silence).await?;
        ctx.commit(tx, Change::new("alertSilence", tenant).subject(id).after(&silence)).await?;
        Ok(silence)
    }

    /// Ends a silence now. One that is over already stays as it is.
    pub async fn end_silence(&self, ctx: &OpCtx, id: AlertSilenceId) -> Result<AlertSilenceRow, AlertError> {
        let permit = ctx.authorize::<SilenceAlerts>()?;
        let now = ctx.now();
        let tx = ctx.writer().await?;
        let found = store::silence(&tx, &permit, id).await?.ok_or(AlertError::NotFound("silence"))?;
        store::hold_silences(&tx, FeedId::of(found.tenant_id), Silencing::Changes).await?;
        let before = store::silence(&tx, &permit, id).await?.ok_or(AlertError::NotFound("silence"))?;
        if before.ends_at <= now {
            return Ok(before);
        }
        store::end_silence(&tx, &permit, id, now).await?;
        let after = AlertSilenceRow { ends_at: now, updated_at: now, ..before.clone() };
        apply(&tx, &ctx.trace(), &after).await?;
        ctx.commit(tx, Change::new("alertSilenceEnd", after.tenant_id).subject(id).before(&before).after(&after)).await?;
        Ok(after)
    }
}

/// Works out for the alerts that a silence matches until when they are silenced, and tells of those for which that has changed.
async fn apply(tx: &Tx, trace: &Trace, silence: &AlertSilenceRow) -> Result<(), DbErr> {
    tell_silenced(tx, trace, &store::silence_again(tx, silence, trace.now()).await?).await
}

/// Takes silences off that have run out, and tells that their alerts can be heard of again; true when there may be more.
pub(super) async fn take_off(tx: &Tx, trace: &Trace) -> Result<bool, DbErr> {
    let audible = store::unsilence(tx, trace.now(), AT_ONCE).await?;
    tell_silenced(tx, trace, &audible).await?;
    Ok(audible.len() as i64 == AT_ONCE)
}
