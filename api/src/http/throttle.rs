//! How much each caller may ask for: operations a minute, what they cost, and how many requests may be refused.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use entities::{ConnectionId, Plan};
use platform::config::Settings;
use platform::limits::{BucketKey, Buckets, CostRates, OperationClass, OperationLimits, Payer, Purse as Kind, Rate, Taken, plan_of};
use platform::{Clock, OpCtx};

use super::refusal::Refusal;
use crate::graphql::{Limits, OperationCost, Purse, whole_seconds};

/// What a refused request costs whoever sent it.
const REFUSAL: u64 = 100;
/// Bearers that are remembered to have been good, and for how long after they were last used.
const BEARERS: u64 = 16_384;
const REMEMBERED: Duration = Duration::from_secs(600);
/// Connections that are remembered to be there.
const CONNECTIONS: u64 = 65_536;

/// Holds callers to what they may use up.
pub struct Throttle {
    buckets: Arc<dyn Buckets>,
    clock: Arc<dyn Clock>,
    costs: Option<CostRates>,
    operations: Option<OperationLimits>,
    default_plan: Plan,
    hasher: RandomState,
    good: moka::sync::Cache<u64, ()>,
    there: moka::sync::Cache<ConnectionId, ()>,
}

impl Throttle {
    /// A throttle as the settings say.
    pub fn new(settings: &Settings, limits: &Limits, buckets: Arc<dyn Buckets>, clock: Arc<dyn Clock>) -> Self {
        Self {
            buckets,
            clock,
            costs: CostRates::new(settings.cost_restore_rate, limits.complexity as u64),
            operations: OperationLimits::new(settings.operations_per_minute),
            default_plan: settings.default_plan,
            hasher: RandomState::new(),
            good: moka::sync::Cache::builder().max_capacity(BEARERS).time_to_idle(REMEMBERED).build(),
            there: moka::sync::Cache::builder().max_capacity(CONNECTIONS).time_to_idle(REMEMBERED).build(),
        }
    }

    /// Who answers for a request that is refused: whoever sends a bearer that was good before, otherwise the address. So nobody behind
    /// an address is held up by others there, and nobody gets a fresh bucket by making bearers up.
    pub fn sender(&self, address: IpAddr, bearer: Option<&str>) -> Payer {
        match bearer.map(|bearer| self.hasher.hash_one(bearer)) {
            Some(hash) if self.costs.is_some() && self.good.get(&hash).is_some() => Payer::Bearer(hash),
            Some(_) | None => Payer::address(address),
        }
    }

    /// The bearer is good.
    pub fn remember(&self, bearer: &str) {
        let hash = self.hasher.hash_one(bearer);
        if self.costs.is_some() && self.good.get(&hash).is_none() {
            self.good.insert(hash, ());
        }
    }

    /// Who answers for a delivery that is refused: the address at this connection alone where that is known to be there, otherwise the
    /// address. So what a provider sends in vain to one connection holds up none of its others, and made-up connections get no bucket.
    pub fn courier(&self, address: IpAddr, connection: Option<ConnectionId>) -> Payer {
        let address = Payer::address(address);
        match connection {
            Some(connection) if self.there.get(&connection).is_some() => Payer::Door(self.hasher.hash_one((address, connection))),
            Some(_) | None => address,
        }
    }

    /// The connection is there.
    pub fn remember_connection(&self, connection: ConnectionId) {
        if self.costs.is_some() && self.there.get(&connection).is_none() {
            self.there.insert(connection, ());
        }
    }

    /// Turns away whoever has had too many requests refused, before anything is done for them.
    pub async fn admit(&self, sender: Payer) -> Result<(), Refusal> {
        let Some((key, rate)) = self.refusals_of(sender) else { return Ok(()) };
        let missing = REFUSAL.saturating_sub(self.buckets.available(&key, rate, self.clock.now()).await);
        if missing == 0 {
            return Ok(());
        }
        metrics::counter!("noren_throttled_total", "by" => "refusals").increment(1);
        let retry_after = rate.time_for(missing);
        let seconds = whole_seconds(retry_after);
        let message = format!("too many requests from here were refused: try again in {seconds} s, and see what their answers said");
        Err(Refusal::throttled(message, retry_after, None))
    }

    /// A request of this sender was refused.
    pub async fn refused(&self, sender: Payer) {
        if let Some((key, rate)) = self.refusals_of(sender) {
            // Several at once may be more than there was.
            self.buckets.take(&key, rate, REFUSAL, self.clock.now()).await;
        }
    }

    fn refusals_of(&self, payer: Payer) -> Option<(BucketKey, Rate)> {
        Some((BucketKey { payer, purse: Kind::Refusals }, self.costs?.of(None)))
    }

    /// Counts an operation with these root fields against the limits of its classes.
    pub async fn count<'a>(&self, ctx: &OpCtx, root_fields: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
        let Some(limits) = &self.operations else { return Ok(()) };
        let payer = Payer::of(ctx);
        for (class, count) in OperationLimits::counts(root_fields) {
            let (key, rate) = (BucketKey { payer, purse: Kind::Operations(class) }, limits.of(class));
            if let Taken::Refused { retry_after, .. } = self.buckets.take(&key, rate, count, self.clock.now()).await {
                metrics::counter!("noren_throttled_total", "by" => "operations").increment(1);
                let (most, seconds) = (rate.per_minute, whole_seconds(retry_after));
                let what = if class == OperationClass::All { String::new() } else { format!(" of the class {}", class.as_str()) };
                let message = format!("more than {most} operations a minute{what}: try again in {seconds} s");
                return Err(Refusal::throttled(message, retry_after, Some(class)));
            }
        }
        Ok(())
    }

    /// What an operation of this caller is paid from.
    pub fn cost(&self, ctx: &OpCtx) -> OperationCost {
        OperationCost::new(self.costs.as_ref().map(|rates| Purse {
            buckets: self.buckets.clone(),
            clock: self.clock.clone(),
            key: BucketKey { payer: Payer::of(ctx), purse: Kind::Cost },
            rate: rates.of(plan_of(ctx.standing(), self.default_plan)),
        }))
    }
}
