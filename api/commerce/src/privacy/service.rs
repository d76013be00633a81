//! The rules about privacy requests: who may fetch a bundle, and who may have a request tried again.

use entities::{PrivacyRequestId, PrivacyRequestKind, PrivacyRequestStatus};
use people::tenants::TenantKeys;
use platform::callers::Action;
use platform::callers::actions::{ExportPrivacyData, ManagePrivacy};
use platform::crypto::Where;
use platform::db::List;
use platform::jobs::enqueue;
use platform::{Change, OpCtx, Permit, Tx};
use sea_orm::ConnectionTrait;
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use super::BUNDLE_KEPT_AFTER_FETCHING;
use super::error::PrivacyError;
use super::receive::work_on;
use super::row::PrivacyRequestRow;
use super::store::statement;

/// The table of requests.
pub const TABLE: &str = "privacy_requests";
/// The column of bundles.
pub const BUNDLE: &str = "bundle_sealed";

/// Privacy requests.
#[derive(Clone)]
pub struct Privacy {
    keys: TenantKeys,
}

impl Privacy {
    /// Opens bundles with these keys.
    pub fn new(keys: TenantKeys) -> Self {
        Self { keys }
    }

    /// What is kept of the customer who asks, as it was put together. From the first time on it is kept for a day.
    pub async fn export(&self, ctx: &OpCtx, id: PrivacyRequestId) -> Result<(PrivacyRequestRow, Json), PrivacyError> {
        let permit = ctx.authorize::<ExportPrivacyData>()?;
        let tx = ctx.writer().await?;
        let request = locked(&tx, &permit, id).await?;
        if request.kind != PrivacyRequestKind::DataRequest {
            return Err(PrivacyError::NotAllowed("only a DATA_REQUEST puts anything together"));
        }
        if request.status != PrivacyRequestStatus::Completed {
            return Err(PrivacyError::StillPending);
        }
        let sql = "select bundle_sealed from privacy_requests where tenant_id = $1 and id = $2 and bundle_deletion_at > $3";
        let row = tx.query_one_raw(statement(&tx, sql, [request.tenant_id.into(), id.into(), ctx.now().into()])).await?;
        let sealed: Option<Vec<u8>> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
        let sealed = sealed.ok_or(PrivacyError::BundleDeleted)?;
        let place = Where { tenant: request.tenant_id.uuid(), table: TABLE, row: id.uuid(), column: BUNDLE };
        let opened = self.keys.open(&tx, &permit, place, &sealed).await?;
        let bundle: Json = serde_json::from_str(opened.expose_secret())?;
        if request.bundle_fetched_at.is_none() {
            let (now, until) = (ctx.now(), ctx.now() + BUNDLE_KEPT_AFTER_FETCHING);
            let until = request.bundle_deletion_at.map_or(until, |at| at.min(until));
            let sql = "update privacy_requests set bundle_fetched_at = $1, bundle_deletion_at = $2, updated_at = $1 where tenant_id = $3 and id = $4";
            tx.execute_raw(statement(&tx, sql, [now.into(), until.into(), request.tenant_id.into(), id.into()])).await?;
        }
        let after = written(&tx, &permit, id).await?;
        let change = Change::new("privacyRequestExport", request.tenant_id).subject(id).after(&json!({ "bundleBytes": request.bundle_bytes }));
        ctx.commit(tx, change).await?;
        Ok((after, bundle))
    }

    /// Has a request that failed tried again.
    pub async fn retry(&self, ctx: &OpCtx, id: PrivacyRequestId) -> Result<PrivacyRequestRow, PrivacyError> {
        let permit = ctx.authorize::<ManagePrivacy>()?;
        let tx = ctx.writer().await?;
        let request = locked(&tx, &permit, id).await?;
        match request.status {
            PrivacyRequestStatus::Failed => {}
            PrivacyRequestStatus::Pending => return Err(PrivacyError::StillPending),
            PrivacyRequestStatus::Completed => return Err(PrivacyError::NotAllowed("it is done")),
        }
        let sql = "update privacy_requests set status = $1, error_message = null, updated_at = $2 where tenant_id = $3 and id = $4";
        let pending = PrivacyRequestStatus::Pending.as_str();
        tx.execute_raw(statement(&tx, sql, [pending.into(), ctx.now().into(), request.tenant_id.into(), id.into()])).await?;
        enqueue(&tx, &ctx.trace(), work_on(request.tenant_id, id)).await?;
        let after = written(&tx, &permit, id).await?;
        let change = Change::new("privacyRequestRetry", request.tenant_id).subject(id);
        let change = change.before(&json!({ "status": request.status })).after(&json!({ "status": after.status }));
        ctx.commit(tx, change).await?;
        Ok(after)
    }
}

/// The request, held against other writers until the transaction ends.
async fn locked<A: Action>(tx: &Tx, permit: &Permit<A>, id: PrivacyRequestId) -> Result<PrivacyRequestRow, PrivacyError> {
    List::<PrivacyRequestRow, _>::new(tx, permit).by_ids_locked(&[id.uuid()]).await?.pop().ok_or(PrivacyError::NotFound)
}

/// The request as it was just written.
async fn written<A: Action>(tx: &Tx, permit: &Permit<A>, id: PrivacyRequestId) -> Result<PrivacyRequestRow, PrivacyError> {
    List::<PrivacyRequestRow, _>::new(tx, permit).by_ids(&[id.uuid()]).await?.pop().ok_or(PrivacyError::NotFound)
}
