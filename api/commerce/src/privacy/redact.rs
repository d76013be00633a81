//! Forgetting a customer. Money, counts, dates and what was bought stay; who bought it goes, wherever it was written.
//!
//! What names the person in texts is known from their rows, so the rows come last. Everything before may be done again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entities::{PrivacyRequestOutcome, StoreId, WebhookEventStatus};
use platform::audit::erase_details_naming;
use platform::db::{Access, in_list};
use platform::inbox::empty;
use platform::jobs::{JobError, Running};
use platform::{DbErr, Tx};
use sea_orm::ConnectionTrait;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::jobs::{Evidence, finish};
use super::row::PrivacyRequestRow;
use super::subject::Subject;
use super::{inbox, store};
use crate::imports::{Quiet, is_importing, quiet};
use crate::records::{Thing, digest, order_text};

/// After how long it is looked again whether a store is left alone.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// Entries of the audit log that are looked through in one transaction.
const ENTRIES: u32 = 1_000;
/// Receipts of imports that are looked through in one transaction.
const RECEIPTS: i64 = 200;
/// What a reason that named somebody says afterwards.
const ERASED: &str = "(erased: it named a customer who was forgotten)";

/// Does what a customer's redaction asks.
pub(super) async fn redact(job: &Running, request: &PrivacyRequestRow) -> Result<(), JobError> {
    let subject = forget(job, request).await?;
    if let Some(store) = request.store_id {
        wait_for_imports(job, request, store).await?;
    }
    empty_inbox(job, request, &subject).await?;
    erase_audit(job, request, &subject).await?;
    if let Some(store) = request.store_id {
        erase_rejections(job, request, store, &subject).await?;
    }
    last(job, request).await
}

/// Who it is; from here on nothing personal is written of them.
async fn forget(job: &Running, request: &PrivacyRequestRow) -> Result<Subject, JobError> {
    let tx = job.db().write(Access::Tenant(request.tenant_id)).await?;
    let subject = Subject::of(&tx, request).await?;
    if let Some(store) = request.store_id {
        store::forget(&tx, (request.tenant_id, store), digests(store, &subject), job.now()).await?;
    }
    tx.commit().await?;
    Ok(subject)
}

fn digests(store: StoreId, subject: &Subject) -> Vec<String> {
    let customers = subject.customer_ids().map(|id| digest(store, Thing::Customer, id));
    customers.chain(subject.order_ids().map(|id| digest(store, Thing::Order, id))).collect()
}

/// An import that has begun before knows nobody who is forgotten: it ends first. What dead ones left goes.
pub(super) async fn wait_for_imports(job: &Running, request: &PrivacyRequestRow, store: StoreId) -> Result<(), JobError> {
    match quiet(job.db(), &job.trace(), job.clock(), request.tenant_id, store).await {
        Ok(Quiet::Yes) => Ok(()),
        Ok(Quiet::No) => Err(importing()),
        Err(error) => {
            tracing::warn!(%error, "what imports left could not be taken away");
            Err(JobError::Retry("what imports left could not be taken away; the log says why".to_owned()))
        }
    }
}

pub(super) fn importing() -> JobError {
    JobError::Postpone(LOOK_AGAIN, "an import of the store is under way".to_owned())
}

async fn empty_inbox(job: &Running, request: &PrivacyRequestRow, subject: &Subject) -> Result<(), JobError> {
    let (mut after, mut waits) = (Uuid::nil(), false);
    loop {
        let (tx, mut evidence) = Evidence::begin(job, request).await?;
        let page = inbox::page(&tx, request, after).await?;
        // What asks is emptied and not counted; the request's own delivery may have named another shop beside its body.
        let (mut named, mut asks) = (Vec::new(), request.webhook_event_id.map(Uuid::from).into_iter().collect::<Vec<_>>());
        for delivery in page.found.iter().filter(|delivery| subject.is_in_body(&delivery.body)) {
            match delivery.status {
                WebhookEventStatus::Pending => waits = true,
                _ if delivery.asks => asks.push(delivery.id),
                _ => named.push(delivery.id),
            }
        }
        empty(&tx, request.tenant_id, &asks, job.now()).await?;
        evidence.add("webhookEvents", empty(&tx, request.tenant_id, &named, job.now()).await?);
        evidence.write(job, tx, request).await?;
        match page.next {
            Some(next) => after = next,
            None if waits => return Err(JobError::Postpone(LOOK_AGAIN, "a delivery that names the customer has still to be worked on".to_owned())),
            None => return Ok(()),
        }
    }
}

async fn erase_audit(job: &Running, request: &PrivacyRequestRow, subject: &Subject) -> Result<(), JobError> {
    let mut from = 0;
    loop {
        let (tx, mut evidence) = Evidence::begin(job, request).await?;
        let looked =
            erase_details_naming(&tx, request.tenant_id, from, ENTRIES, &|detail| subject.is_in_text(detail) || subject.has_id(detail), job.now()).await?;
        evidence.add("auditDetails", looked.erased);
        evidence.write(job, tx, request).await?;
        if !looked.more {
            return Ok(());
        }
        from = looked.up_to;
    }
}

/// Where runs list what they could not take, and why, in words that a line may have had a part in: the evidence's name for it, the
/// table, its column, and the list in there.
const REJECTIONS: [(&str, &str, &str, &str); 2] = [("importReceipts", "import_runs", "receipt", "/rejections"), ("syncRuns", "sync_runs", "rejections", "")];

