//! One subscription of a socket: what it tells is written at once as it comes, and waits here when the other side does not take it; only
//! its end goes through the session.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::FutureExt;
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_util::task::AbortOnDropHandle;

use super::end::Counted;
use super::operations::told_last;
use super::protocol::{before_next, error};
use super::wire::{Outlet, Waiting};
use crate::http::live::{Following, Guest, Hearer, Shown, Step};
use crate::http::refusal::Refusal;

/// Events that are written at once.
const BURST: usize = 64;

/// A subscription that goes on. Nothing of it is heard any more once this is dropped.
pub struct Line {
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
    _counted: Counted,
}

/// The last that a subscription says.
pub struct Ended {
    /// The operation's id.
    pub id: Arc<str>,
    /// Which operation of this id.
    pub serial: u64,
    /// The message, unless it just ends.
    pub message: Option<Message>,
}

struct Shared {
    outlet: Arc<Outlet>,
    guest: Arc<Guest>,
    /// What stands before a result.
    before: Vec<u8>,
    /// Events that may wait.
    most: usize,
    hearing: Mutex<Hearing>,
    /// Told when something waits, or no more comes.
    left: Notify,
}

/// How far it is with hearing.
struct Hearing {
    phase: Phase,
    /// The place of the last event that was put on the wire.
    last: i64,
    /// What came before it could be put there.
    waiting: VecDeque<Arc<Shown>>,
}

enum Phase {
    /// What comes waits until everything before it was replayed.
    Replaying,
    /// More came meanwhile than may wait: it is to be replayed too.
    Overrun,
    /// What comes is written at once.
    Live,
    /// The other side did not read as fast as more came.
    TooSlow,
    /// Nobody is to hear it any more.
    Over,
}

impl Drop for Line {
    fn drop(&mut self) {
        // Held, so that nothing is being put just now.
        self.shared.hearing().phase = Phase::Over;
    }
}

impl Line {
    /// Tells a guest what a subscription follows; `ends` hears of its end.
    pub fn open(
        following: Following,
        outlet: Arc<Outlet>,
        guest: Arc<Guest>,
        id: Arc<str>,
        serial: u64,
        request_id: String,
        ends: mpsc::Sender<Box<Ended>>,
    ) -> Self {
        let hearing = Mutex::new(Hearing { phase: Phase::Replaying, last: following.last(), waiting: VecDeque::new() });
        let shared = Arc::new(Shared { before: before_next(&id), most: following.behind(), outlet, guest, hearing, left: Notify::new() });
        let telling = shared.clone();
        let task = tokio::spawn(async move {
            let ended = match AssertUnwindSafe(telling.tell(&id, following)).catch_unwind().await {
                Ok(Some(last)) => last,
                Ok(None) => return,
                Err(_) => {
                    tracing::error!(request_id, "a subscription panicked");
                    Some(error(&id, &[Refusal::broken(&request_id).error()]))
                }
            };
            let _ = ends.send(Box::new(Ended { id, serial, message: ended })).await;
        });
        Self { shared, _task: AbortOnDropHandle::new(task), _counted: Counted::new("noren_subscriptions") }
    }
}

impl Shared {
    fn hearing(&self) -> MutexGuard<'_, Hearing> {
        self.hearing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replays, and sees to what is not taken at once from then on. Gives what is to be said last; nothing when nobody is to hear it.
    async fn tell(self: Arc<Self>, id: &str, mut following: Following) -> Option<Option<Message>> {
        // Replaying takes much more room than listening, and is soon over.
        match Box::pin(self.replay(&mut following)).await {
            Replayed::All => {}
            Replayed::Ended(step) => return Some(told_last(id, &following, &step)),
            Replayed::Unheard => return None,
        }
        loop {
            match self.write_on() {
                Written::All => self.left.notified().await,
                Written::Stuck => self.outlet.drained().await,
                Written::TooSlow(last) => return Some(told_last(id, &following, &following.too_slow(last))),
                Written::Unheard => return None,
            }
        }
    }

    /// Tells what was before it hears of what comes.
    async fn replay(self: &Arc<Self>, following: &mut Following) -> Replayed {
        let delivered = metrics::counter!("noren_live_deliveries_total");
        let hearer: Weak<dyn Hearer> = Arc::<Self>::downgrade(self);
        loop {
            following.join(hearer.clone());
            while let Some(step) = following.next().await {
                let Step::Event(shown) = step else { return Replayed::Ended(step) };
                match self.write(&shown) {
                    Written::All => delivered.increment(1),
                    Written::Stuck => {
                        delivered.increment(1);
                        self.outlet.drained().await;
                    }
                    Written::TooSlow(last) => return Replayed::Ended(following.too_slow(last)),
                    Written::Unheard => return Replayed::Unheard,
                }
            }
            let mut hearing = self.hearing();
            match hearing.phase {
                Phase::Over => return Replayed::Unheard,
                Phase::Overrun => hearing.phase = Phase::Replaying,
                Phase::Replaying | Phase::Live | Phase::TooSlow => {
                    (hearing.phase, hearing.last) = (Phase::Live, following.last());
                    return Replayed::All;
                }
            }
        }
    }

