//! By which ways people are told of alerts, of what and when, and what they were told.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entities::{NotificationChannelId, NotificationId, TenantId};
use futures::FutureExt;
use futures::future::BoxFuture;
use ops::notifications::{
    EscalationLevel as LevelRow, NotificationChannelRow, NotificationChannelSort, NotificationRow, NotificationRule as RuleRow, NotificationSort,
    QuietHours as QuietRow,
};
use platform::OpCtx;
use platform::reading::{ReadError, Reading};
use uuid::Uuid;

use super::alerts::Alert;
use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::enums::{AlertSeverity, NotificationChannelKind, NotificationChannelStatus, NotificationKind, NotificationStatus};
use crate::graphql::errors::IntoGraphql;
use crate::graphql::input::{self, DateTimeRange, ids, order_input};
use crate::graphql::node::find;
use crate::graphql::objects::{IntoFilter, Planned, Slot, list, object, plan};
use crate::graphql::payload::Expected;
use crate::graphql::people::Tenant;
use crate::graphql::render::Rendered;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

object! {
    /// A way to reach people: by mail, by a Slack incoming webhook, or by text message.
    NotificationChannel(NotificationChannelRow) {
        /// Opaque id, `notificationchannel_…`.
        id: ID = |row| row.id.to_string().into();
        /// How it reaches people.
        kind: NotificationChannelKind = |row| row.kind.into();
        /// What people call it.
        name: String = |row| row.name.clone();
        /// Whether it is used.
        status: NotificationChannelStatus = |row| row.status.into();
        /// The mail addresses or telephone numbers that it reaches; none for Slack.
        recipients: Vec<String> = |row| row.addresses();
        /// What is shown of the address of a Slack webhook: its host, and its last four characters. The rest is a secret, and is never
        /// shown again. Null for other kinds.
        slack_webhook_hint: Option<String> = |row| row.url_hint.clone();
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The tenant; null for the platform's own.
        tenant: Tenant;
    }
}

object! {
    /// A message to people, on its way through a channel. Kept for 90 days.
    Notification(NotificationRow) {
        /// Opaque id, `notification_…`. The Message-ID of a mail begins with it.
        id: ID = |row| row.id.to_string().into();
        /// What it tells.
        kind: NotificationKind = |row| row.kind.into();
        /// How bad the alert was; null for tests and digests.
        severity: Option<AlertSeverity> = |row| row.severity.map(Into::into);
        /// The level of escalation that it is for; 0 when it is for none.
        level: i64 = |row| if row.kind == entities::NotificationKind::Digest { 0 } else { row.level.into() };
        /// The telephone number that it goes to; null where one message goes to the whole channel.
        recipient: Option<String> = |row| Some(row.recipient.clone()).filter(|number| !number.is_empty());
        /// How far it is.
        status: NotificationStatus = |row| row.status.into();
        /// Times that it was sent.
        attempts: i64 = |row| row.attempts.into();
        /// Why the last attempt failed, why there is none, or whom it did not reach.
        error_message: Option<String> = |row| row.error_message.clone();
        /// What the provider calls it; null where it did not say.
        provider_message_id: Option<String> = |row| row.provider_message_id.clone();
        /// The digest that it went into; null when it went into none.
        digest_id: Option<ID> = |row| row.digest_id.map(|id| id.to_string().into());
        /// When it is sent next (UTC); null when it is not.
        due_at: Option<DateTime<Utc>> = |row| row.due_at;
        /// When it was last sent (UTC).
        last_attempt_at: Option<DateTime<Utc>> = |row| row.last_attempt_at;
        /// When the provider took it (UTC).
        sent_at: Option<DateTime<Utc>> = |row| row.sent_at;
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The channel.
        channel: NotificationChannel;
        /// The alert that it tells of; null for tests and digests.
        alert: Alert;
    }
}

/// Which channels: everything that is given must hold.
#[derive(InputObject)]
pub struct NotificationChannelFilter {
    /// Of this tenant: for platform administrators, who see all channels without it.
    tenant_id: Option<ID>,
    /// Of one of these kinds.
    kinds: Option<Vec<NotificationChannelKind>>,
    /// In one of these states.
    statuses: Option<Vec<NotificationChannelStatus>>,
}

impl IntoFilter<ops::notifications::NotificationChannelFilter> for NotificationChannelFilter {
    fn into_filter(self) -> Result<ops::notifications::NotificationChannelFilter> {
        Ok(ops::notifications::NotificationChannelFilter {
            tenant_id: self.tenant_id.as_ref().map(input::id).transpose()?,
            kinds: self.kinds.map(|all| all.into_iter().map(Into::into).collect()),
            statuses: self.statuses.map(|all| all.into_iter().map(Into::into).collect()),
        })
    }
}

