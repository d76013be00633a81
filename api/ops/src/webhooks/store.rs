//! The statements about endpoints and deliveries.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::{webhook_deliveries as deliveries, webhook_endpoints as endpoints};
use entities::{TenantId, WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpointId, WebhookEndpointStatus};
use platform::callers::Action;
use platform::callers::actions::ManageWebhooks;
use platform::db::{FromRow, List, in_ids, rows_of};
use platform::{DbErr, Permit, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Order, Query, SimpleExpr};
use sea_orm::{ConnectionTrait, EntityTrait, Value};
use uuid::Uuid;

use super::row::{WebhookDeliveryRow, WebhookEndpointRow};

/// Rows of one statement: each takes 17 parameters, of which SQLite takes 32,766.
const AT_ONCE: usize = 1_000;

/// What opens what an endpoint's deliveries are signed with.
pub(super) struct SealedSecrets {
    pub(super) current: Vec<u8>,
    pub(super) previous: Option<Vec<u8>>,
    pub(super) previous_until: Option<DateTime<Utc>>,
}

fn this_endpoint(endpoint: &WebhookEndpointRow) -> SimpleExpr {
    Expr::col(endpoints::Column::TenantId).eq(endpoint.tenant_id).and(Expr::col(endpoints::Column::Id).eq(endpoint.id))
}

fn deliveries_to(endpoint: &WebhookEndpointRow) -> SimpleExpr {
    Expr::col(deliveries::Column::TenantId).eq(endpoint.tenant_id).and(Expr::col(deliveries::Column::EndpointId).eq(endpoint.id))
}

pub(super) async fn endpoint<A: Action>(tx: &Tx, permit: &Permit<A>, id: WebhookEndpointId) -> Result<Option<WebhookEndpointRow>, DbErr> {
    Ok(List::<WebhookEndpointRow, _>::new(tx, permit).by_ids(&[id.uuid()]).await?.pop())
}

/// The endpoint, held against others who change it or what is sent to it in sets.
pub(super) async fn endpoint_locked(tx: &Tx, permit: &Permit<ManageWebhooks>, id: WebhookEndpointId) -> Result<Option<WebhookEndpointRow>, DbErr> {
    Ok(List::<WebhookEndpointRow, _>::new(tx, permit).by_ids_locked(&[id.uuid()]).await?.pop())
}

pub(super) async fn delivery_locked(tx: &Tx, permit: &Permit<ManageWebhooks>, id: WebhookDeliveryId) -> Result<Option<WebhookDeliveryRow>, DbErr> {
    Ok(List::<WebhookDeliveryRow, _>::new(tx, permit).by_ids_locked(&[id.uuid()]).await?.pop())
}

pub(super) async fn delivery<A: Action>(tx: &Tx, permit: &Permit<A>, id: WebhookDeliveryId) -> Result<Option<WebhookDeliveryRow>, DbErr> {
    Ok(List::<WebhookDeliveryRow, _>::new(tx, permit).by_ids(&[id.uuid()]).await?.pop())
}

/// How many a tenant has, whoever made them.
pub(super) async fn count_endpoints(tx: &Tx, _permit: &Permit<ManageWebhooks>, tenant: TenantId) -> Result<i64, DbErr> {
    let count = Expr::col(endpoints::Column::Id).count();
    let select = Query::select().expr(count).from(endpoints::Entity).and_where(Expr::col(endpoints::Column::TenantId).eq(tenant)).take();
    tx.query_one(&select).await?.map_or(Ok(0), |row| row.try_get_by_index(0))
}

