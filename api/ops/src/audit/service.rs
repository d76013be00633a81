//! The rules about erasing.

use entities::{CustomerId, SessionId, StoreId, TenantId, UserId};
use platform::audit::{ERASURE, erase_details};
use platform::callers::actions::EraseAudit;
use platform::{Change, DbErr, OpCtx, Permit, Tx};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use serde_json::json;

use super::error::AuditError;

/// What a person's id begins with: themselves, and the sessions in which they were.
const PERSONS: [&str; 3] = [UserId::PREFIX, CustomerId::PREFIX, SessionId::PREFIX];

/// Whether an id is a person's: one of those, or a merchant's user as the log names them.
fn is_person(id: &str) -> bool {
    let is_of = |id: &str, kinds: &[&str]| entities::split_id(id).is_some_and(|(kind, _)| kinds.contains(&kind.as_str()));
    is_of(id, &PERSONS) || id.split_once('/').is_some_and(|(store, user)| !user.is_empty() && is_of(store, &[StoreId::PREFIX]))
}

/// The audit log.
#[derive(Clone, Debug, Default)]
pub struct Audit;

impl Audit {
    /// Erases what the log of a tenant says of a person: the details of all entries about or by this id. Without a tenant, in
    /// the caller's own log, or for a platform administrator in the platform's. Says how many entries there were; done again,
    /// it finds none.
    pub async fn erase(&self, ctx: &OpCtx, subject: &str, tenant: Option<TenantId>) -> Result<u64, AuditError> {
        let permit = ctx.authorize::<EraseAudit>()?;
        if !is_person(subject) {
            return Err(AuditError::NotAPerson(subject.chars().take(64).collect()));
        }
        if subject == ctx.caller().key() {
            return Err(AuditError::Oneself);
        }
        let tenant = tenant.or(permit.tenant());
        let tx = ctx.writer().await?;
        if let Some(tenant) = tenant
            && !is_there(&tx, &permit, tenant).await?
        {
            return Err(AuditError::NotFound);
        }
        let erased = erase_details(&tx, tenant, subject, ctx.now()).await?;
        let change = Change::new(ERASURE, tenant).subject(subject).after(&json!({ "erasedEntries": erased }));
        ctx.commit(tx, change).await?;
        Ok(erased)
    }
}

/// Whether a tenant is there and the permit covers it. What a deleted one has left behind can be erased as well.
async fn is_there(tx: &Tx, permit: &Permit<EraseAudit>, tenant: TenantId) -> Result<bool, DbErr> {
    if !permit.covers(tenant) {
        return Ok(false);
    }
    let select = Query::select().column("id").from("tenants").and_where(Expr::col("id").eq(tenant)).take();
    Ok(tx.query_one(&select).await?.is_some())
}
