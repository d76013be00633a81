//! What time does to alerts: conditions that are over without anybody saying so, and silences that have run out.

use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::alerts;
use entities::{AlertId, AlertStatus, ConnectionId};
use platform::db::{Access, Database, FromRow, rows_of};
use platform::{DbErr, Trace, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use sea_orm::{ConnectionTrait, Statement, Value};

use super::own::{HEALTH, HOST, JOB_FAILED, SLOW_FOR, SLOW_REQUEST, UNMEASURED_FOR, WEBHOOK_EVENT_FAILED};
use super::raise::{SYSTEM, resolved};
use super::row::AlertRow;
use super::silences::take_off;
use super::store::{any_locked, not_resolved};

/// Alerts that are looked at together, by chance: where there are more, each has its turn.
const AT_ONCE: u64 = 500;
/// An alert is raised a little after what it tells of: the relay comes in between.
const SLACK: TimeDelta = TimeDelta::minutes(10);

/// Takes off silences that have run out, and resolves the program's own alerts whose condition is over. Every replica may do it as
/// often as it likes.
pub async fn settle(db: &Database, trace: &Trace) -> Result<(), DbErr> {
    loop {
        let tx = db.write(Access::Worker).await?;
        let more = take_off(&tx, trace).await?;
        tx.commit().await?;
        if !more {
            break;
        }
    }
    for id in seem_over(db, trace.now()).await? {
        // One at a time, so that nobody waits long for an alert that is held here.
        let tx = db.write(Access::Worker).await?;
        resolve_if_over(&tx, trace, id).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The program's own alerts whose condition seems to be over.
async fn seem_over(db: &Database, now: DateTime<Utc>) -> Result<Vec<AlertId>, DbErr> {
    let tx = db.read(Access::Worker).await?;
    let mut found = Vec::new();
    for alert in watched(&tx).await? {
        if over(&tx, &alert, now).await?.is_some() {
            found.push(alert.id);
        }
    }
    Ok(found)
}

/// Resolves an alert, unless somebody else has by now, or what it tells of has come back.
async fn resolve_if_over(tx: &Tx, trace: &Trace, id: AlertId) -> Result<(), DbErr> {
    let Some(alert) = any_locked(tx, id).await?.filter(|alert| alert.status != AlertStatus::Resolved) else { return Ok(()) };
    if let Some(why) = over(tx, &alert, trace.now()).await? {
        resolved(tx, trace, alert, SYSTEM.to_owned(), Some(why.to_owned())).await?;
    }
    Ok(())
}

/// The program's own alerts that are over when nothing is left of what they tell of.
async fn watched(tx: &Tx) -> Result<Vec<AlertRow>, DbErr> {
    let column = |column: alerts::Column| Expr::col((alerts::Entity, column));
    let sources = [JOB_FAILED.source, WEBHOOK_EVENT_FAILED.source, SLOW_REQUEST.source, HOST, HEALTH];
    let mut select = Query::select();
    AlertRow::select(&mut select).from(alerts::Entity).and_where(not_resolved());
    select.and_where(column(alerts::Column::Source).is_in(sources)).order_by_expr(Expr::cust("random()"), Order::Asc).limit(AT_ONCE);
    rows_of(tx, &select).await
}

/// Why an alert is over; none while it is not.
async fn over(tx: &Tx, alert: &AlertRow, now: DateTime<Utc>) -> Result<Option<&'static str>, DbErr> {
    let unseen = now - alert.last_seen_at;
    Ok(match &*alert.source {
        source if source == JOB_FAILED.source && !job_is_failed(tx, alert).await? => Some("the jobs that had failed are done, or gone"),
        source if source == WEBHOOK_EVENT_FAILED.source && !delivery_is_failed(tx, alert).await? => {
            Some("the deliveries that had failed are worked on, or gone")
        }
        source if source == SLOW_REQUEST.source && unseen >= SLOW_FOR => Some("the operation was not slow for an hour"),
        HOST | HEALTH if unseen >= UNMEASURED_FOR => Some("nobody measures it any more"),
        _ => None,
    })
}

/// Whether a job of this kind that failed since is still failed, or is being tried again.
async fn job_is_failed(tx: &Tx, alert: &AlertRow) -> Result<bool, DbErr> {
    let of_tenant = if alert.tenant_id.is_some() { "tenant_id = $4" } else { "tenant_id is null" };
    let sql = format!(
        "select 1 from jobs where kind = $1 and {of_tenant}
           and (status = 'FAILED' and finished_at >= $2 or status in ('QUEUED', 'RUNNING') and last_error is not null and created_at <= $3) limit 1"
    );
    let kind = alert.data["kind"].as_str().unwrap_or_default();
    let mut values: Vec<Value> = vec![kind.into(), (alert.first_seen_at - SLACK).into(), alert.last_seen_at.into()];
    values.extend(alert.tenant_id.map(Value::from));
    Ok(tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.is_some())
}

/// Whether a delivery by this connection that failed since is still failed, or is being worked on again.
async fn delivery_is_failed(tx: &Tx, alert: &AlertRow) -> Result<bool, DbErr> {
    let connection = alert.data["connectionId"].as_str().and_then(|id| ConnectionId::parse(id).ok());
    let sql = "select 1 from webhook_events where tenant_id = $1 and connection_id = $2
                 and (status = 'FAILED' and updated_at >= $3 or status = 'PENDING' and attempts > 0 and received_at <= $4) limit 1";
    let values: [Value; 4] = [alert.tenant_id.into(), connection.into(), (alert.first_seen_at - SLACK).into(), alert.last_seen_at.into()];
    Ok(tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.is_some())
}
