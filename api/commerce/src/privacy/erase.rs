//! Forgetting a shop: its data goes in batches, each a transaction that says so in the evidence, so that a process that dies goes on
//! where it was. The store's row stays, with its name and its domain: the log and a later installation need them.

use chrono::TimeDelta;
use entities::{PrivacyRequestKind, PrivacyRequestOutcome, StoreId, StoreStatus, WebhookEventStatus};
use platform::audit::{erase_details, erase_details_of_merchants};
use platform::db::Access;
use platform::inbox::empty;
use platform::jobs::{JobError, Running};
use platform::{DbErr, Tx};
use sea_orm::ConnectionTrait;
use serde_json::json;
use uuid::Uuid;

use super::jobs::{Evidence, finish};
use super::redact::{LOOK_AGAIN, importing, wait_for_imports};
use super::row::PrivacyRequestRow;
use super::{inbox, store};
use crate::imports::is_importing;

/// Rows of one transaction.
const BATCH: i64 = 1_000;
/// A shop asks to be forgotten so long after the app was removed (Shopify).
const AFTER_UNINSTALL: TimeDelta = TimeDelta::hours(48);

/// What a store's data is in, by the name that the evidence has for it; what refers to others comes first. A table that holds data of a
/// store belongs here. `$1` is the tenant, `$2` the store.
const TABLES: [(&str, &str); 5] =
    [("orderItems", "order_items"), ("orders", "orders"), ("productVariants", "product_variants"), ("products", "products"), ("customers", "customers")];

/// Whether a store is to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Erase,
    Already,
    InstalledAgain,
}

/// Does what a shop's redaction asks, or the schedule after an uninstall.
pub(super) async fn erase(job: &Running, request: &PrivacyRequestRow) -> Result<(), JobError> {
    let Some(of) = request.store_id else {
        // Whatever named the domain is in the inbox alone.
        empty_inbox(job, request).await?;
        return end(job, request, None).await;
    };
    if verdict_of(job, request, of).await? == Verdict::Erase {
        wait_for_imports(job, request, of).await?;
        for (name, table) in TABLES {
            while batch(job, request, of, name, table).await? {}
        }
        empty_inbox(job, request).await?;
    }
    end(job, request, Some(of)).await
}

/// What the store's row says. A shop that asks to be forgotten has removed the app two days before: a store that is not known as
/// uninstalled, and was not installed since then either, is now.
async fn verdict(tx: &Tx, request: &PrivacyRequestRow, of: StoreId) -> Result<Verdict, DbErr> {
    let Some(shop) = store::shop(tx, request.tenant_id, of).await? else { return Ok(Verdict::Already) };
    let again = match (shop.status, request.kind) {
        (StoreStatus::Uninstalled, PrivacyRequestKind::StoreDeletion) => shop.scheduled_at.is_none_or(|at| at > request.received_at),
        (StoreStatus::Uninstalled, _) => false,
        (StoreStatus::Active | StoreStatus::Inactive, PrivacyRequestKind::StoreDeletion) => true,
        (StoreStatus::Active | StoreStatus::Inactive, _) => shop.installed_at > request.requested_at - AFTER_UNINSTALL,
    };
    Ok(match shop.erased_at {
        _ if again => Verdict::InstalledAgain,
        Some(at) if at >= shop.installed_at => Verdict::Already,
        Some(_) | None => Verdict::Erase,
    })
}

async fn verdict_of(job: &Running, request: &PrivacyRequestRow, of: StoreId) -> Result<Verdict, JobError> {
    let tx = job.db().write(Access::Tenant(request.tenant_id)).await?;
    let found = verdict(&tx, request, of).await?;
    if found == Verdict::Erase {
        let sql = "update stores set status = 'UNINSTALLED', paused_at = null, uninstalled_at = coalesce(uninstalled_at, $1), updated_at = $1
                   where tenant_id = $2 and id = $3 and status <> 'UNINSTALLED'";
        tx.execute_raw(store::statement(&tx, sql, [job.now().into(), request.tenant_id.into(), of.into()])).await?;
        tx.commit().await?;
    }
    Ok(found)
}

/// Erases some rows of a table; whether there may be more. None of a store that was installed again meanwhile.
async fn batch(job: &Running, request: &PrivacyRequestRow, of: StoreId, name: &'static str, table: &str) -> Result<bool, JobError> {
    let (tx, mut evidence) = Evidence::begin(job, request).await?;
    if is_importing(&tx, request.tenant_id, of, job.now()).await? {
        return Err(importing());
    }
    if verdict(&tx, request, of).await? != Verdict::Erase {
        return Ok(false);
    }
    let sql = format!("delete from {table} where tenant_id = $1 and id in (select id from {table} where tenant_id = $1 and store_id = $2 limit $3)");
    let erased = tx.execute_raw(store::statement(&tx, &sql, [request.tenant_id.into(), of.into(), BATCH.into()])).await?.rows_affected();
    evidence.add(name, erased);
    evidence.write(job, tx, request).await?;
    Ok(erased >= BATCH.unsigned_abs())
}