    /// Writes something that is replayed.
    fn write(&self, shown: &Arc<Shown>) -> Written {
        let mut hearing = self.hearing();
        if matches!(hearing.phase, Phase::Over) {
            return Written::Unheard;
        }
        let mut wire = self.outlet.hold();
        match self.put(&mut hearing, &mut wire, shown) {
            Put::Done => self.flush(&mut wire),
            Put::Unheard => Written::Unheard,
            Put::GivenUp => Written::TooSlow(shown.position - 1),
        }
    }

    /// Writes what waits, as far as it is taken.
    fn write_on(&self) -> Written {
        let mut told = 0;
        let mut hearing = self.hearing();
        let written = loop {
            match hearing.phase {
                Phase::TooSlow => break Written::TooSlow(hearing.last),
                Phase::Over => break Written::Unheard,
                Phase::Replaying | Phase::Overrun | Phase::Live => {}
            }
            let mut wire = self.outlet.hold();
            if !wire.is_empty() {
                break Written::Stuck;
            }
            let burst = hearing.waiting.len().min(BURST);
            if burst == 0 {
                break Written::All;
            }
            let burst: Vec<_> = hearing.waiting.drain(..burst).collect();
            match self.put_all(&mut hearing, &mut wire, &burst) {
                Some(put) => told += put,
                None => break Written::Unheard,
            }
            if let stuck @ (Written::Stuck | Written::Unheard) = self.flush(&mut wire) {
                break stuck;
            }
        };
        if told > 0 {
            metrics::counter!("noren_live_deliveries_total").increment(told);
        }
        written
    }

    fn flush(&self, wire: &mut Waiting) -> Written {
        match self.outlet.write(wire) {
            Ok(true) => Written::All,
            Ok(false) => Written::Stuck,
            // The session finds out when it reads.
            Err(_) => Written::Unheard,
        }
    }

    /// Puts those on the wire that were not put there before; how many these were. Nothing when nobody is to hear it.
    fn put_all(&self, hearing: &mut Hearing, wire: &mut Waiting, shown: &[Arc<Shown>]) -> Option<u64> {
        let mut put = 0;
        for shown in shown {
            if shown.position <= hearing.last {
                continue;
            }
            match self.put(hearing, wire, shown) {
                Put::Done => put += 1,
                Put::Unheard => return None,
                Put::GivenUp => {
                    hearing.phase = Phase::TooSlow;
                    break;
                }
            }
        }
        Some(put)
    }

    /// Puts an event on the wire, unless nobody is to hear it: whoever has lost their rights by now does not.
    fn put(&self, hearing: &mut Hearing, wire: &mut Waiting, shown: &Shown) -> Put {
        if wire.is_closed() || self.guest.ended().is_some() {
            return Put::Unheard;
        }
        // What was given up when nobody listened is asked for again: the subscriber comes back with the cursor before it.
        if shown.payload.is_empty() {
            return Put::GivenUp;
        }
        let frame = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
        let length = self.before.len() + shown.payload.len() + 1;
        let bytes = wire.bytes();
        bytes.reserve(length + 14);
        if frame.format(length as u64, bytes).is_err() {
            return Put::Unheard;
        }
        bytes.extend_from_slice(&self.before);
        bytes.extend_from_slice(&shown.payload);
        bytes.push(b'}');
        hearing.last = shown.position;
        Put::Done
    }
}

impl Hearer for Shared {
    fn hear(&self, shown: &[Arc<Shown>]) -> Option<u64> {
        let mut hearing = self.hearing();
        match hearing.phase {
            Phase::Live if hearing.waiting.is_empty() => {
                let mut wire = self.outlet.hold();
                if wire.is_empty() {
                    let put = self.put_all(&mut hearing, &mut wire, shown)?;
                    let written = self.flush(&mut wire);
                    return match (&hearing.phase, written) {
                        (Phase::Live, Written::All | Written::Stuck) => Some(put),
                        (Phase::TooSlow, _) => {
                            self.left.notify_one();
                            None
                        }
                        (_, _) => None,
                    };
                }
            }
            Phase::Live | Phase::Replaying => {}
            Phase::Overrun | Phase::TooSlow | Phase::Over => return None,
        }
        if hearing.waiting.len() + shown.len() > self.most {
            let replays = matches!(hearing.phase, Phase::Replaying);
            hearing.waiting = VecDeque::new();
            hearing.phase = if replays { Phase::Overrun } else { Phase::TooSlow };
            self.left.notify_one();
            return None;
        }
        hearing.waiting.extend(shown.iter().cloned());
        self.left.notify_one();
        Some(0)
    }
}

/// What came of a replay.
enum Replayed {
    /// It hears what comes from here on.
    All,
    /// It is over, and this is its last step.
    Ended(Step),
    /// Nobody is to hear it.
    Unheard,
}

/// What came of writing.
enum Written {
    /// Everything was taken.
    All,
    /// Something is left that the other side does not take yet.
    Stuck,
    /// The other side does not read as fast as more comes; it has everything up to this place.
    TooSlow(i64),
    /// Nobody is to hear it.
    Unheard,
}

/// What came of putting an event on the wire.
enum Put {
    Done,
    Unheard,
    GivenUp,
}
