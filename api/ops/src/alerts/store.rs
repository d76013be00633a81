//! The statements about alerts and silences.
//!
//! Those that take no permit are the program's own: what they reach is what the transaction is for.

use chrono::{DateTime, Utc};
use entities::tables::{alert_silences as silences, alerts};
use entities::{AlertId, AlertSeverity, AlertSilenceId, AlertStatus, StoreId, TenantId};
use platform::callers::Action;
use platform::callers::actions::{ReadAlerts, SilenceAlerts};
use platform::db::{FromRow, List, in_ids, is_sqlite, rows_of};
use platform::outbox::FeedId;
use platform::reading::Listed;
use platform::{DbErr, Permit, Tx};
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Func, LockType, OnConflict, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, Statement, Value};
use uuid::Uuid;

use super::list::AlertFilter;
use super::row::{AlertRow, AlertSilenceRow};

fn a(column: alerts::Column) -> SimpleExpr {
    Expr::col((alerts::Entity, column))
}

/// As the partial index says it, so that the index is used.
pub(super) fn not_resolved() -> SimpleExpr {
    Expr::cust("status <> 'RESOLVED'")
}

fn rows() -> SelectStatement {
    let mut select = Query::select();
    AlertRow::select(&mut select).from(alerts::Entity);
    select
}

/// Held against other writers until the transaction ends, but not against alerts that link it; SQLite has one writer.
async fn held(tx: &Tx, mut select: SelectStatement) -> Result<Option<AlertRow>, DbErr> {
    if !is_sqlite(tx.get_database_backend()) {
        select.lock(LockType::NoKeyUpdate);
    }
    Ok(rows_of(tx, &select).await?.pop())
}

/// What tells an alert apart from others that are not resolved.
#[derive(Clone, Copy)]
pub(super) struct Identity<'a> {
    pub(super) tenant: Option<TenantId>,
    pub(super) store: Option<StoreId>,
    pub(super) fingerprint: &'a str,
}

impl Identity<'_> {
    fn is_of(self) -> SimpleExpr {
        let feed = a(alerts::Column::FeedId).eq(FeedId::of(self.tenant).uuid());
        feed.and(a(alerts::Column::AboutId).eq(about_id(self.store))).and(a(alerts::Column::Fingerprint).eq(self.fingerprint))
    }
}

/// The store that an alert is about, or nil: a unique index takes two nulls for different.
fn about_id(store: Option<StoreId>) -> Uuid {
    store.map_or(Uuid::nil(), |store| store.uuid())
}

/// The alert that is not resolved, held.
pub(super) async fn unresolved(tx: &Tx, identity: Identity<'_>) -> Result<Option<AlertRow>, DbErr> {
    let mut select = rows();
    select.and_where(identity.is_of()).and_where(not_resolved());
    held(tx, select).await
}

/// Who waits for the silences of a feed to stay as they are, and who changes them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Silencing {
    /// Looks at them, as many others may at the same time.
    Looks,
    /// Changes them, alone.
    Changes,
}

/// Holds the silences of a feed until the transaction ends: whoever asks which of them match an alert would otherwise miss those
/// that are made or ended at the same moment. SQLite has one writer.
pub(super) async fn hold_silences(tx: &Tx, feed: FeedId, silencing: Silencing) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    if is_sqlite(backend) {
        return Ok(());
    }
    let function = if silencing == Silencing::Changes { "pg_advisory_xact_lock" } else { "pg_advisory_xact_lock_shared" };
    let sql = format!("select {function}(hashtextextended($1, 0))");
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, [format!("alert_silences:{}", feed.uuid()).into()])).await.map(drop)
}

/// An alert, held.
pub(super) async fn any_locked(tx: &Tx, id: AlertId) -> Result<Option<AlertRow>, DbErr> {
    let mut select = rows();
    select.and_where(a(alerts::Column::Id).eq(id));
    held(tx, select).await
}

