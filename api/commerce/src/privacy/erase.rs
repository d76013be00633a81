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
use crate::installs::{ShopError, Shops, Standing};

/// Rows of one transaction.
const BATCH: i64 = 1_000;
/// A shop asks to be forgotten 48 hours after the app was removed (Shopify). A removal that is known here and was longer ago than this is
/// not the one that it asks for.
const LATELY: TimeDelta = TimeDelta::days(7);

/// What a store's data is in, by the name that the evidence has for it; what refers to others comes first. A table that holds data of a
/// store belongs here. `$1` is the tenant, `$2` the store.
const TABLES: [(&str, &str); 6] = [
    ("orderItems", "order_items"),
    ("orders", "orders"),
    ("productVariants", "product_variants"),
    ("products", "products"),
    ("customers", "customers"),
    ("deletions", "deletions"),
];

/// What a store's statistics are in; they are few rows.
const STATISTICS: [&str; 3] = ["store_calls", "store_deliveries", "store_sizes"];

/// Whether a store is to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Erase,
    /// It is in use, as far as is known here: the shop has to be asked.
    Ask,
    Already,
    InstalledAgain,
    OtherConnection,
}

/// Does what a shop's redaction asks, or the schedule after an uninstall.
pub(super) async fn erase(job: &Running, shops: &Shops, request: &PrivacyRequestRow) -> Result<(), JobError> {
    let Some(of) = request.store_id else {
        // Whatever named the domain is in the inbox alone.
        empty_inbox(job, request).await?;
        return end(job, request, None).await;
    };
    if decide(job, shops, request, of).await? == Verdict::Erase {
        wait_for_imports(job, request, of).await?;
        for (name, table) in TABLES {
            while batch(job, request, of, name, table).await? {}
        }
        empty_inbox(job, request).await?;
    }
    end(job, request, Some(of)).await
}

/// What is known of the store. An app has nothing to say about a shop that another one is in.
async fn verdict(tx: &Tx, request: &PrivacyRequestRow, of: StoreId) -> Result<Verdict, DbErr> {
    let Some(shop) = store::shop(tx, request.tenant_id, of).await? else { return Ok(Verdict::Already) };
    if store::is_of_another_connection(tx, request, of).await? {
        return Ok(Verdict::OtherConnection);
    }
    Ok(match (shop.status, request.kind) {
        (StoreStatus::Uninstalled, PrivacyRequestKind::StoreDeletion) if shop.scheduled_at.is_none_or(|at| at > request.received_at) => Verdict::InstalledAgain,
        (StoreStatus::Uninstalled, _) if shop.erased_at.is_some_and(|at| at >= shop.installed_at) => Verdict::Already,
        (StoreStatus::Uninstalled, _) => Verdict::Erase,
        (StoreStatus::Active | StoreStatus::Inactive, PrivacyRequestKind::StoreDeletion) => Verdict::InstalledAgain,
        (StoreStatus::Active | StoreStatus::Inactive, _) if store::came_back(tx, request, of, request.received_at - LATELY).await? => Verdict::InstalledAgain,
        (StoreStatus::Active | StoreStatus::Inactive, _) => Verdict::Ask,
    })
}

/// The same; and what the shop says, where it has to be asked: a store whose shop the app is not in is uninstalled from here on.
async fn decide(job: &Running, shops: &Shops, request: &PrivacyRequestRow, of: StoreId) -> Result<Verdict, JobError> {
    let known = async || Ok::<_, JobError>(verdict(&job.db().write(Access::Tenant(request.tenant_id)).await?, request, of).await?);
    let found = known().await?;
    if found != Verdict::Ask {
        return Ok(found);
    }
    match shops.remove_if_out(job.db(), &job.trace(), (request.tenant_id, of), true).await {
        Ok(Standing::In) => Ok(Verdict::InstalledAgain),
        Ok(Standing::Out(_) | Standing::Closed(_)) => known().await,
        Err(ShopError::Storage(error)) => Err(error.into()),
        Err(error) => Err(JobError::Retry(format!("nobody can tell whether the app is still in the shop: {error}"))),
    }
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
            Verdict::InstalledAgain | Verdict::Ask => PrivacyRequestOutcome::InstalledAgain,
            Verdict::OtherConnection => PrivacyRequestOutcome::OtherConnection,
            Verdict::Already => PrivacyRequestOutcome::NothingThere,
            Verdict::Erase => {
                if is_importing(&tx, request.tenant_id, of, job.now()).await? {
                    return Err(importing());
                }
                // What was under way when its turn came is written by now, and nothing is from here on.
                for (name, table) in TABLES {
                    let sql = format!("delete from {table} where tenant_id = $1 and store_id = $2");
                    let late = tx.execute_raw(store::statement(&tx, &sql, [request.tenant_id.into(), of.into()])).await?;
                    evidence.add(name, late.rows_affected());
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
    for table in STATISTICS {
        let sql = format!("delete from {table} where tenant_id = $1 and store_id = $2");
        tx.execute_raw(store::statement(tx, &sql, [tenant.into(), of.into()])).await?;
    }
    let sql = "update installations set refresh_token_sealed = null, access_token_expires_at = null, refresh_token_expires_at = null,
                 generation = generation + 1, refresh_lease = null, refresh_lease_until = null, updated_at = $1 where tenant_id = $2 and id = $3";
    tx.execute_raw(store::statement(tx, sql, [now.into(), tenant.into(), of.into()])).await?;
    let sql = "update stores set description = null, settings = $1, embedded_settings = $1, api_key = null, api_secret_sealed = null,
                 access_token_sealed = null, scopes = $2, initial_setup_completed = false, last_sync_at = null, data_deletion_completed_at = $3,
                 updated_at = $3
               where tenant_id = $4 and id = $5";
    tx.execute_raw(store::statement(tx, sql, [json!({}).into(), json!([]).into(), now.into(), tenant.into(), of.into()])).await?;
    let details = erase_details(tx, Some(tenant), &of.to_string(), now).await? + erase_details_of_merchants(tx, tenant, of, now).await?;
    evidence.add("auditDetails", details);
    store::forget_requests(tx, request, "store_id = $5", [of.into()], now).await
}
