//! Whose turn it is among those who are due. The places of a queue go to the tenants that hold the fewest, and no lane and no
//! tenant gets more than its share: however much one of them has to do, the others do not wait for it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use entities::{JobId, TenantId};
use tokio::sync::Notify;

use super::work::Queue;

/// A job that is due.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) id: JobId,
    pub(super) tenant: Option<TenantId>,
    pub(super) lane: String,
    pub(super) kind: String,
    pub(super) run_at: DateTime<Utc>,
}

/// What is under way.
#[derive(Clone, Debug, Default)]
struct Taken {
    all: usize,
    lanes: HashMap<String, usize>,
    tenants: HashMap<Option<TenantId>, usize>,
}

impl Taken {
    fn of_lane(&self, lane: &str) -> usize {
        self.lanes.get(lane).copied().unwrap_or_default()
    }

    fn of_tenant(&self, tenant: Option<TenantId>) -> usize {
        self.tenants.get(&tenant).copied().unwrap_or_default()
    }

    fn add(&mut self, tenant: Option<TenantId>, lane: &str) {
        self.all += 1;
        *self.tenants.entry(tenant).or_default() += 1;
        match self.lanes.get_mut(lane) {
            Some(count) => *count += 1,
            None => drop(self.lanes.insert(lane.to_owned(), 1)),
        }
    }

    fn remove(&mut self, tenant: Option<TenantId>, lane: &str) {
        self.all = self.all.saturating_sub(1);
        if let Some(count) = self.tenants.get_mut(&tenant) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.lanes.get_mut(lane) {
            *count = count.saturating_sub(1);
        }
        self.tenants.retain(|_, count| *count > 0);
        self.lanes.retain(|_, count| *count > 0);
    }
}

/// The places of one queue in this process.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: &'static Queue,
    taken: Mutex<Taken>,
    freed: Notify,
}

/// The place of one job, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    tenant: Option<TenantId>,
    lane: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(self.tenant, &self.lane);
        self.places.0.freed.notify_one();
    }
}

impl Places {
    pub(super) fn of(queue: &'static Queue) -> Self {
        Self(Arc::new(Inner { queue, taken: Mutex::default(), freed: Notify::new() }))
    }

    pub(super) fn queue(&self) -> &'static Queue {
        self.0.queue
    }

    pub(super) fn are_taken(&self) -> bool {
        self.taken().all >= self.0.queue.concurrency
    }

    /// Returns once a place has been given back since the last time.
    pub(super) async fn freed(&self) {
        self.0.freed.notified().await;
    }

    /// Takes a place for a job that was chosen.
    pub(super) fn take(&self, tenant: Option<TenantId>, lane: String) -> Place {
        self.taken().add(tenant, &lane);
        Place { places: self.clone(), tenant, lane }
    }

    /// Whose turn it is: among those for whom there is room, one after the other, whose tenant and then whose lane has the fewest
    /// under way, and who has waited longest.
    pub(super) fn choose(&self, mut waiting: Vec<Waiting>, room_in: impl Fn(&Waiting) -> usize) -> Vec<JobId> {
        let (mut taken, queue, mut chosen) = (self.taken().clone(), self.0.queue, Vec::new());
        // The last one is looked at first.
        waiting.sort_by_key(|job| Reverse((job.run_at, job.id)));
        loop {
            let free = queue.concurrency.saturating_sub(taken.all);
            // What finds no room now finds none in this round.
            waiting.retain(|job| {
                taken.of_lane(&job.lane) < queue.of_lane.min(room_in(job)) && (job.tenant.is_none() || taken.of_tenant(job.tenant) < queue.of_tenant.min(free))
            });
            let fewest = |(_, job): &(usize, &Waiting)| (taken.of_tenant(job.tenant), taken.of_lane(&job.lane));
            let Some((index, _)) = waiting.iter().enumerate().rev().filter(|_| free > 0).min_by_key(fewest) else { return chosen };
            let job = waiting.remove(index);
            taken.add(job.tenant, &job.lane);
            chosen.push(job.id);
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const QUEUE: &Queue = &Queue { name: "tests", concurrency: 16, of_lane: 3, of_tenant: 5, gives_way: false };

    fn job(number: u128, tenant: u128, lane: &str) -> Waiting {
        let run_at = DateTime::from_timestamp(i64::try_from(number).unwrap(), 0).unwrap();
        Waiting {
            id: JobId::from(Uuid::from_u128(number)),
            tenant: Some(TenantId::from(Uuid::from_u128(tenant))),
            lane: lane.to_owned(),
            kind: String::new(),
            run_at,
        }
    }

    fn chosen(places: &Places, waiting: Vec<Waiting>) -> Vec<u128> {
        places.choose(waiting, |job| if job.lane == "failing" { 1 } else { usize::MAX }).into_iter().map(|id| id.uuid().as_u128()).collect()
    }

    #[test]
    fn who_has_waited_longest_comes_first_where_nobody_has_more() {
        let places = Places::of(QUEUE);
        assert_eq!(chosen(&places, vec![job(3, 3, "c"), job(1, 1, "a"), job(2, 2, "b")]), [1, 2, 3]);
        assert_eq!(chosen(&places, Vec::new()), [0_u128; 0]);
    }

    #[test]
    fn lanes_and_tenants_get_their_share_and_those_with_least_come_first() {
        let places = Places::of(QUEUE);
        let many = || (1..=40).map(|n| job(n, 1, if n % 2 == 0 { "a" } else { "b" }));
        // Three of a lane, five of a tenant.
        assert_eq!(chosen(&places, many().filter(|job| job.lane == "a").collect()), [2, 4, 6]);
        assert_eq!(chosen(&places, many().collect()), [1, 2, 3, 4, 5]);
        assert_eq!(chosen(&places, (1..=9).map(|n| job(n, 1, "failing")).collect()), [1]);
        // One who comes last is not served last.
        assert_eq!(chosen(&places, many().chain([job(99, 2, "c")]).collect()), [1, 99, 2, 3, 4, 5]);
    }

    #[test]
    fn the_fewer_places_are_free_the_fewer_does_a_tenant_get() {
        let places = Places::of(QUEUE);
        let held: Vec<Place> = (1..=11_u128).map(|n| places.take(Some(TenantId::from(Uuid::from_u128(100 + n))), n.to_string())).collect();
        // Five are free: three go to the first tenant, one to the next, and one is left for a third.
        let waiting = || (1..=9).map(|n| job(n, 1, &format!("a{n}"))).collect::<Vec<_>>();
        let of_first = chosen(&places, waiting());
        assert_eq!(of_first, [1, 2, 3]);
        let mut held_by_first: Vec<Place> = of_first.iter().map(|n| places.take(Some(TenantId::from(Uuid::from_u128(1))), format!("a{n}"))).collect();
        assert_eq!(chosen(&places, waiting()), [0_u128; 0]);
        assert_eq!(chosen(&places, (20..=29).map(|n| job(n, 2, &format!("b{n}"))).collect()), [20]);
        held_by_first.clear();
        drop(held);
        assert!(places.taken().lanes.is_empty() && places.taken().tenants.is_empty() && places.taken().all == 0);
    }
}