/// All endpoints of these tenants, for what is told to each: the oldest first.
pub(super) async fn endpoints_of(tx: &Tx, tenants: &BTreeSet<TenantId>) -> Result<BTreeMap<TenantId, Vec<WebhookEndpointRow>>, DbErr> {
    let mut found = BTreeMap::<TenantId, Vec<WebhookEndpointRow>>::new();
    if tenants.is_empty() {
        return Ok(found);
    }
    let these = in_ids(tx.get_database_backend(), Expr::col((endpoints::Entity, endpoints::Column::TenantId)), tenants.iter().map(|tenant| tenant.uuid()));
    let mut select = Query::select().from(endpoints::Entity).and_where(these).take();
    WebhookEndpointRow::select(&mut select).order_by(endpoints::Column::CreatedAt, Order::Asc).order_by(endpoints::Column::Id, Order::Asc);
    for row in rows_of::<WebhookEndpointRow>(tx, &select).await? {
        found.entry(row.tenant_id).or_default().push(row);
    }
    Ok(found)
}

pub(super) async fn insert_endpoint(tx: &Tx, _permit: &Permit<ManageWebhooks>, row: endpoints::ActiveModel) -> Result<(), DbErr> {
    endpoints::Entity::insert(row).exec_without_returning(tx).await.map(drop)
}

/// Writes columns of an endpoint that was found by a permit.
pub(super) async fn update_endpoint(tx: &Tx, endpoint: &WebhookEndpointRow, values: Vec<(endpoints::Column, Value)>) -> Result<(), DbErr> {
    let values = values.into_iter().map(|(column, value)| (column, Expr::val(value)));
    tx.execute(&Query::update().table(endpoints::Entity).values(values).and_where(this_endpoint(endpoint)).take()).await.map(drop)
}

/// Deletes some of what was sent to an endpoint, and says whether there may be more.
pub(super) async fn delete_deliveries(tx: &Tx, endpoint: &WebhookEndpointRow) -> Result<bool, DbErr> {
    let some = Query::select().column(deliveries::Column::Id).from(deliveries::Entity).and_where(deliveries_to(endpoint)).limit(AT_ONCE as u64).take();
    // Nothing but the ids, or PostgreSQL may pick them again for each of the rows.
    let delete = Query::delete().from_table(deliveries::Entity).and_where(Expr::col(deliveries::Column::Id).in_subquery(some)).take();
    Ok(tx.execute(&delete).await?.rows_affected() >= AT_ONCE as u64)
}

/// Deletes an endpoint that nothing was sent to, or not any more.
pub(super) async fn delete_endpoint(tx: &Tx, endpoint: &WebhookEndpointRow) -> Result<(), DbErr> {
    tx.execute(&Query::delete().from_table(endpoints::Entity).and_where(this_endpoint(endpoint)).take()).await.map(drop)
}

pub(super) async fn secrets(tx: &Tx, endpoint: &WebhookEndpointRow) -> Result<Option<SealedSecrets>, DbErr> {
    use endpoints::Column::{PreviousSecretSealed, PreviousSecretUntil, SecretSealed};
    let columns = [SecretSealed, PreviousSecretSealed, PreviousSecretUntil];
    let select = Query::select().columns(columns).from(endpoints::Entity).and_where(this_endpoint(endpoint)).take();
    let Some(row) = tx.query_one(&select).await? else { return Ok(None) };
    Ok(Some(SealedSecrets { current: row.try_get_by_index(0)?, previous: row.try_get_by_index(1)?, previous_until: row.try_get_by_index(2)? }))
}

/// The endpoint has taken something. It is written down when that is news, to the minute.
pub(super) async fn endpoint_succeeded(tx: &Tx, endpoint: &WebhookEndpointRow, now: DateTime<Utc>) -> Result<(), DbErr> {
    use endpoints::Column::{FailingSinceAt, LastSuccessAt};
    let last = Expr::col(LastSuccessAt);
    let news = Expr::col(FailingSinceAt).is_not_null().or(last.clone().is_null()).or(last.lt(now - TimeDelta::minutes(1)));
    let values = [(FailingSinceAt, Expr::val(Option::<DateTime<Utc>>::None)), (LastSuccessAt, Expr::val(now))];
    tx.execute(&Query::update().table(endpoints::Entity).values(values).and_where(this_endpoint(endpoint)).and_where(news).take()).await.map(drop)
}

