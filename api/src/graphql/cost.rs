//! What an operation costs: points for every field that it may return, taken once it is valid and before it runs; what it did not
//! return is given back. The answer tells in `extensions.cost`, in the words of Shopify's Admin API.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::{ErrorExtensionValues, ServerError, ValidationResult};
use platform::Clock;
use platform::limits::{BucketKey, Buckets, Rate, Taken};
use serde_json::{Value, json};

use super::errors::Code;

/// Errors of one document that are told.
const ERRORS: usize = 20;

thread_local! {
    /// Fields that this thread has rendered.
    static RENDERED: Cell<u64> = const { Cell::new(0) };
}

/// Counts fields that are being rendered.
pub fn count_rendered(fields: usize) {
    RENDERED.set(RENDERED.get().wrapping_add(fields as u64));
}

/// Runs something that renders, and tells how many fields it has rendered.
pub fn rendered_by<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = RENDERED.get();
    let result = work();
    (result, RENDERED.get().wrapping_sub(before))
}

/// The bucket that an operation is paid from.
pub struct Purse {
    /// The buckets.
    pub buckets: Arc<dyn Buckets>,
    /// Tells when points come back.
    pub clock: Arc<dyn Clock>,
    /// Which bucket.
    pub key: BucketKey,
    /// How large it is and how fast it is refilled.
    pub rate: Rate,
}

/// What one operation costs. Without a purse it is only counted.
#[derive(Default)]
pub struct OperationCost {
    purse: Option<Purse>,
    requested: AtomicU64,
    rendered: AtomicU64,
    available: AtomicU64,
    throttled: OnceLock<Duration>,
}

impl OperationCost {
    /// The cost of an operation that is paid from `purse`.
    pub fn new(purse: Option<Purse>) -> Self {
        Self { purse, ..Self::default() }
    }

    /// The points that it asked for; none when it was not valid.
    pub fn requested(&self) -> u64 {
        self.requested.load(Ordering::Relaxed)
    }

    /// When to come back, if the points were not there.
    pub fn throttled(&self) -> Option<Duration> {
        self.throttled.get().copied()
    }

    /// Counts fields that were rendered and will be returned.
    pub fn add_rendered(&self, fields: u64) {
        self.rendered.fetch_add(fields, Ordering::Relaxed);
    }

    /// Every valid operation costs something.
    async fn pay(&self, points: u64) -> Result<(), Box<ServerError>> {
        let points = points.max(1);
        self.requested.store(points, Ordering::Relaxed);
        let Some(purse) = &self.purse else { return Ok(()) };
        match purse.buckets.take(&purse.key, purse.rate, points, purse.clock.now()).await {
            Taken::Granted { available } => {
                self.available.store(available, Ordering::Relaxed);
                Ok(())
            }
            Taken::Refused { available, retry_after } => {
                self.available.store(available, Ordering::Relaxed);
                let _ = self.throttled.set(retry_after);
                let seconds = whole_seconds(retry_after);
                let restored = purse.rate.per_minute / 60;
                let message = format!(
                    "the operation costs {points} points, {available} are left, and {restored} come back each second: try again in {seconds} s, or ask for fewer rows and fields"
                );
                let mut error = ServerError::new(message, None);
                let mut extensions = ErrorExtensionValues::default();
                extensions.set("code", Code::Throttled.as_str());
                extensions.set("retryAfterSeconds", seconds);
                error.extensions = Some(extensions);
                Err(Box::new(error))
            }
        }
    }

    /// Pays for more that the operation does after it has begun, for which nobody waits: half of what such a bucket could hold beside it
    /// is left for what else its caller asks for. Tells when to try again if the points are not there.
    pub async fn pay_on(&self, points: u64) -> Result<(), Duration> {
        let Some(purse) = &self.purse else { return Ok(()) };
        let points = points.min(purse.rate.capacity);
        let wanted = points + (purse.rate.capacity - points) / 2;
        let now = purse.clock.now();
        let available = purse.buckets.available(&purse.key, purse.rate, now).await;
        if available < wanted {
            return Err(purse.rate.time_for(wanted - available));
        }
        match purse.buckets.take(&purse.key, purse.rate, points, now).await {
            Taken::Granted { .. } => Ok(()),
            Taken::Refused { retry_after, .. } => Err(retry_after),
        }
    }

    /// Gives back what was paid for and not returned.
    pub async fn give_back(&self, points: u64) {
        if let Some(purse) = self.purse.as_ref().filter(|_| points > 0) {
            purse.buckets.give_back(&purse.key, purse.rate, points, purse.clock.now()).await;
        }
    }

    /// Gives back what was asked for and not returned; `resolved` are the fields that were returned without being rendered. Tells what
    /// it cost in the end.
    pub async fn settle(&self, resolved: u64) -> u64 {
        let requested = self.requested();
        let actual = (resolved + self.rendered.load(Ordering::Relaxed)).min(requested);
        if let Some(purse) = &self.purse
            && requested > actual
            && self.throttled().is_none()
        {
            let available = purse.buckets.give_back(&purse.key, purse.rate, requested - actual, purse.clock.now()).await;
            self.available.store(available, Ordering::Relaxed);
        }
        actual
    }

    /// `extensions.cost`; none when nobody is throttled or nothing was asked for. What did not run has no actual cost.
    pub fn extension(&self, actual: Option<u64>) -> Option<Value> {
        let purse = self.purse.as_ref().filter(|_| self.requested() > 0)?;
        Some(json!({
            "requestedQueryCost": self.requested(),
            "actualQueryCost": actual,
            "throttleStatus": {
                "maximumAvailable": purse.rate.capacity,
                "currentlyAvailable": self.available.load(Ordering::Relaxed),
                "restoreRate": purse.rate.per_minute / 60,
            },
        }))
    }
}

/// A wait as callers are told of it: whole seconds, and never none.
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Bounds and pays for operations that are valid.
#[derive(Clone, Copy)]
pub struct CostExtension {
    /// Points at most.
    pub complexity: usize,
    /// Fields within fields at most.
    pub depth: usize,
}

impl ExtensionFactory for CostExtension {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(*self)
    }
}

#[async_trait::async_trait]
impl Extension for CostExtension {
    async fn validation(&self, ctx: &ExtensionContext<'_>, next: NextValidation<'_>) -> Result<ValidationResult, Vec<ServerError>> {
        let valid = next.run(ctx).await.map_err(|errors| {
            // Several rules may find the same mistake.
            let mut told = Vec::<ServerError>::new();
            for error in errors {
                if told.len() < ERRORS && !told.contains(&error) {
                    told.push(error);
                }
            }
            told
        })?;
        let refused = |message: String| Err(vec![ServerError::new(message, None)]);
        if valid.depth > self.depth {
            return refused(format!("the operation nests fields {} deep, and {} is the most: ask for what lies deeper by its id", valid.depth, self.depth));
        }
        if valid.complexity > self.complexity {
            let (wanted, most) = (valid.complexity, self.complexity);
            return refused(format!(
                "the operation is too complex: it may return {wanted} fields, and {most} is the most: ask for fewer rows with `first`, or split it"
            ));
        }
        if let Some(cost) = ctx.data_opt::<Arc<OperationCost>>() {
            cost.pay(valid.complexity as u64).await.map_err(|error| vec![*error])?;
        }
        Ok(valid)
    }
}
