//! The rules about deliveries: who may have one worked on again, and when.

use entities::WebhookEventId;
use platform::callers::actions::ManageConnections;
use platform::db::List;
use platform::inbox::again;
use platform::jobs::Enqueued;
use platform::{Change, OpCtx};

use super::error::WebhookEventError;
use super::row::WebhookEventRow;

/// Deliveries.
#[derive(Clone, Copy, Debug)]
pub struct WebhookEvents;

impl WebhookEvents {
    /// Has a delivery worked on again, from its stored body: after whatever made it fail was mended. What was done with it before
    /// is not done twice.
    pub async fn replay(self, ctx: &OpCtx, id: WebhookEventId) -> Result<WebhookEventRow, WebhookEventError> {
        let permit = ctx.authorize::<ManageConnections>()?;
        let tx = ctx.writer().await?;
        let deliveries = || List::<WebhookEventRow, _>::new(&tx, &permit);
        let before = deliveries().by_ids_locked(&[id.uuid()]).await?.pop().ok_or(WebhookEventError::NotFound)?;
        if before.payload_deleted_at.is_some() {
            return Err(WebhookEventError::PayloadDeleted);
        }
        if again(&tx, &ctx.trace(), before.tenant_id, id).await? == Enqueued::AlreadyThere {
            return Err(WebhookEventError::StillPending);
        }
        let after = deliveries().by_ids(&[id.uuid()]).await?.pop().ok_or(WebhookEventError::NotFound)?;
        let change = Change::new("webhookEventReplay", before.tenant_id).subject(id).before(&before).after(&after);
        ctx.commit(tx, change).await?;
        Ok(after)
    }
}