/// The newest of those that were resolved.
pub(super) async fn last_resolved(tx: &Tx, identity: Identity<'_>) -> Result<Option<AlertId>, DbErr> {
    use alerts::Column::{CreatedAt, Id, Status};
    let mut select = Query::select();
    select.expr(a(Id)).from(alerts::Entity).and_where(identity.is_of());
    select.and_where(a(Status).eq(AlertStatus::Resolved.as_str())).order_by_expr(a(CreatedAt), Order::Desc).order_by_expr(a(Id), Order::Desc).limit(1);
    tx.query_one(&select).await?.map(|row| row.try_get_by_index(0)).transpose()
}

/// Writes a new alert; false when there is one of its identity by now that is not resolved.
pub(super) async fn insert(tx: &Tx, alert: &AlertRow) -> Result<bool, DbErr> {
    let row = alert.clone();
    let row = alerts::ActiveModel {
        id: Set(row.id),
        tenant_id: Set(row.tenant_id),
        feed_id: Set(FeedId::of(row.tenant_id).uuid()),
        store_id: Set(row.store_id),
        about_id: Set(about_id(row.store_id)),
        kind: Set(row.kind),
        severity: Set(row.severity),
        source: Set(row.source),
        message: Set(row.message),
        data: Set(row.data),
        fingerprint: Set(row.fingerprint),
        status: Set(row.status),
        count: Set(row.count),
        escalation_level: Set(row.escalation_level),
        silenced_until: Set(row.silenced_until),
        previous_alert_id: Set(row.previous_alert_id),
        first_seen_at: Set(row.first_seen_at),
        last_seen_at: Set(row.last_seen_at),
        acknowledged_at: Set(row.acknowledged_at),
        acknowledged_by: Set(row.acknowledged_by),
        acknowledgement_note: Set(row.acknowledgement_note),
        resolved_at: Set(row.resolved_at),
        resolved_by: Set(row.resolved_by),
        resolution_notes: Set(row.resolution_notes),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
    };
    let once = OnConflict::columns([alerts::Column::FeedId, alerts::Column::AboutId, alerts::Column::Fingerprint])
        .target_and_where(not_resolved())
        .do_nothing()
        .to_owned();
    Ok(alerts::Entity::insert(row).on_conflict(once).exec_without_returning(tx).await? == 1)
}

/// Writes what may change of an alert that is held.
pub(super) async fn save(tx: &Tx, alert: &AlertRow) -> Result<(), DbErr> {
    use alerts::Column;
    let row = alert.clone();
    let values: [(Column, Value); 15] = [
        (Column::Severity, row.severity.as_str().into()),
        (Column::Message, row.message.into()),
        (Column::Data, row.data.into()),
        (Column::Status, row.status.as_str().into()),
        (Column::Count, row.count.into()),
        (Column::EscalationLevel, row.escalation_level.into()),
        (Column::SilencedUntil, row.silenced_until.into()),
        (Column::LastSeenAt, row.last_seen_at.into()),
        (Column::AcknowledgedAt, row.acknowledged_at.into()),
        (Column::AcknowledgedBy, row.acknowledged_by.into()),
        (Column::AcknowledgementNote, row.acknowledgement_note.into()),
        (Column::ResolvedAt, row.resolved_at.into()),
        (Column::ResolvedBy, row.resolved_by.into()),
        (Column::ResolutionNotes, row.resolution_notes.into()),
        (Column::UpdatedAt, row.updated_at.into()),
    ];
    let values = values.into_iter().map(|(column, value)| (column, Expr::val(value)));
    tx.execute(&Query::update().table(alerts::Entity).values(values).and_where(Expr::col(Column::Id).eq(row.id)).take()).await.map(drop)
}

