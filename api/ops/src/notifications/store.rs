//! The statements about channels, settings and notifications.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use entities::tables::{notification_channels as channels, notifications};
use entities::{NotificationChannelId, NotificationId, TenantId};
use platform::callers::Action;
use platform::callers::actions::ManageNotifications;
use platform::db::{FromRow, List, in_list, rows_of};
use platform::outbox::FeedId;
use platform::{DbErr, Permit, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query, SimpleExpr};
use sea_orm::{ConnectionTrait, EntityTrait, Statement, Value};
use serde_json::json;

use super::row::{NotificationChannelRow, NotificationRow};
use super::rules::{COLUMNS, NotificationSettings};

/// Rows of one statement: each takes 25 parameters, of which SQLite takes 32,766.
const AT_ONCE: usize = 1_000;

fn this_channel(channel: &NotificationChannelRow) -> SimpleExpr {
    let feed = FeedId::of(channel.tenant_id).uuid();
    Expr::col(channels::Column::FeedId).eq(feed).and(Expr::col(channels::Column::Id).eq(channel.id))
}

pub(super) async fn channel<A: Action>(tx: &Tx, permit: &Permit<A>, id: NotificationChannelId) -> Result<Option<NotificationChannelRow>, DbErr> {
    Ok(List::<NotificationChannelRow, _>::new(tx, permit).by_ids(&[id.uuid()]).await?.pop())
}

/// The channel, held against others who change it or send through it.
pub(super) async fn channel_locked<A: Action>(tx: &Tx, permit: &Permit<A>, id: NotificationChannelId) -> Result<Option<NotificationChannelRow>, DbErr> {
    Ok(List::<NotificationChannelRow, _>::new(tx, permit).by_ids_locked(&[id.uuid()]).await?.pop())
}

fn of_feed(tenant: Option<TenantId>) -> SimpleExpr {
    Expr::col((channels::Entity, channels::Column::FeedId)).eq(FeedId::of(tenant).uuid())
}

pub(super) async fn count_channels(tx: &Tx, permit: &Permit<ManageNotifications>, tenant: Option<TenantId>) -> Result<u64, DbErr> {
    List::<NotificationChannelRow, _>::new(tx, permit).filter(of_feed(tenant)).count().await
}

/// The channels of a feed.
pub(super) async fn channel_ids(tx: &Tx, _permit: &Permit<ManageNotifications>, tenant: Option<TenantId>) -> Result<Vec<NotificationChannelId>, DbErr> {
    let select = Query::select().column(channels::Column::Id).from(channels::Entity).and_where(of_feed(tenant)).take();
    tx.query_all(&select).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

pub(super) async fn insert_channel(tx: &Tx, _permit: &Permit<ManageNotifications>, row: channels::ActiveModel) -> Result<(), DbErr> {
    channels::Entity::insert(row).exec_without_returning(tx).await.map(drop)
}

/// Writes columns of a channel that was found by a permit.
pub(super) async fn update_channel(tx: &Tx, channel: &NotificationChannelRow, values: Vec<(channels::Column, Value)>) -> Result<(), DbErr> {
    let values = values.into_iter().map(|(column, value)| (column, Expr::val(value)));
    tx.execute(&Query::update().table(channels::Entity).values(values).and_where(this_channel(channel)).take()).await.map(drop)
}

/// Deletes a channel and what was sent through it.
pub(super) async fn delete_channel(tx: &Tx, channel: &NotificationChannelRow) -> Result<(), DbErr> {
    let through = Expr::col(notifications::Column::ChannelId).eq(channel.id);
    tx.execute(&Query::delete().from_table(notifications::Entity).and_where(through).take()).await?;
    tx.execute(&Query::delete().from_table(channels::Entity).and_where(this_channel(channel)).take()).await.map(drop)
}

/// The sealed address of a channel's webhook.
pub(super) async fn sealed_url(tx: &Tx, channel: &NotificationChannelRow) -> Result<Option<Vec<u8>>, DbErr> {
    let select = Query::select().column(channels::Column::UrlSealed).from(channels::Entity).and_where(this_channel(channel)).take();
    tx.query_one(&select).await?.map_or(Ok(None), |row| row.try_get_by_index(0))
}

pub(super) async fn tenant_is_there(tx: &Tx, tenant: TenantId) -> Result<bool, DbErr> {
    let select = Query::select().column("id").from("tenants").and_where(Expr::col("id").eq(tenant)).and_where(Expr::col("status").ne("DELETED")).take();
    Ok(tx.query_one(&select).await?.is_some())
}

/// The settings of a feed; where nobody has made any, those that hold then.
pub(super) async fn settings(tx: &Tx, tenant: Option<TenantId>) -> Result<NotificationSettings, DbErr> {
    let sql = format!("select {COLUMNS} from notification_settings s where s.feed_id = $1");
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [FeedId::of(tenant).uuid().into()]);
    tx.query_one_raw(statement).await?.map_or_else(|| Ok(NotificationSettings::default()), |row| NotificationSettings::read(&row, 0))
}

