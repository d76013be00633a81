//! Reading activity, for many stores at once: a statement for each source of numbers, however many stores there are.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use entities::StoreId;
use platform::callers::actions::ReadStores;
use platform::db::{Parent, in_ids, parents};
use platform::reading::ReadError;
use platform::{DbErr, OpCtx, Permit, Tx};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, Func, JoinType, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

use super::calls::OK;
use super::{StoreSizes, WINDOWS, edges};

/// A run that was asked for so long before a window may have ended in it.
const LONGEST_SYNC: TimeDelta = TimeDelta::days(3);

/// What went on between the program and a store's shop in 24 hours.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// When they begin (UTC).
    pub starts_at: DateTime<Utc>,
    /// Deliveries that came in.
    pub received: i64,
    /// Those of them that could not be worked on.
    pub deliveries_failed: i64,
    /// Calls to the shop.
    pub calls: i64,
    /// Those of them that came to nothing, by what they failed at.
    pub failures: BTreeMap<String, i64>,
    /// Calls that were answered, whatever the answer.
    pub answers: i64,
    /// How long those answers took in all, in milliseconds.
    pub response_ms: i64,
    /// What the calls cost, in the provider's points.
    pub points: i64,
    /// Rows that syncs brought up to date.
    pub synced: i64,
}

/// The word for calls that the shop's throttle did not let in.
const THROTTLED: &str = "THROTTLED";

impl Window {
    fn starting(starts_at: DateTime<Utc>) -> Self {
        let failures = BTreeMap::new();
        Self { starts_at, received: 0, deliveries_failed: 0, calls: 0, failures, answers: 0, response_ms: 0, points: 0, synced: 0 }
    }

    /// Calls that the throttle did not let in: they are made again, and are no errors.
    pub fn calls_throttled(&self) -> i64 {
        self.failures.get(THROTTLED).copied().unwrap_or(0)
    }

    /// Calls that came to nothing, without those.
    pub fn calls_failed(&self) -> i64 {
        self.failures.values().sum::<i64>() - self.calls_throttled()
    }

    /// The part of calls and deliveries that failed, 0 to 1; none when there were none.
    pub fn error_rate(&self) -> Option<f64> {
        let all = self.calls + self.received;
        (all > 0).then(|| (self.calls_failed() + self.deliveries_failed) as f64 / all as f64)
    }

    /// How long an answer took on average, in milliseconds; none when there was none.
    pub fn mean_response_ms(&self) -> Option<f64> {
        (self.answers > 0).then(|| self.response_ms as f64 / self.answers as f64)
    }
}

/// What is known of a store in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreAnalytics {
    /// What is stored of it; none before it was first counted.
    pub sizes: Option<StoreSizes>,
    /// What went on, in windows of 24 hours, the oldest first; empty when it was not asked for.
    pub windows: Vec<Window>,
}

/// Numbers of stores, to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Analytics {
    /// Whether to read what is stored.
    pub sizes: bool,
    /// Whether to read what went on.
    pub windows: bool,
}

struct Reader<'a> {
    tx: &'a Tx,
    permit: &'a Permit<ReadStores>,
    stores: &'a [Parent],
    edges: [DateTime<Utc>; WINDOWS],
    found: HashMap<Uuid, StoreAnalytics>,
}

impl Analytics {
    /// The numbers of these stores.
    pub async fn of(self, ctx: &OpCtx, stores: &[Parent]) -> Result<HashMap<Uuid, StoreAnalytics>, ReadError> {
        let permit = ctx.authorize::<ReadStores>()?;
        let (tx, edges) = (ctx.reader().await?, edges(ctx.now()));
        let windows = || if self.windows { edges.map(Window::starting).to_vec() } else { Vec::new() };
        let found = stores.iter().map(|store| (store.id, StoreAnalytics { sizes: None, windows: windows() })).collect();
        let mut reader = Reader { tx: &tx, permit: &permit, stores, edges, found };
        if self.sizes {
            reader.sizes().await?;
        }
        if self.windows {
            reader.calls().await?;
            reader.deliveries().await?;
            reader.failed_deliveries().await?;
            reader.synced().await?;
        }
        Ok(reader.found)
    }
}

