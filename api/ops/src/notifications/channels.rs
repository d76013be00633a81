//! The rules about channels: whom they reach, and the addresses that they keep sealed.

use chrono::{DateTime, Utc};
use entities::tables::notification_channels::{ActiveModel, Column};
use entities::{NotificationChannelId, NotificationChannelKind, NotificationChannelStatus, TenantId};
use integrations::outgoing::Outgoing;
use integrations::registry::Messengers;
use people::tenants::{NotMine, TenantKeys, lock_tenant, target};
use people::validation::{Problem, SHORT, invalid, text};
use platform::callers::Action;
use platform::callers::actions::ManageNotifications;
use platform::crypto::{MasterKey, Sealed, TenantKey, Where};
use platform::outbox::FeedId;
use platform::{Change, OpCtx, Permit, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::Value;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::error::NotificationError;
use super::row::NotificationChannelRow;
use super::{recipients, store};

/// Channels of one tenant at most.
pub(super) const MAX_CHANNELS: u64 = 50;

/// A channel to be made.
#[derive(Clone, Debug)]
pub struct NewNotificationChannel {
    /// The tenant: a platform administrator names it, or makes a channel of the platform's own.
    pub tenant: Option<TenantId>,
    /// How it reaches people.
    pub kind: NotificationChannelKind,
    /// What people call it.
    pub name: String,
    /// Mail addresses, where it is for mail.
    pub email_addresses: Vec<String>,
    /// Telephone numbers, where it is for text messages.
    pub phone_numbers: Vec<String>,
    /// The address of an incoming webhook, where it is for Slack.
    pub slack_webhook_url: Option<SecretString>,
}

/// What to change of a channel.
#[derive(Clone, Debug, Default)]
pub struct NotificationChannelChanges {
    /// What people call it.
    pub name: Option<String>,
    /// Whether it is used.
    pub status: Option<NotificationChannelStatus>,
    /// Mail addresses.
    pub email_addresses: Option<Vec<String>>,
    /// Telephone numbers.
    pub phone_numbers: Option<Vec<String>>,
    /// The address of an incoming webhook.
    pub slack_webhook_url: Option<SecretString>,
}

/// The addresses that channels keep sealed: a tenant's under its own key, the platform's under one of the master key's.
#[derive(Clone)]
pub(super) struct Vault {
    keys: TenantKeys,
    master: MasterKey,
}

impl Vault {
    pub(super) fn new(master: &MasterKey) -> Self {
        Self { keys: TenantKeys::new(master.clone()), master: master.clone() }
    }

    fn place(tenant: Option<TenantId>, id: NotificationChannelId) -> Where<'static> {
        Where { tenant: FeedId::of(tenant).uuid(), table: "notification_channels", row: id.uuid(), column: "url_sealed" }
    }

    async fn seal<A: Action>(
        &self,
        tx: &Tx,
        permit: &Permit<A>,
        of: (Option<TenantId>, NotificationChannelId),
        url: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Sealed, NotificationError> {
        let place = Self::place(of.0, of.1);
        match of.0 {
            Some(_) => Ok(self.keys.seal(tx, permit, place, url, now).await?),
            None => Ok(TenantKey::of_platform(&self.master).seal(place, url)?),
        }
    }

    /// The address of a channel's webhook.
    pub(super) async fn open<A: Action>(
        &self,
        tx: &Tx,
        permit: &Permit<A>,
        channel: &NotificationChannelRow,
        sealed: &[u8],
    ) -> Result<SecretString, NotificationError> {
        let place = Self::place(channel.tenant_id, channel.id);
        match channel.tenant_id {
            Some(_) => Ok(self.keys.open(tx, permit, place, sealed).await?),
            None => Ok(TenantKey::of_platform(&self.master).open(place, sealed)?),
        }
    }
}

/// Who is told of what, when and how.
#[derive(Clone)]
pub struct Notifications {
    pub(super) vault: Vault,
    pub(super) outgoing: Outgoing,
    pub(super) messengers: Messengers,
}

impl Notifications {
    /// Notifications whose addresses are sealed under this master key, and which are sent by these messengers.
    pub fn new(master: &MasterKey, outgoing: Outgoing, messengers: Messengers) -> Self {
        Self { vault: Vault::new(master), outgoing, messengers }
    }

    /// People cannot be reached in a way that nobody is set up for.
    pub(super) fn configured(&self, kind: NotificationChannelKind) -> Result<(), NotificationError> {
        self.messengers.of(kind).map(drop).ok_or(NotificationError::NotConfigured(kind))
    }

    /// Makes a channel.
    pub async fn create(&self, ctx: &OpCtx, input: NewNotificationChannel) -> Result<NotificationChannelRow, NotificationError> {
        let permit = ctx.authorize::<ManageNotifications>()?;
        let tenant = target(&permit, input.tenant).map_err(|NotMine| NotificationError::NotFound("tenant"))?;
        let name = text("name", &input.name, SHORT)?;
        let NewNotificationChannel { kind, email_addresses, phone_numbers, slack_webhook_url, .. } = input;
        only_for(kind, !email_addresses.is_empty(), !phone_numbers.is_empty(), slack_webhook_url.is_some())?;
        let given = if kind == NotificationChannelKind::Email { &email_addresses } else { &phone_numbers };
        let addresses = recipients::checked(kind, given)?;
        let url = self.webhook(kind, slack_webhook_url.as_ref())?;
        self.configured(kind)?;
        let tx = ctx.writer().await?;
        if let Some(tenant) = tenant
            && !lock_tenant(&tx, &permit, tenant).await?
        {
            return Err(NotificationError::NotFound("tenant"));
        }
        if store::count_channels(&tx, &permit, tenant).await? >= MAX_CHANNELS {
            return Err(NotificationError::TooMany);
        }
        let (id, now) = (ctx.new_id::<NotificationChannelId>(), ctx.now());
        let (mut sealed, mut hint) = (None, None);
        if let Some((url, shown)) = url {
            sealed = Some(self.vault.seal(&tx, &permit, (tenant, id), &url, now).await?);
            hint = Some(shown);
        }
        let row = ActiveModel {
            id: Set(id),
            tenant_id: Set(tenant),
            feed_id: Set(FeedId::of(tenant).uuid()),
            kind: Set(kind),
            name: Set(name),
            status: Set(NotificationChannelStatus::Enabled),
            recipients: Set(json!(addresses)),
            url_sealed: Set(sealed),
            url_hint: Set(hint),
            next_slot_at: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
        };
        store::insert_channel(&tx, &permit, row).await?;
        let channel = store::channel(&tx, &permit, id).await?.ok_or(NotificationError::NotFound("channel"))?;
        ctx.commit(tx, Change::new("notificationChannelCreate", tenant).subject(id).after(&channel)).await?;
        Ok(channel)
    }

    /// Changes a channel. What waits for one that is disabled is given up when its turn comes.
    pub async fn update(
        &self,
        ctx: &OpCtx,
        id: NotificationChannelId,
        changes: NotificationChannelChanges,
    ) -> Result<NotificationChannelRow, NotificationError> {
        let permit = ctx.authorize::<ManageNotifications>()?;
        let now = ctx.now();
        let tx = ctx.writer().await?;
        let before = store::channel_locked(&tx, &permit, id).await?.ok_or(NotificationError::NotFound("channel"))?;
        let kind = before.kind;
        only_for(kind, changes.email_addresses.is_some(), changes.phone_numbers.is_some(), changes.slack_webhook_url.is_some())?;
        let mut values: Vec<(Column, Value)> = vec![(Column::UpdatedAt, now.into())];
        if let Some(name) = changes.name {
            values.push((Column::Name, text("name", &name, SHORT)?.into()));
        }
        if let Some(status) = changes.status {
            values.push((Column::Status, status.as_str().into()));
        }
        if let Some(given) = changes.email_addresses.or(changes.phone_numbers) {
            values.push((Column::Recipients, json!(recipients::checked(kind, &given)?).into()));
        }
        if let Some(url) = changes.slack_webhook_url
            && let Some((url, hint)) = self.webhook(kind, Some(&url))?
        {
            values.push((Column::UrlSealed, self.vault.seal(&tx, &permit, (before.tenant_id, id), &url, now).await?.into()));
            values.push((Column::UrlHint, hint.into()));
        }
        store::update_channel(&tx, &before, values).await?;
        let after = store::channel(&tx, &permit, id).await?.ok_or(NotificationError::NotFound("channel"))?;
        ctx.commit(tx, Change::new("notificationChannelUpdate", before.tenant_id).subject(id).before(&before).after(&after)).await?;
        Ok(after)
    }

    /// Deletes a channel with what was sent through it. One that the settings name stays until they do not.
    pub async fn delete(&self, ctx: &OpCtx, id: NotificationChannelId) -> Result<NotificationChannelId, NotificationError> {
        let permit = ctx.authorize::<ManageNotifications>()?;
        let tx = ctx.writer().await?;
        let found = store::channel(&tx, &permit, id).await?.ok_or(NotificationError::NotFound("channel"))?;
        if let Some(tenant) = found.tenant_id {
            // Whoever changes the settings holds the tenant too.
            lock_tenant(&tx, &permit, tenant).await?;
        }
        let channel = store::channel_locked(&tx, &permit, id).await?.ok_or(NotificationError::NotFound("channel"))?;
        let settings = store::settings(&tx, channel.tenant_id).await?;
        if settings.rules.iter().flatten().any(|rule| rule.channel_ids.contains(&id)) {
            return Err(NotificationError::ChannelInUse("the rules"));
        }
        if settings.escalation.iter().any(|level| level.channel_ids.contains(&id)) {
            return Err(NotificationError::ChannelInUse("a level of escalation"));
        }
        store::delete_channel(&tx, &channel).await?;
        ctx.commit(tx, Change::new("notificationChannelDelete", channel.tenant_id).subject(id).before(&channel)).await?;
        Ok(id)
    }

    /// The address of a Slack channel in the one spelling to keep, and what may be shown of it.
    fn webhook(&self, kind: NotificationChannelKind, url: Option<&SecretString>) -> Result<Option<(SecretString, String)>, NotificationError> {
        match (kind, url) {
            (NotificationChannelKind::Slack, Some(url)) => {
                let url = self.outgoing.check_url(url.expose_secret())?;
                let hint = recipients::hint(&url);
                Ok(Some((SecretString::from(String::from(url)), hint)))
            }
            (NotificationChannelKind::Slack, None) => Err(invalid("slackWebhookUrl", Problem::Required).into()),
            (NotificationChannelKind::Email | NotificationChannelKind::Sms, _) => Ok(None),
        }
    }
}

/// What belongs to a channel of another kind is left out.
fn only_for(kind: NotificationChannelKind, emails: bool, phones: bool, webhook: bool) -> Result<(), NotificationError> {
    use NotificationChannelKind::{Email, Slack, Sms};
    for (field, of, given) in [("emailAddresses", Email, emails), ("phoneNumbers", Sms, phones), ("slackWebhookUrl", Slack, webhook)] {
        if given && kind != of {
            return Err(invalid(field, Problem::NotAllowed).into());
        }
    }
    Ok(())
}