/// The endpoint has not taken something: since now, unless since longer.
pub(super) async fn endpoint_failed(tx: &Tx, endpoint: &WebhookEndpointRow, now: DateTime<Utc>) -> Result<(), DbErr> {
    use endpoints::Column::FailingSinceAt;
    let first = Expr::col(FailingSinceAt).is_null();
    tx.execute(&Query::update().table(endpoints::Entity).value(FailingSinceAt, now).and_where(this_endpoint(endpoint)).and_where(first).take()).await.map(drop)
}

/// Gives up all that waits to be sent to an endpoint.
pub(super) async fn give_up_waiting(tx: &Tx, endpoint: &WebhookEndpointRow, why: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    use deliveries::Column::{ErrorMessage, NextAttemptAt, Status, UpdatedAt};
    let values = [
        (Status, Expr::val(WebhookDeliveryStatus::Failed.as_str())),
        (ErrorMessage, Expr::val(why)),
        (NextAttemptAt, Expr::val(Option::<DateTime<Utc>>::None)),
        (UpdatedAt, Expr::val(now)),
    ];
    // The state stands in the text of the statement, so that the partial index is used.
    let waiting = Expr::cust("status = 'PENDING'");
    let update = Query::update().table(deliveries::Entity).values(values).and_where(deliveries_to(endpoint)).and_where(waiting).take();
    tx.execute(&update).await.map(drop)
}

/// Writes deliveries, once for each endpoint and event.
pub(super) async fn insert_deliveries(tx: &Tx, rows: Vec<deliveries::ActiveModel>) -> Result<(), DbErr> {
    let mut rows = rows.into_iter().peekable();
    let once = OnConflict::columns([deliveries::Column::EndpointId, deliveries::Column::EventId]).do_nothing().to_owned();
    while rows.peek().is_some() {
        deliveries::Entity::insert_many(rows.by_ref().take(AT_ONCE)).on_conflict(once.clone()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// What has become of an attempt.
pub(super) async fn record_attempt(
    tx: &Tx,
    delivery: &WebhookDeliveryRow,
    only_if_pending: bool,
    values: Vec<(deliveries::Column, SimpleExpr)>,
) -> Result<bool, DbErr> {
    use deliveries::Column::{Attempts, Id, Status, TenantId};
    let mut update = Query::update();
    update.table(deliveries::Entity).value(Attempts, Expr::col(Attempts).add(1)).values(values);
    update.and_where(Expr::col(TenantId).eq(delivery.tenant_id)).and_where(Expr::col(Id).eq(delivery.id));
    if only_if_pending {
        update.and_where(Expr::col(Status).eq(WebhookDeliveryStatus::Pending.as_str()));
    }
    Ok(tx.execute(&update).await?.rows_affected() == 1)
}

/// Has deliveries to an endpoint sent again.
pub(super) async fn send_again(tx: &Tx, endpoint: &WebhookEndpointRow, ids: &[WebhookDeliveryId], now: DateTime<Utc>) -> Result<(), DbErr> {
    use deliveries::Column::{DeliveredAt, Id, NextAttemptAt, Status, UpdatedAt};
    let values = [
        (Status, Expr::val(WebhookDeliveryStatus::Pending.as_str())),
        (NextAttemptAt, Expr::val(now)),
        (DeliveredAt, Expr::val(Option::<DateTime<Utc>>::None)),
        (UpdatedAt, Expr::val(now)),
    ];
    let these = in_ids(tx.get_database_backend(), Expr::col(Id), ids.iter().map(|id| -> Uuid { id.uuid() }));
    tx.execute(&Query::update().table(deliveries::Entity).values(values).and_where(deliveries_to(endpoint)).and_where(these).take()).await.map(drop)
}

/// What an endpoint looks like that is told of nothing any more.
pub(super) fn disabled(reason: Option<&str>, now: DateTime<Utc>) -> Vec<(endpoints::Column, Value)> {
    use endpoints::Column::{DisabledReason, Status, UpdatedAt};
    vec![(Status, WebhookEndpointStatus::Disabled.as_str().into()), (DisabledReason, reason.map(str::to_owned).into()), (UpdatedAt, now.into())]
}
