//! Trying a channel out: a real message, by the same way as all others.

use chrono::TimeDelta;
use entities::{EventId, NotificationChannelId, NotificationChannelStatus, NotificationKind};
use platform::callers::actions::ManageNotifications;
use platform::jobs::enqueue_all;
use platform::{Change, OpCtx};
use serde_json::json;

use super::channels::Notifications;
use super::error::NotificationError;
use super::route::New;
use super::row::NotificationRow;
use super::store;

/// Tests of one channel in a minute.
pub(super) const TESTS_A_MINUTE: i64 = 5;

impl Notifications {
    /// Sends a test through a channel, to everybody whom it reaches.
    pub async fn test(&self, ctx: &OpCtx, id: NotificationChannelId) -> Result<Vec<NotificationRow>, NotificationError> {
        let permit = ctx.authorize::<ManageNotifications>()?;
        let now = ctx.now();
        let tx = ctx.writer().await?;
        let channel = store::channel_locked(&tx, &permit, id).await?.ok_or(NotificationError::NotFound("channel"))?;
        if channel.status == NotificationChannelStatus::Disabled {
            return Err(NotificationError::ChannelDisabled);
        }
        self.configured(channel.kind)?;
        if store::tests_since(&tx, id, now - TimeDelta::minutes(1)).await? >= TESTS_A_MINUTE {
            return Err(NotificationError::TooManyTests);
        }
        let event: EventId = ctx.new_id();
        let new: Vec<New> = New::through(&channel, &ctx.trace(), event, NotificationKind::Test).collect();
        let ids: Vec<_> = new.iter().map(|one| one.id).collect();
        let jobs = new.iter().map(|one| one.errand().job(channel.tenant_id)).collect();
        store::insert(&tx, new.into_iter().map(|one| one.row(now)).collect()).await?;
        enqueue_all(&tx, &ctx.trace(), jobs).await?;
        let rows = store::notifications(&tx, &permit, &ids).await?;
        let change = Change::new("notificationChannelTest", channel.tenant_id).subject(id).after(&json!({ "notificationIds": ids }));
        ctx.commit(tx, change).await?;
        Ok(rows)
    }
}
