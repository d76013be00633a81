//! Making, changing and testing channels; saying who is told of what, and when.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};
use entities::NotificationChannelId;
use ops::notifications::{
    EscalationLevel, NewNotificationChannel, NotificationChannelChanges, NotificationChannelRow, NotificationRule, NotificationSettingsChanges, QuietHours,
};

use super::notifications::{Notification, NotificationChannel, NotificationSettings};
use crate::graphql::enums::{AlertSeverity, NotificationChannelKind, NotificationChannelStatus};
use crate::graphql::errors::bad_input;
use crate::graphql::input::{id, ids};
use crate::graphql::objects::plan;
use crate::graphql::payload::payload;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// A way to reach people that is to be made.
#[derive(InputObject)]
pub struct NotificationChannelCreateInput {
    /// How it reaches people. The operator has to have set up mail or text messages before there can be channels for them.
    kind: NotificationChannelKind,
    /// What people call it, at most 255 characters.
    name: String,
    /// For EMAIL: 1 to 20 addresses.
    #[graphql(default)]
    email_addresses: Vec<String>,
    /// For SMS: 1 to 10 telephone numbers with their country, such as `+819012345678`.
    #[graphql(default)]
    phone_numbers: Vec<String>,
    /// For SLACK: the address of an incoming webhook, `https://hooks.slack.com/services/…`. It is kept sealed and never shown again.
    slack_webhook_url: Option<String>,
    /// The tenant: only a platform administrator names it; without it, the channel is the platform's own, and is told of what is above
    /// all tenants.
    tenant_id: Option<ID>,
}

/// What to change of a channel. What is left out stays.
#[derive(InputObject)]
pub struct NotificationChannelUpdateInput {
    /// The channel.
    id: ID,
    /// What people call it, at most 255 characters.
    name: Option<String>,
    /// Whether it is used. What waits for a channel that is disabled is given up.
    status: Option<NotificationChannelStatus>,
    /// For EMAIL: 1 to 20 addresses, instead of those before.
    email_addresses: Option<Vec<String>>,
    /// For SMS: 1 to 10 telephone numbers, instead of those before.
    phone_numbers: Option<Vec<String>>,
    /// For SLACK: another address.
    slack_webhook_url: Option<String>,
}

/// Which channel to delete.
#[derive(InputObject)]
pub struct NotificationChannelDeleteInput {
    /// The channel; neither rules nor levels of escalation may name it.
    id: ID,
}

/// Which channel to try out.
#[derive(InputObject)]
pub struct NotificationChannelTestInput {
    /// The channel; it must be enabled.
    id: ID,
}

/// Which channels are told of the alerts of a severity.
#[derive(InputObject)]
pub struct NotificationRuleInput {
    /// The severity.
    severity: AlertSeverity,
    /// All enabled channels of these kinds.
    #[graphql(default)]
    kinds: Vec<NotificationChannelKind>,
    /// These channels besides, at most 50.
    #[graphql(default)]
    channel_ids: Vec<ID>,
}

/// Hours in which nobody is told of anything that is not CRITICAL.
#[derive(InputObject)]
pub struct QuietHoursInput {
    /// From when on, such as `22:00`.
    from: String,
    /// Until when, such as `07:00`; the next day where it is the earlier one.
    to: String,
    /// The IANA time zone of both; without it, the tenant's.
    time_zone: Option<String>,
}

/// Who is told next when nobody acknowledges an alert.
#[derive(InputObject)]
pub struct EscalationLevelInput {
    /// How long after the alert was raised, or came to the level before, in minutes: 1 to 10080.
    after_minutes: i64,
    /// By which channels, 1 to 50.
    channel_ids: Vec<ID>,
}