/// Which notifications: everything that is given must hold.
#[derive(InputObject)]
pub struct NotificationFilter {
    /// Of this tenant: for platform administrators, who see all notifications without it.
    tenant_id: Option<ID>,
    /// Through one of these channels, at most 250.
    channel_ids: Option<Vec<ID>>,
    /// About one of these alerts, at most 250.
    alert_ids: Option<Vec<ID>>,
    /// Of one of these kinds.
    kinds: Option<Vec<NotificationKind>>,
    /// In one of these states.
    statuses: Option<Vec<NotificationStatus>>,
    /// That came to be in this span.
    created_at: Option<DateTimeRange>,
}

impl IntoFilter<ops::notifications::NotificationFilter> for NotificationFilter {
    fn into_filter(self) -> Result<ops::notifications::NotificationFilter> {
        Ok(ops::notifications::NotificationFilter {
            tenant_id: self.tenant_id.as_ref().map(input::id).transpose()?,
            channel_ids: ids(self.channel_ids)?,
            alert_ids: ids(self.alert_ids)?,
            kinds: self.kinds.map(|all| all.into_iter().map(Into::into).collect()),
            statuses: self.statuses.map(|all| all.into_iter().map(Into::into).collect()),
            created_at: self.created_at.map(DateTimeRange::read).transpose()?,
        })
    }
}

order_input! {
    /// The order of a list of channels. Without it: the oldest first.
    NotificationChannelOrder by
    /// What channels are sorted by.
    NotificationChannelSortKey for NotificationChannelSort {
        /// When they came to be.
        CreatedAt,
    }
    default CreatedAt Asc
}

order_input! {
    /// The order of a list of notifications. Without it: the newest first.
    NotificationOrder by
    /// What notifications are sorted by.
    NotificationSortKey for NotificationSort {
        /// When they came to be.
        CreatedAt,
    }
    default CreatedAt Desc
}

impl NotificationChannel {
    /// Channels by their ids, each loaded once: the platform's own as well.
    async fn by_ids(ctx: &OpCtx, ids: impl IntoIterator<Item = Uuid>, selected: &Selected<'_>) -> Result<Slot<HashMap<Uuid, Arc<Self>>>> {
        let mut ids: Vec<Uuid> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        let rows = match Reading::<NotificationChannelRow>::default().load_many(ctx, &ids).await {
            Ok(rows) => rows,
            Err(ReadError::Denied(denied)) => return Ok(Slot::Denied(denied)),
            Err(error @ ReadError::Storage(_)) => return Err(error.into_graphql()),
        };
        let channels = plan::<Self>(ctx, rows, Some(selected)).await?;
        Ok(Slot::Loaded(channels.into_iter().map(|channel| (channel.row.id.uuid(), Arc::new(channel))).collect()))
    }
}

impl Planned for NotificationChannel {
    type Row = NotificationChannelRow;
    type FilterInput = NotificationChannelFilter;
    type OrderInput = NotificationChannelOrder;
    const NAME: &'static str = "NotificationChannel";

    fn bare(row: NotificationChannelRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &NotificationChannelRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, channels: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "tenant") {
                let tenants = Tenant::referred(ctx, channels.iter().filter_map(|channel| channel.row.tenant_id), &selected).await?;
                for channel in channels.iter_mut() {
                    channel.tenant = tenants.map(|found| channel.row.tenant_id.and_then(|tenant| found.get(&tenant).cloned()));
                }
            }
            Ok(())
        }
        .boxed()
    }
}

impl Planned for Notification {
    type Row = NotificationRow;
    type FilterInput = NotificationFilter;
    type OrderInput = NotificationOrder;
    const NAME: &'static str = "Notification";

    fn bare(row: NotificationRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &NotificationRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, notifications: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "channel") {
                let channels = NotificationChannel::by_ids(ctx, notifications.iter().map(|one| one.row.channel_id.uuid()), &selected).await?;
                for one in notifications.iter_mut() {
                    one.channel = channels.map(|found| found.get(&one.row.channel_id.uuid()).cloned());
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "alert") {
                let alerts = Alert::by_ids(ctx, notifications.iter().filter_map(|one| one.row.alert_id), &selected).await?;
                for one in notifications.iter_mut() {
                    one.alert = alerts.map(|found| one.row.alert_id.and_then(|id| found.get(&id).cloned()));
                }
            }
            Ok(())
        }
        .boxed()
    }
}

/// Which channels are told of the alerts of a severity.
pub struct NotificationRule(RuleRow);

/// Which channels are told of the alerts of a severity.
#[Object]
impl NotificationRule {
    /// The severity.
    async fn severity(&self) -> AlertSeverity {
        self.0.severity.into()
    }

    /// All enabled channels of these kinds, those of the future too.
    async fn kinds(&self) -> Vec<NotificationChannelKind> {
        self.0.kinds.iter().map(|kind| (*kind).into()).collect()
    }

