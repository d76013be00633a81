//! What is announced of changes that shops tell of.

use entities::EventType;
use platform::outbox::emit;
use platform::record::Happened;
use platform::{DbErr, Trace, Tx};
use serde_json::json;

use crate::changes::{Applied, StorePlace, Subject, Written};

/// Announces what became of what was told, in the transaction that writes it; of what is as it was, nothing.
pub(super) async fn announce(tx: &Tx, trace: &Trace, place: &StorePlace, written: Written) -> Result<(), DbErr> {
    let Some(about) = written.subject else { return Ok(()) };
    let (created, updated, deleted, name, id) = match about {
        Subject::Order(id) => (EventType::OrderCreated, EventType::OrderUpdated, EventType::OrderDeleted, "orderId", id.to_string()),
        Subject::Customer(id) => (EventType::CustomerCreated, EventType::CustomerUpdated, EventType::CustomerDeleted, "customerId", id.to_string()),
        Subject::Product(id) => (EventType::ProductCreated, EventType::ProductUpdated, EventType::ProductDeleted, "productId", id.to_string()),
    };
    let kind = match written.outcome {
        Applied::Created => created,
        Applied::Updated => updated,
        Applied::Deleted => deleted,
        Applied::Unchanged => return Ok(()),
    };
    let data = json!({ name: id, "storeId": place.store });
    emit(tx, trace, Happened { kind, tenant: Some(place.tenant), store: Some(place.store), subject: Some(id), data }).await
}
