//! Reading usage.

use chrono::{NaiveDate, TimeDelta};
use entities::tables::usage_days::{Column, Entity};
use entities::{StoreId, TenantId, UsageMetric};
use platform::OpCtx;
use platform::callers::actions::ReadUsage;
use platform::db::{FromRow, in_ids, rows_of};
use platform::filter::Conditions;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};

use super::error::UsageError;
use super::row::UsageDayRow;

/// Rows of one answer at most.
pub const MAX_ROWS: u64 = 1_000;
/// How far back is looked when nothing is said.
const DAYS: TimeDelta = TimeDelta::days(31);

/// What usage is filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct UsageFilter {
    /// From this day on; without it, the last 31 days.
    pub from: Option<NaiveDate>,
    /// Up to and with this day.
    pub to: Option<NaiveDate>,
    /// Of this tenant.
    pub tenant_id: Option<TenantId>,
    /// Of these stores.
    pub stores: Option<Vec<StoreId>>,
    /// Of these metrics.
    pub metrics: Option<Vec<UsageMetric>>,
}

/// Usage, to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct UsageReading;

impl UsageReading {
    /// The days' rows by day, store and metric.
    pub async fn days(self, ctx: &OpCtx, filter: &UsageFilter) -> Result<Vec<UsageDayRow>, UsageError> {
        let permit = ctx.authorize::<ReadUsage>()?;
        let tx = ctx.reader().await?;
        let backend = tx.get_database_backend();
        let column = |column: Column| Expr::col((Entity, column));
        let mut select = Query::select();
        UsageDayRow::select(&mut select).from(Entity);
        permit.limit(&mut select, backend, column(Column::TenantId), Some(column(Column::StoreId)));
        let mut conditions = Conditions::on("usage_days");
        conditions.equals("tenant_id", filter.tenant_id).one_of("metric", filter.metrics.as_deref());
        for condition in conditions.into_vec() {
            select.and_where(condition);
        }
        let from = filter.from.unwrap_or_else(|| filter.to.unwrap_or(ctx.now().date_naive()) - DAYS);
        select.and_where(column(Column::Day).gte(from.to_string()));
        if let Some(to) = filter.to {
            select.and_where(column(Column::Day).lte(to.to_string()));
        }
        if let Some(stores) = &filter.stores {
            select.and_where(in_ids(backend, column(Column::StoreId), stores.iter().map(|store| store.uuid())));
        }
        for order in [Column::Day, Column::TenantId, Column::StoreId, Column::Metric] {
            select.order_by_expr(column(order), Order::Asc);
        }
        let rows: Vec<UsageDayRow> = rows_of(&tx, select.limit(MAX_ROWS + 1)).await?;
        if rows.len() as u64 > MAX_ROWS { Err(UsageError::TooMany(MAX_ROWS)) } else { Ok(rows) }
    }
}
