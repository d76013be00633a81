//! A shop's budget, kept: callers wait here for their turn, and each answer tells how the bucket stands.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::{Begun, Budget, Told, Wait};

/// No single call may ask for more, whatever the bucket holds.
const MOST: u64 = 1_000;
/// Those who wait look again after this long at the latest.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Lets the calls to one shop through at its pace. One for all who call the shop for the same app in this process; those in other
/// processes show in what the answers tell. Where no answer ever tells of a bucket, one call is made at a time.
#[derive(Debug, Default)]
pub struct Pace {
    inner: Mutex<Inner>,
    answered: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    budget: Budget,
    /// What a call of a kind and size asked for, the last time.
    known: HashMap<(&'static str, u32), u64>,
}

/// A call's turn. Dropped without an answer, all that it asked for counts as spent.
#[derive(Debug)]
pub struct Turn<'a> {
    pace: &'a Pace,
    call: (&'static str, u32),
    begun: Option<Begun>,
}

impl Pace {
    /// Waits for the turn of a call of this name and size. What such a call asks for is learned from the first; until then it waits for
    /// as much as any call may ask for.
    pub async fn turn(&self, operation: &'static str, size: u32) -> Turn<'_> {
        let call = (operation, size);
        loop {
            let answered = self.answered.notified();
            let wait = {
                let (now, mut inner) = (Instant::now(), self.lock());
                let most = inner.budget.maximum().map_or(MOST, |maximum| maximum.min(MOST));
                let requested = inner.known.get(&call).copied().unwrap_or(most);
                match inner.budget.wait_for(requested, now) {
                    // The provider refuses what can never be let in, and says so.
                    Wait::Now | Wait::Never => {
                        return Turn { pace: self, call, begun: Some(inner.budget.begin(requested)) };
                    }
                    Wait::For(time) => time,
                    Wait::ForAnswer => LOOK_AGAIN,
                }
            };
            // What an answer gives back may bring the turn forward.
            let _ = timeout(wait.min(LOOK_AGAIN), answered).await;
        }
    }

    /// The budget as it is known now.
    pub fn budget(&self) -> Budget {
        self.lock().budget.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, call: (&'static str, u32), begun: Begun, told: Option<&Told>) {
        let mut inner = self.lock();
        inner.budget.end(begun, told, Instant::now());
        if let Some(told) = told {
            inner.known.insert(call, told.cost.requested);
        }
        drop(inner);
        self.answered.notify_waiters();
    }
}

impl Turn<'_> {
    /// The call is over; with what the answer told of the bucket, if it did.
    pub fn over(mut self, told: Option<&Told>) {
        if let Some(begun) = self.begun.take() {
            self.pace.end(self.call, begun, told);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(begun) = self.begun.take() {
            self.pace.end(self.call, begun, None);
        }
    }
}
