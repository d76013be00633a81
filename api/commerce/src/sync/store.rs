//! The statements about runs and checkpoints.

use chrono::{DateTime, Utc};
use entities::tables::sync_runs;
use entities::{EventType, StoreId, SyncKind, SyncRunId, SyncStatus, TenantId};
use integrations::ports::commerce::RecordKind;
use platform::db::{FromRow, rows_of};
use platform::{DbErr, Trace, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde_json::json;

use super::row::SyncRunRow;
use super::tell::tell;
use crate::imports::Receipt;

/// Which run of whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub tenant: TenantId,
    pub store: StoreId,
    pub run: SyncRunId,
}

/// Set when a run has truly moved on: a row of failures has ended.
pub(super) const MOVED: &str = "failures = 0, error_message = null";

/// What could not be taken, as far as a run lists it.
const LISTED: usize = 100;

pub(super) fn statement(tx: &Tx, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(tx.get_database_backend(), sql, values)
}

/// A run as it is now.
pub(super) async fn run(tx: &Tx, tenant: TenantId, id: SyncRunId) -> Result<Option<SyncRunRow>, DbErr> {
    let mut select = Query::select();
    SyncRunRow::select(&mut select).from(sync_runs::Entity);
    select.and_where(Expr::col(sync_runs::Column::TenantId).eq(tenant)).and_where(Expr::col(sync_runs::Column::Id).eq(id));
    Ok(rows_of::<SyncRunRow>(tx, &select).await?.pop())
}

/// The runs of a store that are not over.
pub(super) async fn under_way(tx: &Tx, tenant: TenantId, store: StoreId) -> Result<Vec<SyncRunRow>, DbErr> {
    let mut select = Query::select();
    SyncRunRow::select(&mut select).from(sync_runs::Entity);
    select.and_where(Expr::col(sync_runs::Column::TenantId).eq(tenant)).and_where(Expr::col(sync_runs::Column::StoreId).eq(store));
    select.and_where(Expr::col(sync_runs::Column::Status).is_in([SyncStatus::Queued.as_str(), SyncStatus::Running.as_str()]));
    rows_of(tx, &select).await
}

/// Whether a run of this kind was asked for since then.
pub(super) async fn asked_since(tx: &Tx, tenant: TenantId, store: StoreId, kind: SyncKind, since: DateTime<Utc>) -> Result<bool, DbErr> {
    let sql = "select 1 from sync_runs where tenant_id = $1 and store_id = $2 and kind = $3 and created_at >= $4 limit 1";
    let values = [tenant.into(), store.into(), kind.as_str().into(), since.into()];
    Ok(tx.query_one_raw(statement(tx, sql, values)).await?.is_some())
}

/// A run that is asked for.
pub(super) struct NewRun {
    pub kind: SyncKind,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub archived: bool,
    pub warnings: serde_json::Value,
}

/// Writes a run; false when one of its kind is under way for the store.
pub(super) async fn insert(tx: &Tx, at: At, new: &NewRun, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let sql =
        "insert into sync_runs (id, tenant_id, store_id, kind, status, phase, range_from, range_until, archived, asked, received, created, updated, unchanged,
                 deleted, rejected, failures, warnings, rejections, created_at, updated_at)
               values ($1, $2, $3, $4, 'QUEUED', 'WAITING', $5, $6, $7, 0, 0, 0, 0, 0, 0, 0, 0, $8, $9, $10, $10)
               on conflict (tenant_id, store_id, kind) where status in ('QUEUED', 'RUNNING') do nothing";
    let values: [Value; 10] = [
        at.run.into(),
        at.tenant.into(),
        at.store.into(),
        new.kind.as_str().into(),
        new.from.into(),
        new.until.into(),
        new.archived.into(),
        new.warnings.clone().into(),
        json!([]).into(),
        now.into(),
    ];
    Ok(tx.execute_raw(statement(tx, sql, values)).await?.rows_affected() == 1)
}

/// Changes a run that is not over, and tells of it; `set` refers to its values from `$4` on. None when it is over.
pub(super) async fn change(tx: &Tx, trace: &Trace, at: At, (set, values): (&str, Vec<Value>), event: Option<EventType>) -> Result<Option<SyncRunRow>, DbErr> {
    let sql = format!("update sync_runs set {set}, updated_at = $1 where tenant_id = $2 and id = $3 and status in ('QUEUED', 'RUNNING')");
    let values = [trace.now().into(), at.tenant.into(), at.run.into()].into_iter().chain(values);
    if tx.execute_raw(statement(tx, sql, values)).await?.rows_affected() == 0 {
        return Ok(None);
    }
    let row = run(tx, at.tenant, at.run).await?;
    if let (Some(row), Some(event)) = (&row, event) {
        tell(tx, trace, event, row).await?;
    }
    Ok(row)
}