/// What to change of the settings. What is left out stays.
#[derive(InputObject)]
pub struct NotificationSettingsUpdateInput {
    /// Which channels are told, by severity. A severity that is not named has the rule that Noren comes with: CRITICAL by mail, Slack and
    /// text message, HIGH by mail and Slack, MEDIUM by Slack, LOW nobody. Null or empty: all of them.
    rules: MaybeUndefined<Vec<NotificationRuleInput>>,
    /// Quiet hours; null for none.
    quiet_hours: MaybeUndefined<QuietHoursInput>,
    /// Who is told when nobody acknowledges an alert: at most four levels. Null or empty: nobody. What is not due yet follows the new list.
    escalation: MaybeUndefined<Vec<EscalationLevelInput>>,
    /// The tenant: only a platform administrator names it; without it, the platform's own settings.
    tenant_id: Option<ID>,
}

payload! {
    /// What came of notificationChannelCreate.
    NotificationChannelCreatePayload {
        /// The channel.
        notification_channel: NotificationChannel,
    }
    /// What came of notificationChannelUpdate.
    NotificationChannelUpdatePayload {
        /// The channel.
        notification_channel: NotificationChannel,
    }
    /// What came of notificationChannelDelete.
    NotificationChannelDeletePayload {
        /// The id of the channel that is gone.
        deleted_notification_channel_id: ID,
    }
    /// What came of notificationChannelTest.
    NotificationChannelTestPayload {
        /// The tests on their way, one for each telephone number: ask for them again to see what became of them.
        notifications: Vec<Notification>,
    }
    /// What came of notificationSettingsUpdate.
    NotificationSettingsUpdatePayload {
        /// The settings.
        notification_settings: NotificationSettings,
    }
}

/// A time of day, in minutes after midnight.
fn minutes(name: &str, text: &str) -> Result<u16> {
    let read = text.split_once(':').and_then(|(hour, minute)| {
        let two = |part: &str, most: u16| part.parse().ok().filter(|n: &u16| part.len() == 2 && *n < most && part.bytes().all(|b| b.is_ascii_digit()));
        Some(two(hour, 24)? * 60 + two(minute, 60)?)
    });
    read.ok_or_else(|| bad_input(format!("`{name}` must be a time of day such as 22:00")))
}

fn changes(input: NotificationSettingsUpdateInput) -> Result<NotificationSettingsChanges> {
    let rule = |rule: NotificationRuleInput| -> Result<NotificationRule> {
        Ok(NotificationRule {
            severity: rule.severity.into(),
            kinds: rule.kinds.into_iter().map(Into::into).collect(),
            channel_ids: ids(Some(rule.channel_ids))?.unwrap_or_default(),
        })
    };
    let level = |level: EscalationLevelInput| -> Result<EscalationLevel> {
        Ok(EscalationLevel { after_minutes: level.after_minutes, channel_ids: ids(Some(level.channel_ids))?.unwrap_or_default() })
    };
    let quiet = |quiet: QuietHoursInput| -> Result<QuietHours> {
        Ok(QuietHours { from: minutes("quietHours.from", &quiet.from)?, to: minutes("quietHours.to", &quiet.to)?, time_zone: quiet.time_zone })
    };
    Ok(NotificationSettingsChanges {
        rules: match input.rules {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(Vec::new()),
            MaybeUndefined::Value(rules) => Some(rules.into_iter().map(rule).collect::<Result<_>>()?),
        },
        quiet_hours: match input.quiet_hours {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(hours) => Some(Some(quiet(hours)?)),
        },
        escalation: match input.escalation {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(Vec::new()),
            MaybeUndefined::Value(levels) => Some(levels.into_iter().map(level).collect::<Result<_>>()?),
        },
    })
}

/// Changing channels and settings.
#[derive(Default)]
pub struct NotificationMutation;

/// The channel as it was written, with what is selected of it below the payload's field.
async fn channel_in(ctx: &Context<'_>, row: NotificationChannelRow, payload: &str) -> Result<Option<NotificationChannel>> {
    Ok(plan::<NotificationChannel>(op(ctx)?, vec![row], Selected::of(ctx).one(payload, "notificationChannel").as_ref()).await?.pop())
}

