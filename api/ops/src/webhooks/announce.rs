//! Events become deliveries and jobs, in the relay's own transaction: once, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use entities::{TenantId, WebhookDeliveryId, WebhookEndpointId, WebhookEndpointStatus};
use platform::db::in_list;
use platform::jobs::enqueue_all;
use platform::outbox::{Event, Listener};
use platform::{Clock, DbErr, Trace, Tx};
use sea_orm::prelude::Json;
use sea_orm::{ConnectionTrait, Statement};

use super::message::{Errand, Message, delivery};
use super::row::wants;
use super::store::insert_deliveries;

/// Hears events for the endpoints of their tenants.
pub struct Announcer {
    clock: Arc<dyn Clock>,
}

/// An endpoint that is told of events.
struct Subscriber {
    id: WebhookEndpointId,
    event_types: Json,
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
        let subscribers = subscribers(tx, &tenants).await?;
        if subscribers.is_empty() {
            return Ok(());
        }
        let trace = Trace::system("webhooks", self.clock.clone());
        let (mut deliveries, mut jobs) = (Vec::new(), Vec::new());
        for event in events {
            let Some((tenant, subscribers)) = event.tenant.and_then(|tenant| Some((tenant, subscribers.get(&tenant)?))) else { continue };
            let message = Message { id: event.id, name: event.name.clone(), version: event.version, occurred_at: event.occurred_at, data: event.data.clone() };
            let body = message.body();
            for subscriber in subscribers.iter().filter(|subscriber| message.is_told() && wants(&subscriber.event_types, &message.name)) {
                let id: WebhookDeliveryId = trace.new_id();
                deliveries.push(delivery(id, (tenant, subscriber.id), &message, body.clone(), trace.now()));
                jobs.push(Errand { delivery_id: id, endpoint_id: subscriber.id }.job(tenant));
            }
        }
        insert_deliveries(tx, deliveries).await?;
        enqueue_all(tx, &trace, jobs).await?;
        Ok(())
    }
}

/// The endpoints of these tenants that are told of anything.
async fn subscribers(tx: &Tx, tenants: &BTreeSet<TenantId>) -> Result<BTreeMap<TenantId, Vec<Subscriber>>, DbErr> {
    let mut found = BTreeMap::<TenantId, Vec<Subscriber>>::new();
    if tenants.is_empty() {
        return Ok(found);
    }
    let backend = tx.get_database_backend();
    let ids: Vec<_> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    let (listed, ids) = in_list(backend, "tenant_id", 2, &ids);
    let sql = format!("select tenant_id, id, event_types from webhook_endpoints where status = $1 and {listed} order by created_at, id");
    let values = [WebhookEndpointStatus::Enabled.as_str().into(), ids];
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
        found.entry(row.try_get_by_index(0)?).or_default().push(Subscriber { id: row.try_get_by_index(1)?, event_types: row.try_get_by_index(2)? });
    }
    Ok(found)
}