impl Reader<'_> {
    /// The stores' rows of a table: their store is the first column.
    fn of_stores(&self, table: &'static str) -> SelectStatement {
        let backend = self.tx.get_database_backend();
        let (tenant, store) = (Expr::col((table, "tenant_id")), Expr::col((table, "store_id")));
        let mut select = Query::select();
        select.expr(store.clone()).from(table);
        let belongs = tenant.clone().eq(Expr::col(("p", "tenant_id"))).and(store.clone().eq(Expr::col(("p", "id"))));
        select.join_subquery(JoinType::InnerJoin, parents(backend, self.stores), "p", belongs);
        self.permit.limit(&mut select, backend, tenant, Some(store));
        select
    }

    /// The same by the window that an instant is in, which is the second column.
    fn by_window(&self, table: &'static str, at: SimpleExpr) -> SelectStatement {
        let mut case = CaseStatement::new();
        for (index, edge) in self.edges.iter().enumerate().rev() {
            case = case.case(at.clone().gte(*edge), Expr::cust(index.to_string()));
        }
        let mut select = self.of_stores(table);
        select.expr_as(case, "bucket").and_where(at.gte(self.edges[0]));
        select.add_group_by([Expr::col((table, "store_id")), Expr::col("bucket")]);
        select
    }

    /// Hands rows of windows on.
    async fn add(&mut self, select: &SelectStatement, add: impl Fn(&mut Window, &QueryResult) -> Result<(), DbErr>) -> Result<(), DbErr> {
        for row in self.tx.query_all(select).await? {
            let (store, index): (StoreId, i32) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let window = self.found.get_mut(&store.uuid()).and_then(|found| found.windows.get_mut(usize::try_from(index).ok()?));
            if let Some(window) = window {
                add(window, &row)?;
            }
        }
        Ok(())
    }

    async fn sizes(&mut self) -> Result<(), DbErr> {
        let mut select = self.of_stores("store_sizes");
        for name in ["orders", "items", "customers", "products", "variants", "payload_bytes", "counted_at"] {
            select.expr(Expr::col(("store_sizes", name)));
        }
        for row in self.tx.query_all(&select).await? {
            let count = |index| row.try_get_by_index::<i64>(index);
            let sizes = StoreSizes {
                orders: count(1)?,
                items: count(2)?,
                customers: count(3)?,
                products: count(4)?,
                variants: count(5)?,
                payload_bytes: count(6)?,
                counted_at: row.try_get_by_index(7)?,
            };
            if let Some(found) = self.found.get_mut(&row.try_get_by_index::<StoreId>(0)?.uuid()) {
                found.sizes = Some(sizes);
            }
        }
        Ok(())
    }

    async fn calls(&mut self) -> Result<(), DbErr> {
        let mut select = self.by_window("store_calls", Expr::col(("store_calls", "hour")));
        select.expr(Expr::col(("store_calls", "outcome"))).add_group_by([Expr::col(("store_calls", "outcome"))]);
        for name in ["calls", "answers", "response_ms", "points"] {
            select.expr(sum(Expr::col(("store_calls", name))));
        }
        self.add(&select, |window, row| {
            let (outcome, calls): (String, i64) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
            window.calls += calls;
            window.answers += row.try_get_by_index::<i64>(4)?;
            window.response_ms += row.try_get_by_index::<i64>(5)?;
            window.points += row.try_get_by_index::<i64>(6)?;
            if outcome != OK {
                *window.failures.entry(outcome).or_default() += calls;
            }
            Ok(())
        })
        .await
    }

    /// Up to the mark from the hours' counts, and from there on one by one.
    async fn deliveries(&mut self) -> Result<(), DbErr> {
        let mark = self.mark().await?;
        let hour = Expr::col(("store_deliveries", "hour"));
        let mut counted = self.by_window("store_deliveries", hour.clone());
        counted.and_where(hour.lt(mark)).expr(sum(Expr::col(("store_deliveries", "received"))));
        let at = Expr::col(("webhook_events", "received_at"));
        let mut since = self.by_window("webhook_events", at.clone());
        since.and_where(at.gte(mark)).expr(Func::count(Expr::val(1)));
        for select in [counted, since] {
            self.add(&select, |window, row| {
                window.received += row.try_get_by_index::<i64>(2)?;
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Up to when deliveries are counted. Tenants without a mark came to be after the last count, as did all that they were delivered.
    async fn mark(&self) -> Result<DateTime<Utc>, DbErr> {
        let mut select = Query::select();
        let tenants = self.stores.iter().map(|store| store.tenant.uuid());
        select.column("counted_until").from("delivery_marks").and_where(in_ids(self.tx.get_database_backend(), Expr::col("tenant_id"), tenants));
        select.order_by("counted_until", Order::Asc).limit(1);
        let found = self.tx.query_one(&select).await?;
        Ok(found.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(self.edges[0]))
    }

    async fn failed_deliveries(&mut self) -> Result<(), DbErr> {
        let mut select = self.by_window("webhook_events", Expr::col(("webhook_events", "received_at")));
        // As a literal: the index of those that failed is for this condition.
        select.and_where(Expr::cust("webhook_events.status = 'FAILED'")).expr(Func::count(Expr::val(1)));
        self.add(&select, |window, row| {
            window.deliveries_failed = row.try_get_by_index(2)?;
            Ok(())
        })
        .await
    }

    /// A run counts when it ended; one that is under way, when it was last heard of.
    async fn synced(&mut self) -> Result<(), DbErr> {
        let at = Expr::cust("coalesce(sync_runs.finished_at, sync_runs.updated_at)");
        let mut select = self.by_window("sync_runs", at);
        select.and_where(Expr::col(("sync_runs", "created_at")).gte(self.edges[0] - LONGEST_SYNC));
        select.expr(sum(Expr::cust("sync_runs.created + sync_runs.updated + sync_runs.unchanged + sync_runs.deleted")));
        self.add(&select, |window, row| {
            window.synced = row.try_get_by_index(2)?;
            Ok(())
        })
        .await
    }
}

/// PostgreSQL's sum of whole numbers is not one.
fn sum(of: impl Into<SimpleExpr>) -> SimpleExpr {
    Func::cast_as(Func::sum(of), "bigint").into()
}