/// Adds what became of what came to a run. None when it is over.
pub(super) async fn add(tx: &Tx, trace: &Trace, at: At, receipt: &Receipt) -> Result<Option<SyncRunRow>, DbErr> {
    let sum = |of: fn(&crate::imports::Counts) -> u64| i64::try_from(RecordKind::ALL.iter().map(|kind| of(receipt.of(*kind))).sum::<u64>()).unwrap_or(i64::MAX);
    let rejected = i64::try_from(receipt.rejected).unwrap_or(i64::MAX);
    let mut values: Vec<Value> =
        vec![sum(|counts| counts.created).into(), sum(|counts| counts.updated).into(), sum(|counts| counts.unchanged).into(), rejected.into()];
    let mut set = "created = created + $4, updated = updated + $5, unchanged = unchanged + $6, rejected = rejected + $7".to_owned();
    if !receipt.rejections.is_empty() {
        let before = run(tx, at.tenant, at.run).await?.map(|run| run.rejections);
        let mut listed = before.and_then(|before| before.as_array().cloned()).unwrap_or_default();
        let more =
            receipt.rejections.iter().map(|one| json!({ "kind": one.kind.map(RecordKind::as_str), "externalId": one.external_id, "reason": one.reason }));
        listed.extend(more.take(LISTED.saturating_sub(listed.len())));
        values.push(serde_json::Value::from(listed).into());
        set.push_str(", rejections = $8");
    }
    change(tx, trace, at, (&set, values), None).await
}

/// Up to when increments of a kind have come.
pub(super) async fn checkpoint(tx: &Tx, at: At, kind: &str) -> Result<Option<DateTime<Utc>>, DbErr> {
    let sql = "select up_to from sync_checkpoints where tenant_id = $1 and store_id = $2 and kind = $3";
    let row = tx.query_one_raw(statement(tx, sql, [at.tenant.into(), at.store.into(), kind.into()])).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

/// Moves a checkpoint on, never back; whether it moved. `known`: whether one that is there is moved.
pub(super) async fn advance(tx: &Tx, at: At, kind: &str, up_to: DateTime<Utc>, known: bool, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let conflict = if known {
        "do update set up_to = excluded.up_to, updated_at = excluded.updated_at where sync_checkpoints.up_to < excluded.up_to"
    } else {
        "do nothing"
    };
    let sql = format!(
        "insert into sync_checkpoints (tenant_id, store_id, kind, up_to, updated_at) values ($1, $2, $3, $4, $5) on conflict (tenant_id, store_id, kind) {conflict}"
    );
    Ok(tx.execute_raw(statement(tx, sql, [at.tenant.into(), at.store.into(), kind.into(), up_to.into(), now.into()])).await?.rows_affected() > 0)
}

/// Moves a checkpoint on with what a run has written; whether that brought the run nearer to its end. What happened since it was begun
/// does not: in a shop that is never quiet there is always more of that, whatever else fails.
pub(super) async fn advance_in(tx: &Tx, run: &SyncRunRow, kind: &str, up_to: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let at = At { tenant: run.tenant_id, store: run.store_id, run: run.id };
    let was_behind = checkpoint(tx, at, kind).await?.is_none_or(|before| before < run.created_at);
    Ok(advance(tx, at, kind, up_to, true, now).await? && was_behind)
}

/// Ends a run. None when it is over already.
pub(super) async fn end(tx: &Tx, trace: &Trace, at: At, status: SyncStatus, why: Option<&str>) -> Result<Option<SyncRunRow>, DbErr> {
    let event = match status {
        SyncStatus::Completed => EventType::SyncCompleted,
        SyncStatus::Cancelled => EventType::SyncCancelled,
        SyncStatus::Failed | SyncStatus::Queued | SyncStatus::Running => EventType::SyncFailed,
    };
    let why = why.map(|why| why.chars().filter(|c| *c != '\0').take(2_000).collect::<String>());
    let set = "status = $4, phase = 'ENDED', finished_at = $1, error_message = $5";
    let ended = change(tx, trace, at, (set, vec![status.as_str().into(), why.into()]), Some(event)).await?;
    if ended.is_some() {
        let sql = "delete from sync_seen where tenant_id = $1 and run_id = $2";
        tx.execute_raw(statement(tx, sql, [at.tenant.into(), at.run.into()])).await?;
    }
    Ok(ended)
}
