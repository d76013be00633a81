//! How SQLite's slices make room for other writers: short ones, with a rest after each.

use std::time::{Duration, Instant};

/// What one slice should take.
const GOAL: Duration = Duration::from_millis(40);
const SMALLEST: u64 = 50;
const LARGEST: u64 = 20_000;

/// The size of the next slice, and the rest after the last.
pub(super) struct Pace {
    size: u64,
    begun: Option<Instant>,
}

impl Pace {
    pub fn new() -> Self {
        Self { size: 500, begun: None }
    }

    /// Lines of the next slice.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The write lock is ours.
    pub fn begin(&mut self) {
        self.begun = Some(Instant::now());
    }

    /// Lets others write: processes poll for the lock, and would hardly ever find it free otherwise.
    pub async fn rest(&mut self) {
        let Some(took) = self.begun.take().map(|begun| begun.elapsed()) else { return };
        let ratio = GOAL.as_secs_f64() / took.as_secs_f64().max(0.001);
        self.size = ((self.size as f64) * ratio.clamp(0.5, 2.0)).round() as u64;
        self.size = self.size.clamp(SMALLEST, LARGEST);
        tokio::time::sleep((took / 4).clamp(Duration::from_millis(1), Duration::from_millis(25))).await;
    }
}
