//! What a commit wakes in this process: those who wait for work need not look for it all the time.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::watch;

/// What a transaction has left for others to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Jobs that are due.
    Jobs,
    /// Events without a place in their feed.
    Events,
    /// Audit entries without a seal.
    Audit,
}

const ALL: [Wake; 3] = [Wake::Jobs, Wake::Events, Wake::Audit];

/// What one transaction will wake once it is committed.
#[derive(Default)]
pub(super) struct Marks(AtomicU8);

impl Marks {
    pub(super) fn set(&self, wake: Wake) {
        self.0.fetch_or(bit(wake), Ordering::Relaxed);
    }

    fn has(&self, wake: Wake) -> bool {
        self.0.load(Ordering::Relaxed) & bit(wake) != 0
    }
}

const fn bit(wake: Wake) -> u8 {
    match wake {
        Wake::Jobs => 1,
        Wake::Events => 2,
        Wake::Audit => 4,
    }
}

/// Counts commits that left work of each kind.
pub struct Signals([watch::Sender<u64>; 3]);

impl Default for Signals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| watch::Sender::new(0)))
    }
}

impl Signals {
    /// Changes whenever there is work of a kind.
    pub fn of(&self, wake: Wake) -> watch::Receiver<u64> {
        self.0[index(wake)].subscribe()
    }

    /// There is work.
    pub fn wake(&self, wake: Wake) {
        self.0[index(wake)].send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(super) fn committed(&self, marks: &Marks) {
        ALL.into_iter().filter(|wake| marks.has(*wake)).for_each(|wake| self.wake(wake));
    }
}

const fn index(wake: Wake) -> usize {
    match wake {
        Wake::Jobs => 0,
        Wake::Events => 1,
        Wake::Audit => 2,
    }
}