async fn empty_inbox(job: &Running, request: &PrivacyRequestRow) -> Result<(), JobError> {
    let (mut after, mut waits) = (Uuid::nil(), false);
    loop {
        let (tx, mut evidence) = Evidence::begin(job, request).await?;
        let page = inbox::page(&tx, request, after).await?;
        let settled: Vec<_> = page.found.iter().filter(|delivery| delivery.status != WebhookEventStatus::Pending).collect();
        waits |= settled.len() < page.found.len();
        // What asks is emptied and not counted.
        let ids = |asks: bool| settled.iter().filter(|delivery| delivery.asks == asks).map(|delivery| delivery.id).collect::<Vec<_>>();
        empty(&tx, request.tenant_id, &ids(true), job.now()).await?;
        evidence.add("webhookEvents", empty(&tx, request.tenant_id, &ids(false), job.now()).await?);
        evidence.write(job, tx, request).await?;
        match page.next {
            Some(next) => after = next,
            None if waits => return Err(JobError::Postpone(LOOK_AGAIN, "a delivery of the shop has still to be worked on".to_owned())),
            None => return Ok(()),
        }
    }
}

/// What is left of the store's row, of its requests and of what the log says of it; and the end.
async fn end(job: &Running, request: &PrivacyRequestRow, of: Option<StoreId>) -> Result<(), JobError> {
    let tx = job.db().write(Access::Tenant(request.tenant_id)).await?;
    if let Some(of) = of {
        store::hold(&tx, of).await?;
    }
    let Some(request) = store::locked(&tx, request.tenant_id, request.id).await? else { return Err(JobError::Lost) };
    let mut evidence = Evidence::of(&request);
    let outcome = match of {
        None if evidence.is_empty() => PrivacyRequestOutcome::NothingThere,
        None => PrivacyRequestOutcome::Erased,
        Some(of) => match verdict(&tx, &request, of).await? {
            Verdict::InstalledAgain => PrivacyRequestOutcome::InstalledAgain,
            Verdict::Already => PrivacyRequestOutcome::NothingThere,
            Verdict::Erase => {
                if is_importing(&tx, request.tenant_id, of, job.now()).await? {
                    return Err(importing());
                }
                bury(&tx, job, &request, of, &mut evidence).await?;
                PrivacyRequestOutcome::Erased
            }
        },
    };
    finish(job, tx, &request, outcome, &evidence).await
}

/// The store's row becomes its own tombstone.
async fn bury(tx: &Tx, job: &Running, request: &PrivacyRequestRow, of: StoreId, evidence: &mut Evidence) -> Result<(), DbErr> {
    let (tenant, now) = (request.tenant_id, job.now());
    let sql = "update import_runs set receipt = null where tenant_id = $1 and store_id = $2 and receipt is not null";
    evidence.add("importReceipts", tx.execute_raw(store::statement(tx, sql, [tenant.into(), of.into()])).await?.rows_affected());
    let sql = "update sync_runs set rejections = $1, warnings = $1, error_message = null where tenant_id = $2 and store_id = $3";
    evidence.add("syncRuns", tx.execute_raw(store::statement(tx, sql, [json!([]).into(), tenant.into(), of.into()])).await?.rows_affected());
    // Whoever comes back begins anew.
    let sql = "delete from sync_checkpoints where tenant_id = $1 and store_id = $2";
    tx.execute_raw(store::statement(tx, sql, [tenant.into(), of.into()])).await?;
    let sql = "update installations set refresh_token_sealed = null, access_token_expires_at = null, refresh_token_expires_at = null,
                 generation = generation + 1, refresh_lease = null, refresh_lease_until = null, updated_at = $1 where tenant_id = $2 and id = $3";
    tx.execute_raw(store::statement(tx, sql, [now.into(), tenant.into(), of.into()])).await?;
    let sql = "update stores set description = null, settings = $1, embedded_settings = $1, api_key = null, api_secret_sealed = null,
                 access_token_sealed = null, scopes = $2, initial_setup_completed = false, last_sync_at = null, data_deletion_completed_at = $3,
                 updated_at = $3
               where tenant_id = $4 and id = $5";
    tx.execute_raw(store::statement(tx, sql, [json!({}).into(), json!([]).into(), now.into(), tenant.into(), of.into()])).await?;
    let erased = erase_details(tx, Some(tenant), &of.to_string(), now).await? + erase_details_of_merchants(tx, tenant, of, now).await?;
    evidence.add("auditDetails", erased);
    store::forget_requests(tx, tenant, "store_id = $3", of.into(), now).await.map(drop)
}
