//! What the inbox still holds of a shop, a page at a time.

use chrono::{DateTime, Utc};
use entities::WebhookEventStatus;
use platform::{DbErr, Tx};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::row::PrivacyRequestRow;
use super::store::statement;

/// Deliveries of one page.
const PAGE: usize = 100;

/// A delivery that is not empty.
pub(super) struct Delivery {
    pub id: Uuid,
    pub status: WebhookEventStatus,
    pub topic: String,
    pub received_at: DateTime<Utc>,
    pub body: Vec<u8>,
    /// Whether it is a request itself, which is no data of a shop.
    pub asks: bool,
}

/// Some deliveries, and after which one the next page begins.
pub(super) struct Deliveries {
    pub found: Vec<Delivery>,
    pub next: Option<Uuid>,
}

/// The deliveries about the shop of a request that are not empty, in the order of their ids: those of the store, and those that named
/// its domain before there was one.
pub(super) async fn page(tx: &Tx, request: &PrivacyRequestRow, after: Uuid) -> Result<Deliveries, DbErr> {
    let sql = "select id, status, topic, received_at, payload,
                 exists (select 1 from privacy_requests p where p.tenant_id = webhook_events.tenant_id and p.webhook_event_id = webhook_events.id)
               from webhook_events where tenant_id = $1 and id > $2 and payload is not null and (store_id = $3 or (provider = $4 and account = $5)) order by id limit $6";
    let values = [
        request.tenant_id.into(),
        after.into(),
        request.store_id.into(),
        request.provider.as_str().into(),
        request.shop_domain.as_str().into(),
        i64::try_from(PAGE).unwrap_or(i64::MAX).into(),
    ];
    let mut found = Vec::new();
    for row in tx.query_all_raw(statement(tx, sql, values)).await? {
        found.push(Delivery {
            id: row.try_get_by_index(0)?,
            status: row.try_get_by_index(1)?,
            topic: row.try_get_by_index(2)?,
            received_at: row.try_get_by_index(3)?,
            body: row.try_get_by_index(4)?,
            asks: row.try_get_by_index(5)?,
        });
    }
    let next = if found.len() < PAGE { None } else { found.last().map(|last| last.id) };
    Ok(Deliveries { found, next })
}
