//! What shop systems delivered: read as the provider wrote it, and written to the store that it is about.
//!
//! May touch the stores' rows, the provider's `parse` and `changes`; storing and settling deliveries is the inbox's.

mod store;

use async_trait::async_trait;
use bytes::Bytes;
use entities::{EventType, StoreId, StoreStatus};
use integrations::ports::commerce::{CommerceEvent, OrderChange};
use integrations::ports::delivery::{DeliveryParts, Verified};
use integrations::registry;
use platform::inbox::{HandleError, Handled, Handler, Stored};
use platform::jobs::Running;
use platform::outbox::emit;
use platform::record::Happened;
use platform::{Ids, Tx};
use serde_json::json;

use crate::changes::{Applied, AppliedOrder, ChangeError, StorePlace, apply_order};
use crate::installs;
use crate::privacy::{is_forgotten, receive};
use store::Shop;

/// Works on the deliveries of shop systems.
pub struct ShopDeliveries;

#[async_trait]
impl Handler for ShopDeliveries {
    fn takes(&self, provider: &str) -> bool {
        registry::commerce(provider).is_some()
    }

    async fn handle(&self, tx: &Tx, job: &Running, delivery: &Stored) -> Result<Handled, HandleError> {
        let provider = registry::commerce(&delivery.provider).ok_or_else(|| HandleError::Rejected(format!("{} is no shop system", delivery.provider)))?;
        let event = provider.parse(&verified(delivery)).map_err(|error| HandleError::Rejected(error.reason))?;
        let handled = match self.act(tx, job, delivery, &event).await {
            // Rejected before anything is written: whom it tells of may be somebody whose data must not wait for a replay.
            Err(HandleError::Rejected(why)) => match store::of(tx, delivery).await? {
                Some(shop) if is_forgotten(tx, delivery.tenant, shop.id, &event).await? => {
                    Handled::ignored(Some(shop.id), "it was rejected, and tells of somebody who was forgotten")
                }
                Some(_) | None => return Err(HandleError::Rejected(why)),
            },
            handled => handled?,
        };
        // What tells of somebody who was forgotten is written without them, and not kept.
        match handled.store() {
            Some(store) if is_forgotten(tx, delivery.tenant, store, &event).await? => Ok(handled.emptied()),
            Some(_) | None => Ok(handled),
        }
    }
}

impl ShopDeliveries {
    async fn act(&self, tx: &Tx, job: &Running, delivery: &Stored, event: &CommerceEvent) -> Result<Handled, HandleError> {
        match event {
            CommerceEvent::Ignored { topic } => Ok(Handled::ignored(delivery.store, format!("nothing is done with {topic}"))),
            // Read already, and not yet acted on.
            CommerceEvent::OrderDeleted { .. }
            | CommerceEvent::CustomerChanged(_)
            | CommerceEvent::CustomerDeleted { .. }
            | CommerceEvent::ProductChanged(_)
            | CommerceEvent::ProductDeleted { .. }
            | CommerceEvent::RefundCreated(_)
            | CommerceEvent::ExportEnded { .. } => Ok(Handled::ignored(delivery.store, format!("nothing is done with {}", delivery.topic))),
            CommerceEvent::AppUninstalled { shop } => installs::uninstalled(tx, job, delivery, shop.as_deref()).await,
            CommerceEvent::ScopesChanged { granted } => installs::scopes_changed(tx, job, delivery, granted).await,
            CommerceEvent::Privacy(request) => Ok(receive(tx, job, delivery, request).await?),
            CommerceEvent::OrderChanged(change) => {
                let shop = store::of(tx, delivery).await?.ok_or_else(|| unknown(delivery))?;
                match shop.status {
                    // Its currency is a guess until then.
                    StoreStatus::Active | StoreStatus::Inactive if shop.awaits_set_up => Err(HandleError::Later("the store is not set up yet".to_owned())),
                    // A paused store keeps what it knows up to date.
                    StoreStatus::Active | StoreStatus::Inactive => write_order(tx, job, delivery, &shop, change).await,
                    StoreStatus::Uninstalled => Ok(Handled::ignored(Some(shop.id), "the app was removed from the shop")),
                }
            }
        }
    }
}

async fn write_order(tx: &Tx, job: &Running, delivery: &Stored, shop: &Shop, change: &OrderChange) -> Result<Handled, HandleError> {
    let place = StorePlace { tenant: delivery.tenant, store: shop.id, currency: shop.currency };
    let applied =
        apply_order(tx, &place, (&change.order, &change.items), delivery.triggered_at, job.now(), &Ids::new(job.clock())).await.map_err(
            |error| match error {
                ChangeError::Rejected(line) => HandleError::Rejected(line.to_string()),
                ChangeError::Importing => HandleError::Later(error.to_string()),
                ChangeError::Storage(error) => HandleError::Storage(error),
            },
        )?;
    announce(tx, job, delivery, shop.id, applied).await?;
    Ok(Handled::processed(Some(shop.id)))
}

async fn announce(tx: &Tx, job: &Running, delivery: &Stored, store: StoreId, AppliedOrder { order, outcome }: AppliedOrder) -> Result<(), HandleError> {
    let kind = match outcome {
        Applied::Created => EventType::OrderCreated,
        Applied::Updated => EventType::OrderUpdated,
        Applied::Unchanged => return Ok(()),
    };
    let data = json!({ "orderId": order, "storeId": store });
    let happened = Happened { kind, tenant: Some(delivery.tenant), store: Some(store), subject: Some(order.to_string()), data };
    Ok(emit(tx, &job.trace(), happened).await?)
}

fn unknown(delivery: &Stored) -> HandleError {
    let account = delivery.account.as_deref().unwrap_or("that it names");
    HandleError::Rejected(format!("the tenant has no store {account}; connect it with storeConnect, then replay this delivery"))
}

/// The delivery as the provider verified it.
fn verified(delivery: &Stored) -> Verified {
    Verified::stored(DeliveryParts {
        event_id: delivery.event_id.clone(),
        topic: delivery.topic.clone(),
        account: delivery.account.clone(),
        triggered_at: delivery.triggered_at,
        api_version: delivery.api_version.clone(),
        provider_event_id: delivery.provider_event_id.clone(),
        headers: serde_json::from_value(delivery.headers.clone()).unwrap_or_default(),
        body: Bytes::from(delivery.payload.clone()),
    })
}
