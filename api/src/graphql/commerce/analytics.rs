//! A store in numbers: what is stored of it, and what went on between the program and its shop.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Result;
use chrono::{DateTime, Utc};
use commerce::activity::{Analytics, StoreAnalytics as Numbers, StoreSizes, Window};
use platform::OpCtx;
use platform::db::Parent;
use platform::reading::ReadError;
use uuid::Uuid;

use crate::graphql::errors::IntoGraphql;
use crate::graphql::objects::{Slot, object};
use crate::graphql::scalars::Decimal;
use crate::graphql::selection::Selected;

object! {
    /// A store in numbers, from the program's own records. Windows begin at full hours (UTC): the last one is the hour that it is now and the 23
    /// before it. Calls are counted within seconds of their end, deliveries as they come in.
    StoreAnalytics(Numbers) {
        /// What is stored of the store; null before it was first counted. It is counted every night, and when its data has come in as a whole.
        stored: Option<StoreStored> = |row| row.sizes.map(StoreStored::unrelated);
        /// What went on in the last 24 hours: the hour that it is now and the 23 before it.
        last_24_hours: Option<StoreActivity> = |row| row.windows.last().cloned().map(StoreActivity::unrelated);
        /// The throughput of 7 days, as windows of 24 hours, the oldest first; the last one is `last24Hours`.
        last_7_days: Vec<StoreActivity> ["Seven of them."] = |row| row.windows.iter().cloned().map(StoreActivity::unrelated).collect();
    }
}

object! {
    /// What is stored of a store, as of when it was counted. What the shop has no more is counted for as long as it is kept.
    StoreStored(StoreSizes) {
        /// Orders.
        orders: i64 = |row| row.orders;
        /// Lines of orders.
        items: i64 = |row| row.items;
        /// Customers.
        customers: i64 = |row| row.customers;
        /// Products.
        products: i64 = |row| row.products;
        /// Variants of products.
        variants: i64 = |row| row.variants;
        /// Bodies of deliveries that are kept, in bytes: a whole number.
        payload_bytes: Decimal = |row| Decimal(row.payload_bytes.to_string());
        /// When it was counted (UTC).
        as_of: DateTime<Utc> = |row| row.counted_at;
    }
}

object! {
    /// What went on between the program and a store's shop in 24 hours.
    StoreActivity(Window) {
        /// When the 24 hours begin (UTC), at a full hour.
        starts_at: DateTime<Utc> = |row| row.starts_at;
        /// Webhooks that came in, each once, however often the shop sent it.
        webhooks_received: i64 = |row| row.received;
        /// Those of them that could not be worked on, as they stand now: one that is replayed and done is none of them.
        webhooks_failed: i64 = |row| row.deliveries_failed;
        /// Calls to the shop's API, for whatever they were made; those that came to nothing too.
        api_calls: i64 = |row| row.calls;
        /// Calls that came to nothing: without an answer, or with one that refuses. Those that the throttle did not let in are not among them.
        api_calls_failed: i64 = |row| row.calls_failed();
        /// Calls that the shop's throttle did not let in. They are made again, and are no errors.
        api_calls_throttled: i64 = |row| row.calls_throttled();
        /// At what calls failed, in the order of the words.
        api_call_problems: Vec<StoreCallProblem> ["Ten at most."] = |row| problems(row);
        /// What the calls cost, in the points of the shop's throttle.
        api_points: i64 = |row| row.points;
        /// How long the shop took to answer a call on average, in milliseconds, whatever the answer; null when none was answered.
        mean_response_milliseconds: Option<f64> = |row| row.mean_response_ms();
        /// The part of all calls and webhooks that failed, 0 to 1: `apiCallsFailed` and `webhooksFailed` of `apiCalls` and `webhooksReceived`; null
        /// when there were none.
        error_rate: Option<f64> = |row| row.error_rate();
        /// Rows that syncs brought up to date: created, updated, found as they were, or marked as deleted. A sync counts when it ended; one that is
        /// under way, when it was last heard of.
        records_synced: i64 = |row| row.synced;
    }
}

object! {
    /// Calls that failed at the same thing.
    StoreCallProblem(Failures) {
        /// At what: THROTTLED, TOO_COSTLY, UNAUTHORIZED, MISSING_SCOPE, SHOP_CLOSED, BUSY, REFUSED, FAILED, UNKNOWN (nobody can tell what became of
        /// it) or UNREACHABLE.
        problem: String = |row| row.0.clone();
        /// How many.
        calls: i64 = |row| row.1;
    }
}

/// A word, and how many calls failed at that.
pub struct Failures(String, i64);

fn problems(window: &Window) -> Vec<StoreCallProblem> {
    window.failures.iter().map(|(problem, calls)| StoreCallProblem::unrelated(Failures(problem.clone(), *calls))).collect()
}

/// The numbers of stores, as far as they are selected.
pub(super) async fn numbers(ctx: &OpCtx, stores: &[Parent], selected: &Selected<'_>) -> Result<Slot<HashMap<Uuid, Arc<StoreAnalytics>>>> {
    let has = |name| selected.has("StoreAnalytics", name);
    let wanted = Analytics { sizes: has("stored"), windows: has("last24Hours") || has("last7Days") };
    match wanted.of(ctx, stores).await {
        Ok(found) => Ok(Slot::Loaded(found.into_iter().map(|(store, numbers)| (store, Arc::new(StoreAnalytics::unrelated(numbers)))).collect())),
        Err(ReadError::Denied(denied)) => Ok(Slot::Denied(denied)),
        Err(error @ ReadError::Storage(_)) => Err(error.into_graphql()),
    }
}