async fn erase_rejections(job: &Running, request: &PrivacyRequestRow, of: StoreId, subject: &Subject) -> Result<(), JobError> {
    for (name, table, column, list) in REJECTIONS {
        let sql = format!("select id, {column} from {table} where tenant_id = $1 and store_id = $2 and id > $3 and {column} is not null order by id limit $4");
        let mut after = Uuid::nil();
        loop {
            let (tx, mut evidence) = Evidence::begin(job, request).await?;
            let values = [request.tenant_id.into(), of.into(), after.into(), RECEIPTS.into()];
            let rows = tx.query_all_raw(store::statement(&tx, &sql, values)).await?;
            for row in &rows {
                after = row.try_get_by_index(0)?;
                let mut said: Json = row.try_get_by_index(1)?;
                if erase_reasons(said.pointer_mut(list), subject) {
                    let sql = format!("update {table} set {column} = $1 where tenant_id = $2 and id = $3");
                    tx.execute_raw(store::statement(&tx, &sql, [said.into(), request.tenant_id.into(), after.into()])).await?;
                    evidence.add(name, 1);
                }
            }
            let over = rows.len() < usize::try_from(RECEIPTS).unwrap_or(usize::MAX);
            evidence.write(job, tx, request).await?;
            if over {
                break;
            }
        }
    }
    Ok(())
}

/// Takes out the reasons that name somebody; whether there were any.
fn erase_reasons(rejections: Option<&mut Json>, subject: &Subject) -> bool {
    let mut named = false;
    for rejection in rejections.and_then(Json::as_array_mut).into_iter().flatten() {
        if rejection["reason"].as_str().is_some_and(|reason| subject.is_in_text(reason)) {
            rejection["reason"] = ERASED.into();
            named = true;
        }
    }
    named
}

/// The rows, the requests about the same person, and the end.
async fn last(job: &Running, request: &PrivacyRequestRow) -> Result<(), JobError> {
    let tx = job.db().write(Access::Tenant(request.tenant_id)).await?;
    if let Some(store) = request.store_id {
        store::hold(&tx, store).await?;
        if is_importing(&tx, request.tenant_id, store, job.now()).await? {
            return Err(importing());
        }
    }
    let Some(request) = store::locked(&tx, request.tenant_id, request.id).await? else { return Err(JobError::Lost) };
    let mut evidence = Evidence::of(&request);
    // What was written since the first look is among it.
    let subject = Subject::of(&tx, &request).await?;
    evidence.add("customers", erase_customers(&tx, job, &request, &subject).await?);
    evidence.add("orders", erase_orders(&tx, job, &request, &subject).await?);
    if let Some(store) = request.store_id {
        store::forget(&tx, (request.tenant_id, store), digests(store, &subject), job.now()).await?;
    }
    forget_requests(&tx, &request, &subject, job.now()).await?;
    let outcome = if evidence.is_empty() { PrivacyRequestOutcome::NothingThere } else { PrivacyRequestOutcome::Erased };
    finish(job, tx, &request, outcome, &evidence).await
}

/// The request itself, and those about the same person: by the digest that is left of who was forgotten before, by the customer's id at the
/// provider, or by an address.
async fn forget_requests(tx: &Tx, request: &PrivacyRequestRow, subject: &Subject, now: DateTime<Utc>) -> Result<(), DbErr> {
    store::forget_requests(tx, request, "false", [], now).await?;
    for id in subject.customer_ids() {
        let digest = request.store_id.map(|store| digest(store, Thing::Customer, id));
        let values = [digest.into(), request.provider.as_str().into(), request.shop_domain.as_str().into(), id.into()];
        let same = "subject_digest = $5 or provider = $6 and shop_domain = $7 and external_customer_id = $8";
        store::forget_requests(tx, request, same, values, now).await?;
    }
    for (id, contact) in store::asked_without_id(tx, request).await? {
        if subject.is_contact(&contact) {
            store::forget_requests(tx, request, "id = $5", [id.into()], now).await?;
        }
    }
    Ok(())
}

async fn erase_customers(tx: &Tx, job: &Running, request: &PrivacyRequestRow, subject: &Subject) -> Result<u64, DbErr> {
    let ids: Vec<Uuid> = subject.customer_rows().into_iter().map(Uuid::from).collect();
    let (listed, ids) = in_list(tx.get_database_backend(), "id", 4, &ids);
    let sql = format!(
        "update customers set first_name = null, last_name = null, email = null, email_key = null, phone = null, company = null, city = null,
           province_code = null, country_code = null, address_phone = null, accepts_email_marketing = false, email_marketing_updated_at = null,
           accepts_sms_marketing = false, sms_marketing_updated_at = null, tags = $1, company_store_name = null, industry = null, segment = null,
           search_text = '', synced_at = $2
         where tenant_id = $3 and {listed}"
    );
    let values = [json!([]).into(), job.now().into(), request.tenant_id.into(), ids];
    Ok(tx.execute_raw(store::statement(tx, &sql, values)).await?.rows_affected())
}

async fn erase_orders(tx: &Tx, job: &Running, request: &PrivacyRequestRow, subject: &Subject) -> Result<u64, DbErr> {
    let sql = "update orders set email = null, email_key = null, search_text = $1, synced_at = $2 where tenant_id = $3 and id = $4";
    let mut erased = 0;
    for order in &subject.orders {
        let text = order_text([Some(&order.number), None, None, None, None]);
        let values = [text.into(), job.now().into(), request.tenant_id.into(), order.id.into()];
        erased += tx.execute_raw(store::statement(tx, sql, values)).await?.rows_affected();
    }
    Ok(erased)
}
