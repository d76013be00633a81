//! Putting together what is kept of a customer: one JSON document, sealed.

use entities::PrivacyRequestOutcome;
use people::tenants::TenantKeys;
use platform::Tx;
use platform::callers::actions::ManagePrivacy;
use platform::crypto::Where;
use platform::db::Access;
use platform::jobs::{JobError, Running};
use sea_orm::ConnectionTrait;
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::jobs::{Evidence, finish};
use super::row::PrivacyRequestRow;
use super::service::{BUNDLE, TABLE};
use super::subject::{Subject, items_of};
use super::{BUNDLE_KEPT, inbox, store};

/// Does what a data request asks, in the request's last transaction.
pub(super) async fn export(job: &Running, keys: &TenantKeys, request: &PrivacyRequestRow) -> Result<(), JobError> {
    let reader = job.db().read(Access::Tenant(request.tenant_id)).await?;
    let (bundle, evidence) = put_together(&reader, request).await?;
    drop(reader);
    let tx = job.db().write(Access::Tenant(request.tenant_id)).await?;
    let Some(request) = store::locked(&tx, request.tenant_id, request.id).await? else { return Err(JobError::Lost) };
    let outcome = if evidence.is_empty() { PrivacyRequestOutcome::NothingThere } else { PrivacyRequestOutcome::Exported };
    if outcome == PrivacyRequestOutcome::Exported {
        let permit = job.ctx()?.authorize::<ManagePrivacy>().map_err(|error| JobError::Fail(error.to_string()))?;
        let place = Where { tenant: request.tenant_id.uuid(), table: TABLE, row: request.id.uuid(), column: BUNDLE };
        let (text, now) = (bundle.to_string(), job.now());
        let bytes = i64::try_from(text.len()).unwrap_or(i64::MAX);
        let sealed = keys.seal(&tx, &permit, place, &SecretString::from(text), now).await.map_err(|error| {
            tracing::error!(%error, request = %request.id, "a bundle could not be sealed");
            JobError::Retry("the bundle could not be sealed; the log says why".to_owned())
        })?;
        let sql = "update privacy_requests set bundle_sealed = $1, bundle_bytes = $2, bundle_deletion_at = $3, bundle_fetched_at = null where tenant_id = $4 and id = $5";
        let values = [sealed.into(), bytes.into(), (now + BUNDLE_KEPT).into(), request.tenant_id.into(), request.id.into()];
        tx.execute_raw(store::statement(&tx, sql, values)).await?;
    }
    finish(job, tx, &request, outcome, &evidence).await
}

/// Everything that is stored about the customer in the store: rows as they are, and deliveries that name them as they came.
async fn put_together(tx: &Tx, request: &PrivacyRequestRow) -> Result<(Json, Evidence), JobError> {
    let subject = Subject::of(tx, request).await?;
    let items = items_of(tx, request.tenant_id, &subject.order_rows()).await?;
    let mut deliveries = Vec::new();
    let mut after = Uuid::nil();
    loop {
        let page = inbox::page(tx, request, after).await?;
        for delivery in page.found {
            // That they asked is no news to them.
            if !delivery.asks && subject.is_in_body(&delivery.body) {
                let body = serde_json::from_slice::<Json>(&delivery.body).unwrap_or_else(|_| String::from_utf8_lossy(&delivery.body).into());
                deliveries.push(json!({ "topic": delivery.topic, "receivedAt": delivery.received_at, "body": body }));
            }
        }
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    let evidence = Evidence::default()
        .with("customers", subject.customers.len())
        .with("orders", subject.orders.len())
        .with("orderItems", items.len())
        .with("webhookEvents", deliveries.len());
    let orders: Vec<Json> = subject
        .orders
        .iter()
        .map(|order| {
            let mut told = json!(order);
            told["items"] = json!(items.iter().filter(|item| item.order_id == order.id).collect::<Vec<_>>());
            told
        })
        .collect();
    let bundle = json!({
        "shopDomain": request.shop_domain,
        "externalCustomerId": request.external_customer_id,
        "receivedAt": request.received_at,
        "customers": subject.customers,
        "orders": orders,
        "webhookEvents": deliveries,
    });
    Ok((bundle, evidence))
}