pub(super) async fn alert<A: Action>(tx: &Tx, permit: &Permit<A>, id: AlertId) -> Result<Option<AlertRow>, DbErr> {
    Ok(List::<AlertRow, _>::new(tx, permit).by_ids(&[id.uuid()]).await?.pop())
}

pub(super) async fn alert_locked<A: Action>(tx: &Tx, permit: &Permit<A>, id: AlertId) -> Result<Option<AlertRow>, DbErr> {
    match alert(tx, permit, id).await? {
        Some(_) => any_locked(tx, id).await,
        None => Ok(None),
    }
}

/// How many alerts there are of each severity and state.
pub(super) async fn counts(tx: &Tx, permit: &Permit<ReadAlerts>, filter: &AlertFilter) -> Result<Vec<(AlertSeverity, AlertStatus, u64)>, DbErr> {
    use alerts::Column::{Severity, Status, StoreId as Store, TenantId as Tenant};
    let mut select = Query::select();
    select.expr(a(Severity)).expr(a(Status)).expr(Func::count(Expr::col(Asterisk))).from(alerts::Entity);
    permit.limit(&mut select, tx.get_database_backend(), a(Tenant), Some(a(Store)));
    for condition in AlertRow::conditions(filter) {
        select.and_where(condition);
    }
    select.add_group_by([a(Severity), a(Status)]);
    let rows = tx.query_all(&select).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index::<i64>(2)?.unsigned_abs()))).collect()
}

/// Whether a tenant is there, and not deleted.
pub(super) async fn is_tenant<A: Action>(tx: &Tx, permit: &Permit<A>, tenant: TenantId) -> Result<bool, DbErr> {
    if !permit.covers(tenant) {
        return Ok(false);
    }
    let select = Query::select().column("id").from("tenants").and_where(Expr::col("id").eq(tenant)).and_where(Expr::col("deleted_at").is_null()).take();
    Ok(tx.query_one(&select).await?.is_some())
}

/// Whether a store is the tenant's.
pub(super) async fn is_store<A: Action>(tx: &Tx, permit: &Permit<A>, tenant: TenantId, store: StoreId) -> Result<bool, DbErr> {
    if !permit.covers(tenant) || !permit.covers_store(store) {
        return Ok(false);
    }
    let select = Query::select().column("id").from("stores").and_where(Expr::col("tenant_id").eq(tenant)).and_where(Expr::col("id").eq(store)).take();
    Ok(tx.query_one(&select).await?.is_some())
}

pub(super) async fn insert_silence(tx: &Tx, _permit: &Permit<SilenceAlerts>, row: silences::ActiveModel) -> Result<(), DbErr> {
    silences::Entity::insert(row).exec_without_returning(tx).await.map(drop)
}

pub(super) async fn silence(tx: &Tx, permit: &Permit<SilenceAlerts>, id: AlertSilenceId) -> Result<Option<AlertSilenceRow>, DbErr> {
    Ok(List::<AlertSilenceRow, _>::new(tx, permit).by_ids(&[id.uuid()]).await?.pop())
}

/// How many silences hold in a feed.
pub(super) async fn count_silences(tx: &Tx, _permit: &Permit<SilenceAlerts>, feed: FeedId, now: DateTime<Utc>) -> Result<u64, DbErr> {
    use silences::Column::{EndsAt, FeedId as Feed};
    let mut select = Query::select();
    select.expr(Func::count(Expr::col(Asterisk))).from(silences::Entity).and_where(Expr::col(Feed).eq(feed.uuid())).and_where(Expr::col(EndsAt).gt(now));
    Ok(tx.query_one(&select).await?.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or_default().unsigned_abs())
}

/// A silence is over.
pub(super) async fn end_silence(tx: &Tx, _permit: &Permit<SilenceAlerts>, id: AlertSilenceId, now: DateTime<Utc>) -> Result<(), DbErr> {
    use silences::Column::{EndsAt, Id, UpdatedAt};
    let update = Query::update().table(silences::Entity).value(EndsAt, now).value(UpdatedAt, now).and_where(Expr::col(Id).eq(id)).take();
    tx.execute(&update).await.map(drop)
}

