//! What a commit wakes in this process: those who wait for work need not look for it all the time. And what goes before that work.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

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

/// With so many who press at once the others give way.
const PRESSED: usize = 4;

const fn bit(wake: Wake) -> u8 {
    match wake {
        Wake::Jobs => 1,
        Wake::Events => 2,
        Wake::Audit => 4,
    }
}

/// Counts commits that left work of each kind.
pub struct Signals {
    left: [watch::Sender<u64>; 3],
    pressing: AtomicUsize,
}

/// Somebody who is waited for at the other side, until this is dropped.
pub struct Pressing<'a>(&'a AtomicUsize);

impl Drop for Pressing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self { left: std::array::from_fn(|_| watch::Sender::new(0)), pressing: AtomicUsize::new(0) }
    }
}

impl Signals {
    /// Changes whenever there is work of a kind.
    pub fn of(&self, wake: Wake) -> watch::Receiver<u64> {
        self.left[index(wake)].subscribe()
    }

    /// There is work.
    pub fn wake(&self, wake: Wake) {
        self.left[index(wake)].send_modify(|count| *count = count.wrapping_add(1));
    }

    /// One more presses, such as a provider who takes no answer in time for a failure.
    pub fn press(&self) -> Pressing<'_> {
        self.pressing.fetch_add(1, Ordering::Relaxed);
        Pressing(&self.pressing)
    }

    /// Whether so many press that what can wait should.
    pub fn are_pressed(&self) -> bool {
        self.pressing.load(Ordering::Relaxed) >= PRESSED
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
