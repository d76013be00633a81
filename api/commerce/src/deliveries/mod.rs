//! What shop systems delivered: read as the provider wrote it, and written to the store that it is about.
//!
//! May touch the stores' rows by way of `changes`, the provider's `parse`, and the ways into shops of `installs`; storing and settling
//! deliveries is the inbox's.

mod announce;
mod fetch;
mod store;

pub use fetch::{FETCH, workers};

use async_trait::async_trait;
use bytes::Bytes;
use entities::StoreStatus;
use integrations::ports::commerce::{CommerceEvent, ProductChange, RecordKind, RefundRecord};
use integrations::ports::delivery::{DeliveryParts, Verified};
use integrations::ports::shop::DataKind;
use integrations::registry;
use platform::inbox::{HandleError, Handled, Handler, Stored};
use platform::jobs::Running;
use platform::{Ids, Tx};

use crate::changes::{ChangeError, Telling, apply, delete};
use crate::privacy::{is_forgotten, receive};
use crate::{installs, sync};
use announce::announce;
use store::Shop;

/// Why nothing is done with what another app of the tenant is told.
const OTHER_APP: &str = "the shop is installed under another connection";

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
        let acted = Work { tx, job, delivery }.act(&event).await;
        let handled = match acted {
            // Rejected before anything is written: whom it tells of may be somebody whose data must not wait for a replay.
            Err(HandleError::Rejected(why)) => match store::of(tx, delivery).await? {
                Some(shop) if is_forgotten(tx, delivery.tenant, shop.place.store, &event).await? => {
                    Handled::ignored(Some(shop.place.store), "it was rejected, and tells of somebody who was forgotten")
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

/// The work on one delivery.
struct Work<'a> {
    tx: &'a Tx,
    job: &'a Running,
    delivery: &'a Stored,
}

impl Work<'_> {
    async fn act(&self, event: &CommerceEvent) -> Result<Handled, HandleError> {
        let Self { tx, job, delivery } = self;
        match event {
            CommerceEvent::Ignored { topic } => Ok(Handled::ignored(delivery.store, format!("nothing is done with {topic}"))),
            CommerceEvent::AppUninstalled { shop } => installs::uninstalled(tx, job, delivery, shop.as_deref()).await,
            CommerceEvent::ScopesChanged { granted } => installs::scopes_changed(tx, job, delivery, granted).await,
            CommerceEvent::Privacy(request) => Ok(receive(tx, job, delivery, request).await?),
            CommerceEvent::OrderChanged(change) => self.write(Telling::Order(change)).await,
            CommerceEvent::CustomerChanged(customer) => self.write(Telling::Customer(customer)).await,
            CommerceEvent::ProductChanged(change) => self.product(change).await,
            CommerceEvent::OrderDeleted { external_id } => self.delete(RecordKind::Order, external_id).await,
            CommerceEvent::CustomerDeleted { external_id } => self.delete(RecordKind::Customer, external_id).await,
            CommerceEvent::ProductDeleted { external_id } => self.delete(RecordKind::Product, external_id).await,
            CommerceEvent::RefundCreated(refund) => self.refund(refund).await,
            CommerceEvent::ExportEnded { id } => self.export_ended(id).await,
        }
    }

    /// The store that the delivery is about; or why nothing is done.
    async fn shop(&self) -> Result<Result<Shop, Handled>, HandleError> {
        let shop = store::of(self.tx, self.delivery).await?.ok_or_else(|| unknown(self.delivery))?;
        let why = match shop.status {
            StoreStatus::Uninstalled => "the app was removed from the shop",
            _ if !shop.is_by_its_app => OTHER_APP,
            // Its currency is a guess until then.
            _ if shop.awaits_set_up => return Err(HandleError::Later("the store is not set up yet".to_owned())),
            // A paused store keeps what it knows up to date.
            StoreStatus::Active | StoreStatus::Inactive => return Ok(Ok(shop)),
        };
        Ok(Err(Handled::ignored(Some(shop.place.store), why)))
    }

    async fn write(&self, telling: Telling<'_>) -> Result<Handled, HandleError> {
        let shop = match self.shop().await? {
            Ok(shop) => shop,
            Err(ignored) => return Ok(ignored),
        };
        self.write_to(&shop, telling).await?;
        Ok(Handled::processed(Some(shop.place.store)))
    }

    async fn write_to(&self, shop: &Shop, telling: Telling<'_>) -> Result<(), HandleError> {
        let told_at = self.delivery.triggered_at;
        let written = apply(self.tx, &shop.place, telling, told_at, self.job.now(), &self.ids()).await.map_err(not_written)?;
        Ok(announce(self.tx, &self.job.trace(), &shop.place, written).await?)
    }

    /// A product with more variants than were written out is fetched as well.
    async fn product(&self, change: &ProductChange) -> Result<Handled, HandleError> {
        let shop = match self.shop().await? {
            Ok(shop) => shop,
            Err(ignored) => return Ok(ignored),
        };
        self.write_to(&shop, Telling::Product(change)).await?;
        if !change.complete && shop.status == StoreStatus::Active {
            self.fetch(&shop, DataKind::Products, &change.product.external_id).await?;
        }
        Ok(Handled::processed(Some(shop.place.store)))
    }

    async fn delete(&self, kind: RecordKind, external_id: &str) -> Result<Handled, HandleError> {
        let shop = match self.shop().await? {
            Ok(shop) => shop,
            Err(ignored) => return Ok(ignored),
        };
        let (now, place) = (self.job.now(), &shop.place);
        let at = self.delivery.triggered_at.unwrap_or(now);
        let written = delete(self.tx, place, (kind, external_id), at, now, &self.ids()).await.map_err(not_written)?;
        announce(self.tx, &self.job.trace(), place, written).await?;
        Ok(Handled::processed(Some(place.store)))
    }

    /// A refund does not tell what its order comes to now: the shop is asked.
    async fn refund(&self, refund: &RefundRecord) -> Result<Handled, HandleError> {
        let shop = match self.shop().await? {
            Ok(shop) => shop,
            Err(ignored) => return Ok(ignored),
        };
        if shop.status != StoreStatus::Active {
            return Ok(Handled::ignored(Some(shop.place.store), "the store is paused: the order comes with its own change, or with the next sync"));
        }
        self.fetch(&shop, DataKind::Orders, &refund.order).await?;
        Ok(Handled::processed(Some(shop.place.store)))
    }

    async fn export_ended(&self, id: &str) -> Result<Handled, HandleError> {
        let shop = match self.shop().await? {
            Ok(shop) => shop,
            Err(ignored) => return Ok(ignored),
        };
        let store = shop.place.store;
        let awaited = sync::export_ended(self.tx, &self.job.trace(), shop.place.tenant, store, id).await?;
        Ok(if awaited { Handled::processed(Some(store)) } else { Handled::ignored(Some(store), "no sync waits for this export") })
    }

    async fn fetch(&self, shop: &Shop, kind: DataKind, external_id: &str) -> Result<(), HandleError> {
        Ok(fetch::request(self.tx, &self.job.trace(), (shop.place.tenant, shop.place.store), (kind, external_id), self.delivery.triggered_at).await?)
    }

    fn ids(&self) -> Ids {
        Ids::new(self.job.clock())
    }
}

fn not_written(error: ChangeError) -> HandleError {
    match error {
        ChangeError::Rejected(line) => HandleError::Rejected(line.to_string()),
        ChangeError::Importing => HandleError::Later(error.to_string()),
        ChangeError::Storage(error) => HandleError::Storage(error),
    }
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
