//! How many deliveries are under way at once: an endpoint that is slow, or a tenant with many of them, must not keep the others
//! waiting. Whoever finds no room is told when there should be some.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use entities::{TenantId, WebhookEndpointId};

/// Deliveries to one endpoint at once.
const ENDPOINT: usize = 4;
/// Deliveries to an endpoint whose last one failed.
const FAILING: usize = 1;
/// Deliveries of one tenant at once.
const TENANT: usize = 16;
/// How long a delivery is thought to take before one is known.
const PACE: Duration = Duration::from_millis(250);
/// The shortest wait for room.
const SHORTEST: Duration = Duration::from_millis(250);
/// The longest wait for room.
const LONGEST: Duration = Duration::from_secs(60);
/// Lanes that are remembered before idle ones are forgotten.
const REMEMBERED: usize = 4_096;

#[derive(Debug)]
struct Lane {
    under_way: usize,
    failing: bool,
    pace: Duration,
    line_ends: Option<Instant>,
}

impl Default for Lane {
    fn default() -> Self {
        Self { under_way: 0, failing: false, pace: PACE, line_ends: None }
    }
}

#[derive(Debug, Default)]
struct State {
    endpoints: HashMap<WebhookEndpointId, Lane>,
    tenants: HashMap<TenantId, usize>,
}

/// The deliveries that are under way in this process.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes(Arc<Mutex<State>>);

/// Room for one delivery, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    lanes: Lanes,
    tenant: TenantId,
    endpoint: WebhookEndpointId,
}

impl Lanes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for a delivery; or how long to wait for it. Those who wait are spread over the time that those before them will take.
    pub(super) fn enter(&self, tenant: TenantId, endpoint: WebhookEndpointId) -> Result<Place, Duration> {
        let mut state = self.state();
        if state.endpoints.len() > REMEMBERED {
            state.endpoints.retain(|_, lane| lane.under_way > 0);
        }
        let of_tenant = state.tenants.get(&tenant).copied().unwrap_or_default();
        let lane = state.endpoints.entry(endpoint).or_default();
        let room = if lane.failing { FAILING } else { ENDPOINT };
        if lane.under_way >= room || of_tenant >= TENANT {
            let now = Instant::now();
            let at_once = u32::try_from(room).unwrap_or(1);
            let ends = (lane.line_ends.map_or(now, |line| line.max(now)) + lane.pace / at_once).min(now + LONGEST);
            lane.line_ends = Some(ends);
            return Err((ends - now).max(SHORTEST));
        }
        lane.under_way += 1;
        *state.tenants.entry(tenant).or_default() += 1;
        Ok(Place { lanes: self.clone(), tenant, endpoint })
    }
}

impl Place {
    /// What the delivery has shown of its endpoint.
    pub(super) fn learn(&self, failed: bool, took: Duration) {
        if let Some(lane) = self.lanes.state().endpoints.get_mut(&self.endpoint) {
            (lane.failing, lane.pace) = (failed, took);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lanes.state();
        if let Some(lane) = state.endpoints.get_mut(&self.endpoint) {
            lane.under_way = lane.under_way.saturating_sub(1);
        }
        if let Some(count) = state.tenants.get_mut(&self.tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                state.tenants.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn endpoint(number: u128) -> WebhookEndpointId {
        Uuid::from_u128(number).into()
    }

    #[test]
    fn neither_an_endpoint_nor_a_tenant_takes_all_the_room() {
        let (lanes, ours, theirs) = (Lanes::default(), TenantId::from(Uuid::from_u128(1)), TenantId::from(Uuid::from_u128(2)));
        let mut held: Vec<Place> = (0..ENDPOINT).map(|_| lanes.enter(ours, endpoint(1)).unwrap()).collect();
        // Those who wait are sent away for longer and longer, up to the longest wait.
        let waits: Vec<Duration> = (0..2_000).map(|_| lanes.enter(ours, endpoint(1)).unwrap_err()).collect();
        assert!(waits[0] >= SHORTEST && waits[0] < Duration::from_secs(1), "{:?}", waits[0]);
        assert!(waits[100] > waits[10] && waits[1_999] <= LONGEST && waits[1_999] > LONGEST / 2);

        for number in 2.. {
            match lanes.enter(ours, endpoint(number)) {
                Ok(place) => held.push(place),
                Err(_) => break,
            }
        }
        assert_eq!(held.len(), TENANT);
        let other = lanes.enter(theirs, endpoint(100)).unwrap();

        // A failing endpoint gets one place until it has taken something.
        other.learn(true, Duration::from_secs(15));
        assert!(lanes.enter(theirs, endpoint(100)).is_err());
        other.learn(false, Duration::from_millis(10));
        assert!(lanes.enter(theirs, endpoint(100)).is_ok());
        held.clear();
        assert!(lanes.enter(ours, endpoint(1)).is_ok());
    }
}
