//! Which endpoints did not take what they were sent last: until they take something again, they are sent one thing at a time.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use entities::WebhookEndpointId;

/// Deliveries at once to an endpoint whose last one failed.
const AT_ONCE: usize = 1;
/// Endpoints that are remembered before all are forgotten.
const REMEMBERED: usize = 4_096;

/// The endpoints that have failed last, by the lanes that their deliveries wait in.
#[derive(Debug, Default)]
pub(super) struct Failing(Mutex<HashSet<String>>);

impl Failing {
    /// What a delivery has shown of its endpoint.
    pub(super) fn learn(&self, endpoint: WebhookEndpointId, failed: bool) {
        let mut lanes = self.lanes();
        if !failed {
            lanes.remove(&lane(endpoint));
            return;
        }
        if lanes.len() >= REMEMBERED {
            lanes.clear();
        }
        lanes.insert(lane(endpoint));
    }

    /// Deliveries of a lane that may be under way at once, as far as this knows.
    pub(super) fn room_in(&self, lane: &str) -> usize {
        if self.lanes().contains(lane) { AT_ONCE } else { usize::MAX }
    }

    fn lanes(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lane of an endpoint's deliveries.
pub(super) fn lane(endpoint: WebhookEndpointId) -> String {
    endpoint.to_string()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_endpoint_that_fails_gets_one_place_until_it_has_taken_something() {
        let (failing, endpoint) = (Failing::default(), WebhookEndpointId::from(Uuid::from_u128(1)));
        assert_eq!(failing.room_in(&lane(endpoint)), usize::MAX);
        failing.learn(endpoint, true);
        assert_eq!(failing.room_in(&lane(endpoint)), 1);
        assert_eq!(failing.room_in(&lane(WebhookEndpointId::from(Uuid::from_u128(2)))), usize::MAX);
        failing.learn(endpoint, false);
        assert_eq!(failing.room_in(&lane(endpoint)), usize::MAX);
    }
}
