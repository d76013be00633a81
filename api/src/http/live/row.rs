//! Those who hear what a group shows as it comes: they are told one after the other, and none of them is waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::mpsc;

use super::Shown;

/// Hearers of a row before another one is opened.
const ROOM: usize = 128;
/// Events that a row may be behind before its group waits for it.
const BEHIND: usize = 256;
/// Hearers that are told before others have their turn.
const AT_A_TIME: usize = 32;

/// Who hears events as they come.
pub trait Hearer: Send + Sync {
    /// Takes these events, in their order, and waits for nothing. Gives how many of them were told at once; nothing when it hears no more.
    fn hear(&self, shown: &[Arc<Shown>]) -> Option<u64>;
}

/// A row of hearers. Ends when it is dropped.
pub(super) struct Row {
    told: mpsc::Sender<Arc<Shown>>,
    seats: Arc<Mutex<Seats>>,
}

struct Seats {
    /// The place of the last event that hearers were told of, or are being told of.
    position: i64,
    hearers: Vec<Option<Weak<dyn Hearer>>>,
    /// Whether somebody goes along the row just now.
    telling: bool,
    /// With so many it is looked who has left.
    look_at: usize,
}

fn held(seats: &Mutex<Seats>) -> MutexGuard<'_, Seats> {
    seats.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Row {
    /// A row that nobody sits in, of a group that has come to this place. `at_once`: so many events are told together.
    pub(super) fn open(position: i64, at_once: usize) -> Self {
        let (told, events) = mpsc::channel(BEHIND);
        let seats = Arc::new(Mutex::new(Seats { position, hearers: Vec::new(), telling: false, look_at: ROOM }));
        tokio::spawn(tell(seats.clone(), events, at_once));
        Self { told, seats }
    }

    /// Where it is told of events.
    pub(super) fn told(&self) -> mpsc::Sender<Arc<Shown>> {
        self.told.clone()
    }

    /// How many sit there.
    pub(super) fn len(&self) -> usize {
        held(&self.seats).hearers.len()
    }

    /// Whether there is room for one more.
    pub(super) fn has_room(&self) -> bool {
        self.len() < ROOM
    }

    /// One more who hears, of all that comes after the place that is given back.
    pub(super) fn sit(&self, hearer: Weak<dyn Hearer>) -> i64 {
        let mut seats = held(&self.seats);
        if !seats.telling && seats.hearers.len() >= seats.look_at {
            seats.tidy();
        }
        seats.hearers.push(Some(hearer));
        seats.position
    }
}

impl Seats {
    /// Forgets those who have left.
    fn tidy(&mut self) {
        self.hearers.retain(|hearer| hearer.as_ref().is_some_and(|hearer| hearer.strong_count() > 0));
        self.look_at = (self.hearers.len() * 2).max(ROOM);
    }

    /// Tells those from a seat on; gives the seat to go on at, if there are more, and how many deliveries that were.
    fn tell(&mut self, from: usize, shown: &[Arc<Shown>]) -> (Option<usize>, u64) {
        let end = (from + AT_A_TIME).min(self.hearers.len());
        let mut told = 0;
        for seat in &mut self.hearers[from..end] {
            match seat.as_ref().and_then(Weak::upgrade).and_then(|hearer| hearer.hear(shown)) {
                Some(at_once) => told += at_once,
                None => *seat = None,
            }
        }
        ((end < self.hearers.len()).then_some(end), told)
    }
}

async fn tell(seats: Arc<Mutex<Seats>>, mut events: mpsc::Receiver<Arc<Shown>>, at_once: usize) {
    let delivered = metrics::counter!("noren_live_deliveries_total");
    let mut batch = Vec::with_capacity(at_once);
    while events.recv_many(&mut batch, at_once).await > 0 {
        {
            let mut seats = held(&seats);
            seats.telling = true;
            seats.position = batch.last().map_or(seats.position, |last: &Arc<Shown>| last.position);
        }
        let mut from = Some(0);
        while let Some(seat) = from {
            let told;
            (from, told) = held(&seats).tell(seat, &batch);
            delivered.increment(told);
            if from.is_some() {
                tokio::task::yield_now().await;
            }
        }
        let mut seats = held(&seats);
        seats.telling = false;
        if seats.hearers.iter().any(Option::is_none) {
            seats.tidy();
        }
        batch.clear();
    }
}
