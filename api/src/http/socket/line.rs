//! One subscription of a socket: what it tells it writes by itself, and only its end goes through the session.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_util::task::AbortOnDropHandle;

use super::end::Counted;
use super::operations::told_last;
use super::protocol::{before_next, error};
use super::wire::Outlet;
use crate::http::live::{Following, Guest, Step};
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
    id: Arc<str>,
    outlet: Arc<Outlet>,
    guest: Arc<Guest>,
    /// What stands before a result.
    before: Vec<u8>,
    called_off: AtomicBool,
}

impl Drop for Line {
    fn drop(&mut self) {
        // Held, so that nothing is being put just now.
        let _waiting = self.shared.outlet.hold();
        self.shared.called_off.store(true, Ordering::Relaxed);
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
        let shared = Arc::new(Shared { before: before_next(&id), id: id.clone(), outlet, guest, called_off: AtomicBool::new(false) });
        let telling = shared.clone();
        let task = tokio::spawn(async move {
            let ended = match AssertUnwindSafe(telling.tell(following)).catch_unwind().await {
                Ok(Some(message)) => message,
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
    /// Tells event after event. Gives what is to be said last; nothing when nobody is to hear it.
    async fn tell(&self, mut following: Following) -> Option<Option<Message>> {
        let delivered = metrics::counter!("noren_live_deliveries_total");
        let mut next = following.next().await;
        loop {
            let mut told = 0;
            let mut last = None;
            // What is ready goes along, in one write.
            while let Some(step) = next.take() {
                match step {
                    Step::Event(shown) => {
                        if !self.put(&shown.payload) {
                            return None;
                        }
                        told += 1;
                        next = if told < BURST as u64 { following.ready() } else { None };
                    }
                    step => last = Some(step),
                }
            }
            delivered.increment(told);
            let taken = self.outlet.write(&mut self.outlet.hold());
            match last {
                Some(step) => return Some(told_last(&self.id, &following, &step)),
                None if taken.is_ok_and(|taken| !taken) => self.outlet.drained().await,
                None => {}
            }
            match following.next().await {
                Some(step) => next = Some(step),
                None => return Some(None),
            }
        }
    }

    /// Puts an event to what waits to be written, unless nobody is to hear it: whoever has lost their rights by now does not.
    fn put(&self, payload: &[u8]) -> bool {
        let mut waiting = self.outlet.hold();
        if waiting.is_closed() || self.called_off.load(Ordering::Relaxed) || self.guest.ended().is_some() {
            return false;
        }
        let frame = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
        let length = self.before.len() + payload.len() + 1;
        let bytes = waiting.bytes();
        bytes.reserve(length + 14);
        if frame.format(length as u64, bytes).is_err() {
            return false;
        }
        bytes.extend_from_slice(&self.before);
        bytes.extend_from_slice(payload);
        bytes.push(b'}');
        true
    }
}