#[Object]
impl NotificationMutation {
    /// Makes a way to reach people. At most 50 channels a tenant. Administrators only.
    async fn notification_channel_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The channel.")] input: NotificationChannelCreateInput,
    ) -> Result<NotificationChannelCreatePayload> {
        let new = NewNotificationChannel {
            tenant: input.tenant_id.as_ref().map(id).transpose()?,
            kind: input.kind.into(),
            name: input.name,
            email_addresses: input.email_addresses,
            phone_numbers: input.phone_numbers,
            slack_webhook_url: input.slack_webhook_url.map(Into::into),
        };
        match services(ctx)?.notifications.create(op(ctx)?, new).await {
            Ok(row) => Ok(NotificationChannelCreatePayload {
                notification_channel: channel_in(ctx, row, "NotificationChannelCreatePayload").await?,
                user_errors: Vec::new(),
            }),
            Err(error) => NotificationChannelCreatePayload::refused(error),
        }
    }

    /// Changes a channel. Administrators only.
    async fn notification_channel_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: NotificationChannelUpdateInput,
    ) -> Result<NotificationChannelUpdatePayload> {
        let changes = NotificationChannelChanges {
            name: input.name,
            status: input.status.map(Into::into),
            email_addresses: input.email_addresses,
            phone_numbers: input.phone_numbers,
            slack_webhook_url: input.slack_webhook_url.map(Into::into),
        };
        match services(ctx)?.notifications.update(op(ctx)?, id(&input.id)?, changes).await {
            Ok(row) => Ok(NotificationChannelUpdatePayload {
                notification_channel: channel_in(ctx, row, "NotificationChannelUpdatePayload").await?,
                user_errors: Vec::new(),
            }),
            Err(error) => NotificationChannelUpdatePayload::refused(error),
        }
    }

    /// Deletes a channel with what was sent through it. Administrators only.
    async fn notification_channel_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: NotificationChannelDeleteInput,
    ) -> Result<NotificationChannelDeletePayload> {
        match services(ctx)?.notifications.delete(op(ctx)?, id(&input.id)?).await {
            Ok(id) => Ok(NotificationChannelDeletePayload { deleted_notification_channel_id: Some(id.to_string().into()), user_errors: Vec::new() }),
            Err(error) => NotificationChannelDeletePayload::refused(error),
        }
    }

    /// Sends a real test through a channel, to everybody whom it reaches; at most five a minute. Administrators only.
    async fn notification_channel_test(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: NotificationChannelTestInput,
    ) -> Result<NotificationChannelTestPayload> {
        let id = id::<NotificationChannelId>(&input.id)?;
        match services(ctx)?.notifications.test(op(ctx)?, id).await {
            Ok(rows) => {
                let selected = Selected::of(ctx).one("NotificationChannelTestPayload", "notifications");
                let notifications = plan::<Notification>(op(ctx)?, rows, selected.as_ref()).await?;
                Ok(NotificationChannelTestPayload { notifications: Some(notifications), user_errors: Vec::new() })
            }
            Err(error) => NotificationChannelTestPayload::refused(error),
        }
    }

    /// Says who is told of what, and when. Administrators only.
    async fn notification_settings_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: NotificationSettingsUpdateInput,
    ) -> Result<NotificationSettingsUpdatePayload> {
        let tenant = input.tenant_id.as_ref().map(id).transpose()?;
        match services(ctx)?.notifications.change_settings(op(ctx)?, tenant, changes(input)?).await {
            Ok((tenant, settings)) => {
                Ok(NotificationSettingsUpdatePayload { notification_settings: Some(NotificationSettings { tenant, settings }), user_errors: Vec::new() })
            }
            Err(error) => NotificationSettingsUpdatePayload::refused(error),
        }
    }
}