/// Until when an alert is silenced.
pub(super) async fn silenced_until(tx: &Tx, alert: &AlertRow, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, DbErr> {
    let sql = "select max(ends_at) from alert_silences where feed_id = $1 and ends_at > $2 and starts_at <= $2
                 and (store_id is null or store_id = $3) and (type is null or type = $4) and (severity is null or severity = $5)
                 and (source is null or source = $6) and (fingerprint is null or fingerprint = $7)";
    let values = [
        FeedId::of(alert.tenant_id).uuid().into(),
        now.into(),
        alert.store_id.into(),
        alert.kind.clone().into(),
        alert.severity.as_str().into(),
        alert.source.clone().into(),
        alert.fingerprint.clone().into(),
    ];
    let row = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    row.map_or(Ok(None), |row| row.try_get_by_index(0))
}

/// Whether a silence matches an alert.
const MATCHES: &str = "s.feed_id = a.feed_id and (s.store_id is null or s.store_id = a.store_id) and (s.type is null or s.type = a.type)
    and (s.severity is null or s.severity = a.severity) and (s.source is null or s.source = a.source) and (s.fingerprint is null or s.fingerprint = a.fingerprint)";

/// Works out again until when the alerts are silenced that a silence matches and that are not resolved; those that changed.
pub(super) async fn silence_again(tx: &Tx, silence: &AlertSilenceRow, now: DateTime<Utc>) -> Result<Vec<AlertRow>, DbErr> {
    let until = format!("(select max(s.ends_at) from alert_silences s where s.ends_at > $1 and s.starts_at <= $1 and {MATCHES})");
    let sql = format!(
        "update alerts as a set silenced_until = {until}, updated_at = $1
         where a.feed_id = $2 and a.status <> 'RESOLVED' and exists (select 1 from alert_silences s where s.id = $3 and {MATCHES})
           and a.silenced_until is distinct from {until}
         returning id"
    );
    let (feed, backend) = (FeedId::of(silence.tenant_id).uuid(), tx.get_database_backend());
    if !is_sqlite(backend) {
        // In the order in which others who hold several hold them.
        let hold = format!(
            "select a.id from alerts as a where a.feed_id = $1 and a.status <> 'RESOLVED'
               and exists (select 1 from alert_silences s where s.id = $2 and {MATCHES}) order by a.id for no key update of a"
        );
        tx.execute_raw(Statement::from_sql_and_values(backend, hold, [feed.into(), silence.id.into()])).await?;
    }
    changed(tx, sql, [now.into(), feed.into(), silence.id.into()]).await
}

/// Takes silences off that have run out; the alerts that can be heard of again.
pub(super) async fn unsilence(tx: &Tx, now: DateTime<Utc>, limit: i64) -> Result<Vec<AlertRow>, DbErr> {
    let sql = "update alerts set silenced_until = null, updated_at = $1
               where id in (select id from alerts where silenced_until <= $1 and status <> 'RESOLVED' order by id limit $2{held}) and silenced_until <= $1
               returning id";
    let held = if is_sqlite(tx.get_database_backend()) { "" } else { " for no key update" };
    changed(tx, sql.replace("{held}", held), [now.into(), limit.into()]).await
}

/// The rows that a statement has changed.
async fn changed(tx: &Tx, sql: String, values: impl IntoIterator<Item = Value>) -> Result<Vec<AlertRow>, DbErr> {
    let backend = tx.get_database_backend();
    let mut ids = Vec::new();
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
        ids.push(row.try_get_by_index::<AlertId>(0)?.uuid());
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = rows();
    select.and_where(in_ids(backend, a(alerts::Column::Id), ids)).order_by_expr(a(alerts::Column::Id), Order::Asc);
    rows_of(tx, &select).await
}