    /// These channels besides, when they are enabled.
    async fn channel_ids(&self) -> Vec<ID> {
        self.0.channel_ids.iter().map(|id| id.to_string().into()).collect()
    }
}

/// Hours in which nobody is told of anything that is not CRITICAL.
pub struct QuietHours(QuietRow);

/// A time of day as people write it.
fn time_of_day(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// Hours in which nobody is told of anything that is not CRITICAL: it is sent when they end, as one digest for each channel.
#[Object]
impl QuietHours {
    /// From when on, such as `22:00`.
    async fn from(&self) -> String {
        time_of_day(self.0.from)
    }

    /// Until when, such as `07:00`; the next day where it is the earlier one.
    async fn to(&self) -> String {
        time_of_day(self.0.to)
    }

    /// The IANA time zone of both; null for the tenant's.
    async fn time_zone(&self) -> Option<&str> {
        self.0.time_zone.as_deref()
    }
}

/// Who is told next when nobody looks after an alert.
pub struct EscalationLevel {
    level: usize,
    row: LevelRow,
}

/// Who is told next when nobody looks after an alert.
#[Object]
impl EscalationLevel {
    /// Which level it is, from 1.
    async fn level(&self) -> i64 {
        i64::try_from(self.level).unwrap_or(i64::MAX)
    }

    /// How long after the alert was raised, or came to the level before, in minutes.
    async fn after_minutes(&self) -> i64 {
        self.row.after_minutes
    }

    /// By which channels, when they are enabled.
    async fn channel_ids(&self) -> Vec<ID> {
        self.row.channel_ids.iter().map(|id| id.to_string().into()).collect()
    }
}

/// Who is told of what, and when.
pub struct NotificationSettings {
    pub(super) tenant: Option<TenantId>,
    pub(super) settings: ops::notifications::NotificationSettings,
}

/// Who is told of what, and when.
#[Object]
impl NotificationSettings {
    /// The tenant's id; null for the platform's own.
    async fn tenant_id(&self) -> Option<ID> {
        self.tenant.map(|tenant| tenant.to_string().into())
    }

    /// Which channels are told, by severity: all four severities, the worst first.
    async fn rules(&self) -> Vec<NotificationRule> {
        entities::AlertSeverity::ALL.iter().map(|severity| NotificationRule(self.settings.rule(*severity))).collect()
    }

    /// Hours in which nobody is told of anything that is not CRITICAL; null when there are none.
    async fn quiet_hours(&self) -> Option<QuietHours> {
        self.settings.quiet_hours.clone().map(QuietHours)
    }

    /// Who is told when nobody acknowledges an alert, the first level first; empty when nobody is told again.
    async fn escalation(&self) -> Vec<EscalationLevel> {
        self.settings.escalation.iter().enumerate().map(|(index, row)| EscalationLevel { level: index + 1, row: row.clone() }).collect()
    }

    /// When they were last changed (UTC); null when they never were, and the ones hold that Noren comes with.
    async fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.settings.updated_at
    }
}

/// Reading channels, settings and notifications.
#[derive(Default)]
pub struct NotificationQuery;

#[Object]
impl NotificationQuery {
    /// One channel; null if it is missing or another tenant's. Administrators only.
    async fn notification_channel(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<NotificationChannel>>> {
        Ok(find(ctx, input::id::<NotificationChannelId>(&id)?.uuid()).await?.map(Rendered))
    }

    /// The tenant's channels, or those of all tenants and the platform's own for a platform administrator who has chosen none.
    /// Administrators only.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn notification_channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<NotificationChannelFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<NotificationChannelOrder>,
    ) -> Result<Rendered<Connection<NotificationChannel>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// Who is told of what, and when, in the tenant; null if there is no such tenant, or it is not the caller's. Administrators only.
    async fn notification_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant: only a platform administrator names it; without it, the platform's own settings.")] tenant_id: Option<ID>,
    ) -> Result<Option<NotificationSettings>> {
        let tenant = tenant_id.as_ref().map(input::id).transpose()?;
        let found = match services(ctx)?.notifications.settings(op(ctx)?, tenant).await {
            Ok(found) => found,
            // Nothing about reading is a caller's to mend: what is expected is never the answer here.
            Err(error) => return error.expected().map(|_| None),
        };
        Ok(found.map(|(tenant, settings)| NotificationSettings { tenant, settings }))
    }

    /// One notification; null if it is missing or another tenant's. Administrators only.
    async fn notification(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<Notification>>> {
        Ok(find(ctx, input::id::<NotificationId>(&id)?.uuid()).await?.map(Rendered))
    }

    /// What the tenant's people were told, or will be; those of all tenants and the platform's own for a platform administrator who has
    /// chosen none. Administrators only.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<NotificationFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<NotificationOrder>,
    ) -> Result<Rendered<Connection<Notification>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }
}
