//! Usage: how much of what was used, by store and day.

use async_graphql::{Context, Enum, Error, ID, InputObject, Object, Result};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use ops::usage::{UsageDayRow, UsageError, UsageReading};

use crate::graphql::connection::rows_cost;
use crate::graphql::errors::{IntoGraphql, bad_input};
use crate::graphql::input::{id, ids};
use crate::graphql::scalars::Decimal;
use crate::graphql::services::op;

/// What is counted of what a tenant uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::UsageMetric")]
pub enum UsageMetric {
    /// GraphQL operations of the tenant's users and API tokens on that day, in operations; of no store. Platform administrators'
    /// are not counted. Up to date within seconds.
    ApiCalls,
    /// Deliveries of providers that were taken in on that day, in deliveries: each once, however often the provider sent it. Up
    /// to date within an hour or so.
    WebhookEvents,
    /// Customers, products, variants, orders and their items that were stored when they were counted on that day, in rows.
    /// Counted every night.
    StoredRows,
    /// About how much these rows take with their indexes, in bytes, by the average size of a row. Measured every night.
    StoredBytes,
}

/// How much of one thing a tenant used on one day.
pub struct UsageDay(UsageDayRow);

/// How much of one thing a tenant used on one day.
#[Object]
impl UsageDay {
    /// The tenant.
    async fn tenant_id(&self) -> ID {
        self.0.tenant_id.to_string().into()
    }

    /// The store; null for what belongs to none.
    async fn store_id(&self) -> Option<ID> {
        (!self.0.store_id.uuid().is_nil()).then(|| self.0.store_id.to_string().into())
    }

    /// The day in the tenant's time zone, `YYYY-MM-DD`.
    async fn day(&self) -> &str {
        &self.0.day
    }

    /// What is counted.
    async fn metric(&self) -> UsageMetric {
        self.0.metric.into()
    }

    /// How much, in the metric's unit: a whole number.
    async fn amount(&self) -> Decimal {
        Decimal(self.0.amount.to_string())
    }

    /// When it was last counted (UTC).
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

/// Which usage: everything that is given must hold.
#[derive(InputObject)]
pub struct UsageDayFilter {
    /// From this day on, `YYYY-MM-DD`; without it, from 31 days before the last one.
    from: Option<String>,
    /// Up to and with this day, `YYYY-MM-DD`; without it, until now.
    to: Option<String>,
    /// Of these stores, at most 250; what belongs to no store is left out then.
    store_ids: Option<Vec<ID>>,
    /// Of these metrics.
    metrics: Option<Vec<UsageMetric>>,
    /// Of this tenant: for platform administrators, who see all tenants without it.
    tenant_id: Option<ID>,
}

fn day(name: &str, text: Option<String>) -> Result<Option<NaiveDate>> {
    let Some(text) = text else { return Ok(None) };
    let read = text.parse::<NaiveDate>().ok().filter(|day| (1..=9998).contains(&day.year()) && day.to_string() == text);
    read.map(Some).ok_or_else(|| bad_input(format!("`{name}` must be a day such as 2026-11-30")))
}

fn refused(error: UsageError) -> Error {
    match error {
        UsageError::Denied(denied) => denied.into_graphql(),
        UsageError::TooMany(_) => bad_input(error),
        UsageError::Storage(error) => error.into_graphql(),
    }
}

/// Rows of an answer that its complexity is reckoned with: an ordinary month, not the most that there may be.
const ROWS: usize = 150;

/// Reading usage.
#[derive(Default)]
pub struct UsageQuery;

#[Object]
impl UsageQuery {
    /// How much was used, by day, store and metric: of the tenant, or of all tenants for a platform administrator who has chosen
    /// none. At most 1,000 rows; BAD_USER_INPUT when there are more. Administrators, and integrations with `usage:read`.
    #[graphql(complexity = "1 + rows_cost(ROWS, child_complexity)")]
    async fn usage_days(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only usage for which all of this holds.")] filter: Option<UsageDayFilter>,
    ) -> Result<Vec<UsageDay>> {
        let filter = match filter {
            None => ops::usage::UsageFilter::default(),
            Some(filter) => ops::usage::UsageFilter {
                from: day("from", filter.from)?,
                to: day("to", filter.to)?,
                tenant_id: filter.tenant_id.as_ref().map(id).transpose()?,
                stores: ids(filter.store_ids)?,
                metrics: filter.metrics.map(|all| all.into_iter().map(Into::into).collect()),
            },
        };
        let rows = UsageReading.days(op(ctx)?, &filter).await.map_err(refused)?;
        Ok(rows.into_iter().map(UsageDay).collect())
    }
}
