//! Events become deliveries and jobs, in the relay's own transaction: once, or not at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use entities::{TenantId, WebhookDeliveryId, WebhookEndpointStatus};
use platform::jobs::enqueue_all;
use platform::outbox::{Event, Listener};
use platform::{Clock, DbErr, Trace, Tx};

use super::message::{Errand, Message, delivery};
use super::store::{endpoints_of, insert_deliveries};
use super::stranded;

/// Hears events for the endpoints of their tenants.
pub struct Announcer {
    clock: Arc<dyn Clock>,
}

impl Announcer {
    /// Deliveries are stamped by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Listener for Announcer {
    async fn take(&self, tx: &Tx, events: &[Event]) -> Result<(), DbErr> {
        let tenants: BTreeSet<TenantId> = events.iter().filter_map(|event| event.tenant).collect();
        let endpoints = endpoints_of(tx, &tenants).await?;
        let trace = Trace::system("webhooks", self.clock.clone());
        let (mut deliveries, mut jobs) = (Vec::new(), Vec::new());
        for event in events {
            jobs.extend(stranded::job_for(event));
            let Some((tenant, all)) = event.tenant.and_then(|tenant| Some((tenant, endpoints.get(&tenant)?))) else { continue };
            let message = Message { id: event.id, name: event.name.clone(), version: event.version, occurred_at: event.occurred_at, data: event.data.clone() };
            let body = message.body();
            for endpoint in all.iter().filter(|endpoint| endpoint.status == WebhookEndpointStatus::Enabled && endpoint.is_told(&message, all)) {
                let id: WebhookDeliveryId = trace.new_id();
                deliveries.push(delivery(id, (tenant, endpoint.id), &message, body.clone(), trace.now()));
                jobs.push(Errand { delivery_id: id, endpoint_id: endpoint.id }.job(tenant));
            }
        }
        insert_deliveries(tx, deliveries).await?;
        enqueue_all(tx, &trace, jobs).await?;
        Ok(())
    }
}