pub(super) async fn write_settings(
    tx: &Tx,
    _permit: &Permit<ManageNotifications>,
    tenant: Option<TenantId>,
    settings: &NotificationSettings,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "insert into notification_settings (feed_id, tenant_id, rules, quiet_from, quiet_to, quiet_time_zone, escalation, created_at, updated_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
               on conflict (feed_id) do update set rules = excluded.rules, quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to,
                 quiet_time_zone = excluded.quiet_time_zone, escalation = excluded.escalation, updated_at = excluded.updated_at";
    let quiet = settings.quiet_hours.as_ref();
    let values = [
        FeedId::of(tenant).uuid().into(),
        tenant.into(),
        settings.rules.as_ref().map(|rules| json!(rules)).into(),
        quiet.map(|quiet| i32::from(quiet.from)).into(),
        quiet.map(|quiet| i32::from(quiet.to)).into(),
        quiet.and_then(|quiet| quiet.time_zone.clone()).into(),
        json!(settings.escalation).into(),
        now.into(),
    ];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await.map(drop)
}

/// What holds in a feed: its channels, its settings, and the time zone of its tenant.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) channels: Vec<NotificationChannelRow>,
    pub(super) settings: NotificationSettings,
    pub(super) zone: String,
}

/// What holds in these feeds. For the relay, which sees all tenants.
pub(super) async fn plans(tx: &Tx, feeds: &BTreeSet<FeedId>) -> Result<BTreeMap<FeedId, Plan>, DbErr> {
    let backend = tx.get_database_backend();
    let ids: Vec<_> = feeds.iter().map(|feed| feed.uuid()).collect();
    let mut found: BTreeMap<FeedId, Plan> = feeds.iter().map(|feed| (*feed, Plan::default())).collect();
    let mut select = Query::select();
    NotificationChannelRow::select(select.from(channels::Entity));
    let feed_id = Expr::col((channels::Entity, channels::Column::FeedId));
    select.and_where(platform::db::in_ids(backend, feed_id, ids.iter().copied())).order_by(channels::Column::CreatedAt, sea_orm::Order::Asc);
    for channel in rows_of::<NotificationChannelRow>(tx, &select).await? {
        if let Some(plan) = found.get_mut(&FeedId::of(channel.tenant_id)) {
            plan.channels.push(channel);
        }
    }
    let (listed, value) = in_list(backend, "s.feed_id", 1, &ids);
    let sql = format!("select s.tenant_id, {COLUMNS} from notification_settings s where {listed}");
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [value])).await? {
        if let Some(plan) = found.get_mut(&FeedId::of(row.try_get_by_index(0)?)) {
            plan.settings = NotificationSettings::read(&row, 1)?;
        }
    }
    let (listed, value) = in_list(backend, "id", 1, &ids);
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, format!("select id, time_zone from tenants where {listed}"), [value])).await? {
        if let Some(plan) = found.get_mut(&FeedId::of(Some(row.try_get_by_index(0)?))) {
            plan.zone = row.try_get_by_index(1)?;
        }
    }
    Ok(found)
}

/// Writes notifications, once for each event, channel, level and recipient.
pub(super) async fn insert(tx: &Tx, rows: Vec<notifications::ActiveModel>) -> Result<(), DbErr> {
    use notifications::Column::{ChannelId, EventId, Level, Recipient};
    let mut rows = rows.into_iter().peekable();
    let once = OnConflict::columns([EventId, ChannelId, Level, Recipient]).do_nothing().to_owned();
    while rows.peek().is_some() {
        notifications::Entity::insert_many(rows.by_ref().take(AT_ONCE)).on_conflict(once.clone()).exec_without_returning(tx).await?;
    }
    Ok(())
}

pub(super) async fn notifications<A: Action>(tx: &Tx, permit: &Permit<A>, ids: &[NotificationId]) -> Result<Vec<NotificationRow>, DbErr> {
    let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
    List::<NotificationRow, _>::new(tx, permit).by_ids(&ids).await
}

/// The notification, held until the transaction ends.
pub(super) async fn locked<A: Action>(tx: &Tx, permit: &Permit<A>, id: NotificationId) -> Result<Option<NotificationRow>, DbErr> {
    Ok(List::<NotificationRow, _>::new(tx, permit).by_ids_locked(&[id.uuid()]).await?.pop())
}

/// Writes columns of a notification that was found by a permit.
pub(super) async fn update(tx: &Tx, id: NotificationId, values: Vec<(notifications::Column, SimpleExpr)>) -> Result<(), DbErr> {
    tx.execute(&Query::update().table(notifications::Entity).values(values).and_where(Expr::col(notifications::Column::Id).eq(id)).take()).await.map(drop)
}

/// How often a channel was tested since a time.
pub(super) async fn tests_since(tx: &Tx, channel: NotificationChannelId, since: DateTime<Utc>) -> Result<i64, DbErr> {
    let sql = "select count(distinct event_id) from notifications where channel_id = $1 and kind = 'TEST' and created_at > $2";
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [channel.into(), since.into()]);
    tx.query_one_raw(statement).await?.map_or(Ok(0), |row| row.try_get_by_index(0))
}

/// Writes a digest, unless one of its kind is open already.
pub(super) async fn insert_digest(tx: &Tx, row: notifications::ActiveModel) -> Result<bool, DbErr> {
    // Neither database takes a partial index as the target of this statement: any conflict is that one.
    let anything = OnConflict::new().do_nothing().to_owned();
    Ok(notifications::Entity::insert(row).on_conflict(anything).exec_without_returning(tx).await? == 1)
}
