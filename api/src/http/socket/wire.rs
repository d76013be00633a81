//! The two directions of a socket. One reads; many write: whatever is written goes through the outlet in whole frames, at once as long
//! as the other side reads, and waits there otherwise.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

/// Bytes for which room is kept when nothing waits.
const KEPT: usize = 4 * 1024;

/// What is written to a socket.
pub struct Outlet {
    stream: OwnedWriteHalf,
    waiting: Mutex<Waiting>,
    /// Told when something is left that the other side does not take at once.
    stuck: Notify,
    /// Told when nothing is left.
    drained: Notify,
}

/// What waits to be written.
#[derive(Default)]
pub struct Waiting {
    bytes: Vec<u8>,
    written: usize,
    /// Whether the session says its last, and nobody else says anything.
    closed: bool,
}

impl Waiting {
    /// Where whole frames are put.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether nothing more is to be put.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether everything was taken.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn forget(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.written = 0;
    }
}

impl Outlet {
    /// What waits, held against all others who write.
    pub fn hold(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on only the session itself says something.
    pub fn close(&self) {
        self.hold().closed = true;
    }

    /// Writes what waits, as far as the other side takes it at once. Gives whether all of it was taken.
    pub fn write(&self, waiting: &mut Waiting) -> io::Result<bool> {
        let had = !waiting.is_empty();
        while waiting.written < waiting.bytes.len() {
            match self.stream.try_write(&waiting.bytes[waiting.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => waiting.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stuck.notify_one();
                    return Ok(false);
                }
                Err(error) => {
                    // The session finds out when it reads.
                    waiting.forget();
                    waiting.closed = true;
                    self.drained.notify_waiters();
                    return Err(error);
                }
            }
        }
        if had {
            waiting.forget();
            self.drained.notify_waiters();
        }
        Ok(true)
    }

    /// Waits until something is left that has to be [drained](Self::poll_drained).
    pub async fn stuck(&self) {
        self.stuck.notified().await;
    }

    /// Writes what waits. To be polled by the session alone.
    pub fn poll_drained(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.write(&mut self.hold())? {
                return Poll::Ready(Ok(()));
            }
            ready!(self.stream.as_ref().poll_write_ready(cx))?;
        }
    }

    /// Waits until the session has written what waits.
    pub async fn drained(&self) {
        loop {
            let drained = self.drained.notified();
            if self.hold().is_empty() {
                return;
            }
            drained.await;
        }
    }
}

/// A socket as WebSockets are spoken on it.
pub struct Wire {
    reading: OwnedReadHalf,
    outlet: Arc<Outlet>,
}

impl Wire {
    /// A connection, and what is written to it.
    pub fn new(stream: TcpStream) -> (Self, Arc<Outlet>) {
        let (reading, stream) = stream.into_split();
        let outlet = Arc::new(Outlet { stream, waiting: Mutex::default(), stuck: Notify::new(), drained: Notify::new() });
        (Self { reading, outlet: outlet.clone() }, outlet)
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reading).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    /// Takes all of it: a part of a frame would stand in the way of others' frames.
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut waiting = self.outlet.hold();
        waiting.bytes().extend_from_slice(bytes);
        // The answer to a close is never flushed.
        self.outlet.write(&mut waiting)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outlet.poll_drained(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outlet.poll_drained(cx)
    }
}
