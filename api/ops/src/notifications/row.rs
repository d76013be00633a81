//! The rows of channels and notifications; the sealed address of a channel is read elsewhere.

use chrono::{DateTime, Utc};
use entities::{
    AlertId, AlertSeverity, EventId, NotificationChannelId, NotificationChannelKind, NotificationChannelStatus, NotificationId, NotificationKind,
    NotificationStatus, StoreId, TenantId,
};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// A way to reach people.
    pub struct NotificationChannelRow from notification_channels {
        /// The row's id.
        id: NotificationChannelId = Id,
        /// The tenant; none for the platform's own.
        tenant_id: Option<TenantId> = TenantId,
        /// How it reaches people.
        kind: NotificationChannelKind = Kind,
        /// What people call it.
        name: String = Name,
        /// Whether it is used.
        status: NotificationChannelStatus = Status,
        /// Mail addresses or telephone numbers. See [`NotificationChannelRow::addresses`].
        recipients: Json = Recipients,
        /// What may be shown of a webhook's address.
        url_hint: Option<String> = UrlHint,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(NotificationChannelRow in "notification_channels", id id);

impl NotificationChannelRow {
    /// Mail addresses or telephone numbers.
    pub fn addresses(&self) -> Vec<String> {
        texts(&self.recipients)
    }
}

/// A stored list of texts.
pub(super) fn texts(list: &Json) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

row! {
    /// A message to people, on its way through a channel.
    pub struct NotificationRow from notifications {
        /// The row's id.
        id: NotificationId = Id,
        /// The tenant; none for the platform's own.
        tenant_id: Option<TenantId> = TenantId,
        /// The event that it tells of.
        event_id: EventId = EventId,
        /// The channel.
        channel_id: NotificationChannelId = ChannelId,
        /// The alert; none for tests and digests.
        alert_id: Option<AlertId> = AlertId,
        /// The store that the alert is about.
        store_id: Option<StoreId> = StoreId,
        /// What it tells.
        kind: NotificationKind = Kind,
        /// The level of escalation; 0 for none.
        level: i32 = Level,
        /// How bad the alert was.
        severity: Option<AlertSeverity> = Severity,
        /// The telephone number; empty where one message goes to the whole channel.
        recipient: String = Recipient,
        /// The mail addresses that have not got it yet, where others have.
        remaining: Option<Json> = Remaining,
        /// Recipients that did not take it for good, each with the reason.
        refused: Option<Json> = Refused,
        /// How far it is.
        status: NotificationStatus = Status,
        /// Times that it was sent.
        attempts: i32 = Attempts,
        /// Attempts of which nobody knows whether they arrived.
        unknown_attempts: i32 = UnknownAttempts,
        /// What went wrong.
        error_message: Option<String> = ErrorMessage,
        /// What the provider calls it.
        provider_message_id: Option<String> = ProviderMessageId,
        /// The digest that it went into.
        digest_id: Option<NotificationId> = DigestId,
        /// The time that it was given for its first attempt (UTC).
        slot_at: Option<DateTime<Utc>> = SlotAt,
        /// When it is sent next (UTC).
        due_at: Option<DateTime<Utc>> = DueAt,
        /// When it was last sent (UTC).
        last_attempt_at: Option<DateTime<Utc>> = LastAttemptAt,
        /// When the provider took it (UTC).
        sent_at: Option<DateTime<Utc>> = SentAt,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(NotificationRow in "notifications", id id);
