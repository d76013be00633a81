//! The part of entries that can be erased: what they say of persons.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entities::AuditEventId;
use entities::tables::audit_details::{Column, Entity};
use platform::OpCtx;
use platform::callers::actions::ReadAudit;
use platform::db::in_ids;
use platform::reading::ReadError;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, Query};
use serde::Deserialize;
use serde_json::Value;

/// What an entry says of persons.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditDetail {
    /// What was there before, as far as it was changed.
    pub before: Option<Value>,
    /// What is there since, as far as it was changed.
    pub after: Option<Value>,
    /// The client's address.
    pub address: Option<String>,
    /// The client's User-Agent.
    pub user_agent: Option<String>,
    /// When all of this was erased (UTC).
    #[serde(skip)]
    pub erased_at: Option<DateTime<Utc>>,
}

/// The details of entries, in one statement.
pub async fn details(ctx: &OpCtx, ids: &[AuditEventId]) -> Result<HashMap<AuditEventId, AuditDetail>, ReadError> {
    let permit = ctx.authorize::<ReadAudit>()?;
    let tx = ctx.reader().await?;
    let backend = tx.get_database_backend();
    let mut select = Query::select();
    select.columns([Column::AuditId, Column::Detail, Column::ErasedAt]).from(Entity);
    permit.limit(&mut select, backend, Expr::col(Column::TenantId), None);
    select.and_where(in_ids(backend, Expr::col(Column::AuditId), ids.iter().map(|id| id.uuid())));
    let mut found = HashMap::with_capacity(ids.len());
    for row in tx.query_all(&select).await? {
        let (written, erased_at): (Option<String>, _) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let read = written.map(|written| serde_json::from_str(&written)).transpose();
        let detail: AuditDetail = read.map_err(|error| platform::DbErr::Custom(format!("an audit detail is not readable: {error}")))?.unwrap_or_default();
        found.insert(row.try_get_by_index(0)?, AuditDetail { erased_at, ..detail });
    }
    Ok(found)
}
