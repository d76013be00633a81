//! How much each plan gets.

use entities::Plan;

use super::Rate;
use crate::callers::{Kind, Standing};

/// How many seconds' worth a full bucket holds.
const SECONDS: u64 = 20;
/// The part of STARTER's rate that whoever is not known gets.
const ANONYMOUS: u64 = 20;

/// The plan of a caller; none for whoever is not known. Until tenants subscribe, all of them have `default`.
pub fn plan_of(standing: &Standing, default: Plan) -> Option<Plan> {
    match standing {
        Standing::Nobody => None,
        Standing::Platform | Standing::Tenant { kind: Kind::PlatformAdmin, .. } => Some(Plan::Enterprise),
        Standing::SignedIn { .. } | Standing::Tenant { .. } => Some(default),
    }
}

/// What queries may cost, by plan.
#[derive(Clone, Copy, Debug)]
pub struct CostRates {
    restore: u64,
    at_least: u64,
}

impl CostRates {
    /// Rates by the points a second that STARTER gets; a full bucket always pays for a query of `at_least` points. None when nobody
    /// is throttled.
    pub fn new(restore: u64, at_least: u64) -> Option<Self> {
        (restore > 0).then_some(Self { restore, at_least })
    }

    /// The rate of a plan, or of whoever is not known.
    pub fn of(&self, plan: Option<Plan>) -> Rate {
        let second = match plan {
            None => (self.restore / ANONYMOUS).max(1),
            Some(Plan::Starter) => self.restore,
            Some(Plan::Professional) => self.restore.saturating_mul(2),
            Some(Plan::Enterprise) => self.restore.saturating_mul(5),
        };
        Rate { capacity: second.saturating_mul(SECONDS).max(self.at_least), per_minute: second.saturating_mul(60) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_pays_for_every_lawful_query() {
        let rates = CostRates::new(10_000, 50_000).unwrap();
        assert_eq!(rates.of(Some(Plan::Starter)), Rate { capacity: 200_000, per_minute: 600_000 });
        assert_eq!(rates.of(Some(Plan::Enterprise)), Rate { capacity: 1_000_000, per_minute: 3_000_000 });
        assert_eq!(rates.of(None), Rate { capacity: 50_000, per_minute: 30_000 });
        assert_eq!(CostRates::new(1, 50_000).unwrap().of(None), Rate { capacity: 50_000, per_minute: 60 });
        assert!(CostRates::new(0, 50_000).is_none());
    }
}
