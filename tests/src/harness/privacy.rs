//! Privacy requests, made as they are.

use chrono::TimeDelta;
use commerce::privacy::{BUNDLE, DUE_AFTER, TABLE};
use entities::tables::privacy_requests;
use entities::{PrivacyRequestId, PrivacyRequestKind, PrivacyRequestOutcome, PrivacyRequestStatus, StoreId, TenantId};
use people::tenants::TenantKeys;
use platform::Trace;
use platform::callers::actions::ManagePrivacy;
use platform::crypto::Where;
use platform::db::Access;
use secrecy::SecretString;
use serde_json::json;

use super::people::People;
use super::{Server, seed};

/// A request that failed.
pub async fn failed(server: &Server, tenant: TenantId, store: Option<StoreId>, kind: PrivacyRequestKind, marker: &str) -> PrivacyRequestId {
    let id = Trace::system("a town", server.clock()).new_id();
    let mut row = row(server, tenant, store, kind, marker, id);
    row.status = PrivacyRequestStatus::Failed;
    row.error_message = Some(format!("nothing for {marker}"));
    write(server, row).await
}

/// A data request that was done, with what was put together.
pub async fn exported(server: &Server, tenant: TenantId, store: Option<StoreId>, marker: &str) -> PrivacyRequestId {
    let id: PrivacyRequestId = Trace::system("a town", server.clock()).new_id();
    let mut row = row(server, tenant, store, PrivacyRequestKind::DataRequest, marker, id);
    let (ctx, now) = (People::of(server).system(), server.clock().now());
    let permit = ctx.authorize::<ManagePrivacy>().expect("a permit");
    let tx = server.db().write(Access::Platform).await.expect("a transaction");
    let place = Where { tenant: tenant.uuid(), table: TABLE, row: id.uuid(), column: BUNDLE };
    let bundle = SecretString::from(json!({ "of": marker }).to_string());
    let sealed = TenantKeys::new(server.master.clone()).seal(&tx, &permit, place, &bundle, now).await.expect("a bundle");
    tx.commit().await.expect("a key");
    row.status = PrivacyRequestStatus::Completed;
    row.outcome = Some(PrivacyRequestOutcome::Exported);
    row.evidence = json!({ "customers": 1 });
    row.contact = None;
    row.bundle_sealed = Some(sealed);
    row.bundle_bytes = Some(20);
    row.bundle_deletion_at = Some(now + TimeDelta::days(30));
    row.completed_at = Some(now);
    write(server, row).await
}

fn row(server: &Server, tenant: TenantId, store: Option<StoreId>, kind: PrivacyRequestKind, marker: &str, id: PrivacyRequestId) -> privacy_requests::Model {
    let now = server.clock().now();
    privacy_requests::Model {
        id,
        tenant_id: tenant,
        store_id: store,
        webhook_event_id: None,
        provider: "shopify".to_owned(),
        shop_domain: format!("{marker}.myshopify.com"),
        provider_request_id: None,
        kind,
        status: PrivacyRequestStatus::Pending,
        outcome: None,
        external_customer_id: Some(format!("{marker}-customer")),
        external_order_ids: json!([]),
        contact: Some(json!({ "email": format!("buyer@{marker}.example.com"), "phone": null })),
        subject_digest: None,
        evidence: json!({}),
        error_message: None,
        warned_days: 0,
        bundle_sealed: None,
        bundle_bytes: None,
        bundle_fetched_at: None,
        bundle_deletion_at: None,
        requested_at: now,
        received_at: now,
        due_at: now + DUE_AFTER,
        completed_at: None,
        created_at: now,
        updated_at: now,
    }
}

async fn write(server: &Server, row: privacy_requests::Model) -> PrivacyRequestId {
    let tx = server.db().write(Access::Platform).await.expect("a transaction");
    let id = row.id;
    seed::insert::<privacy_requests::Entity, privacy_requests::ActiveModel>(&tx, &[row]).await;
    tx.commit().await.expect("a privacy request");
    id
}
