//! Taking a request in, with the delivery that brings it: a row, once, and the job that does what it asks.

use entities::{EventType, PrivacyRequestId, PrivacyRequestKind, PrivacyRequestStatus, StoreId, TenantId};
use integrations::ports::commerce::{CommerceEvent, PrivacyKind, PrivacyRequest};
use platform::inbox::{Handled, Stored};
use platform::jobs::{NewJob, Running, enqueue};
use platform::{Change, DbErr, Trace, Tx};
use sea_orm::{ConnectionTrait, Value};
use serde_json::json;

use super::jobs::WORK;
use super::{DUE_AFTER, store};
use crate::records::{Thing, customer_of, digest};

/// A request to be written down.
pub(super) struct NewRequest {
    pub tenant: TenantId,
    pub store: Option<StoreId>,
    pub provider: String,
    pub shop_domain: String,
    pub kind: PrivacyRequestKind,
    /// The delivery that brings it, and what it says beside store and kind.
    pub told: Option<(Stored, PrivacyRequest)>,
}

const INTO: &str = "insert into privacy_requests (id, tenant_id, store_id, webhook_event_id, provider, shop_domain, provider_request_id, kind, status,
      external_customer_id, external_order_ids, contact, subject_digest, evidence, warned_days, requested_at, received_at, due_at, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, $15, $16, $17, $16, $16) on conflict do nothing";

/// Takes in what a delivery asks. The shop is the one that the signed body names; a request that was taken before changes nothing.
pub(crate) async fn receive(tx: &Tx, job: &Running, delivery: &Stored, request: &PrivacyRequest) -> Result<Handled, DbErr> {
    let store = store::store_of(tx, delivery.tenant, &delivery.provider, &request.shop).await?;
    let kind = match request.kind {
        PrivacyKind::CustomerData => PrivacyRequestKind::DataRequest,
        PrivacyKind::CustomerErasure => PrivacyRequestKind::CustomerRedaction,
        PrivacyKind::ShopErasure => PrivacyRequestKind::ShopRedaction,
    };
    let new = NewRequest {
        tenant: delivery.tenant,
        store,
        provider: delivery.provider.clone(),
        shop_domain: request.shop.clone(),
        kind,
        told: Some((delivery.clone(), request.clone())),
    };
    write(tx, &job.trace(), new).await?;
    if let (PrivacyRequestKind::CustomerRedaction, Some(store)) = (kind, store) {
        // From now on, not only from when the job has come to it.
        store::forget(tx, (delivery.tenant, store), digests_of(store, request), job.now()).await?;
    }
    Ok(Handled::processed(store))
}

fn digests_of(store: StoreId, request: &PrivacyRequest) -> Vec<String> {
    let customer = request.customer.as_ref().and_then(|customer| customer.external_id.as_deref()).map(|id| digest(store, Thing::Customer, id));
    customer.into_iter().chain(request.orders.iter().map(|id| digest(store, Thing::Order, id))).collect()
}

/// Writes a request with its job, unless it is there.
pub(super) async fn write(tx: &Tx, trace: &Trace, new: NewRequest) -> Result<Option<PrivacyRequestId>, DbErr> {
    let (id, now): (PrivacyRequestId, _) = (trace.new_id(), trace.now());
    let (delivery, told) = new.told.unzip();
    let customer = told.as_ref().and_then(|told| told.customer.as_ref());
    let external_id = customer.and_then(|customer| customer.external_id.clone());
    let contact = customer.map(|customer| json!({ "email": customer.email, "phone": customer.phone }));
    let subject = new.store.zip(external_id.as_deref()).map(|(store, id)| digest(store, Thing::Customer, id));
    let values: [Value; 17] = [
        id.into(),
        new.tenant.into(),
        new.store.into(),
        delivery.as_ref().map(|delivery| delivery.id).into(),
        new.provider.into(),
        new.shop_domain.into(),
        told.as_ref().and_then(|told| told.request_id.clone()).into(),
        new.kind.as_str().into(),
        PrivacyRequestStatus::Pending.as_str().into(),
        external_id.into(),
        json!(told.as_ref().map(|told| told.orders.clone()).unwrap_or_default()).into(),
        contact.into(),
        subject.into(),
        json!({}).into(),
        delivery.and_then(|delivery| delivery.triggered_at).unwrap_or(now).into(),
        now.into(),
        (now + DUE_AFTER).into(),
    ];
    if tx.execute_raw(store::statement(tx, INTO, values)).await?.rows_affected() == 0 {
        return Ok(None);
    }
    enqueue(tx, trace, work_on(new.tenant, id)).await?;
    let data = json!({ "privacyRequestId": id, "kind": new.kind, "storeId": new.store });
    // Of the person the log is told nothing.
    let after = json!({ "kind": new.kind, "storeId": new.store, "dueAt": now + DUE_AFTER });
    let change = Change::new("privacyRequestReceive", new.tenant).subject(id).after(&after);
    change.announce_with(EventType::PrivacyRequestReceived, new.store, data).write(tx, trace).await?;
    Ok(Some(id))
}

/// The work on a request: there is never more than one at a time.
pub(super) fn work_on(tenant: TenantId, id: PrivacyRequestId) -> NewJob {
    NewJob::new(WORK, Some(tenant), json!({ "privacyRequestId": id })).unique(id)
}

/// Whether a delivery about a store tells of somebody whom the store has forgotten, or the store itself is erased: then it is worked
/// on, and nothing of what it carries is kept.
pub(crate) async fn is_forgotten(tx: &Tx, tenant: TenantId, store: StoreId, event: &CommerceEvent) -> Result<bool, DbErr> {
    let (customer, order) = match event {
        CommerceEvent::OrderChanged(change) => (customer_of(&change.order), Some(&change.order.external_id)),
        CommerceEvent::OrderDeleted { external_id } => (None, Some(external_id)),
        CommerceEvent::CustomerChanged(customer) => (Some(&customer.external_id), None),
        CommerceEvent::CustomerDeleted { external_id } => (Some(external_id), None),
        CommerceEvent::RefundCreated(refund) => (None, Some(&refund.order)),
        // What asks for it is emptied by who does it.
        CommerceEvent::Privacy(_) => return Ok(false),
        CommerceEvent::ProductChanged(_)
        | CommerceEvent::ProductDeleted { .. }
        | CommerceEvent::AppUninstalled { .. }
        | CommerceEvent::ScopesChanged { .. }
        | CommerceEvent::ExportEnded { .. }
        | CommerceEvent::Ignored { .. } => (None, None),
    };
    let digests = [customer.map(|id| digest(store, Thing::Customer, id)), order.map(|id| digest(store, Thing::Order, id))];
    if digests.iter().any(Option::is_some) && !store::known(tx, (tenant, store), digests).await?.is_empty() {
        return Ok(true);
    }
    let sql = "select 1 from stores where tenant_id = $1 and id = $2 and status = 'UNINSTALLED' and data_deletion_completed_at is not null";
    Ok(tx.query_one_raw(store::statement(tx, sql, [tenant.into(), store.into()])).await?.is_some())
}
