//! How a socket ends, and what is said then.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::AsyncWrite;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error as Broken, Message};

use super::Socket;
use super::protocol::Close;

/// How long a goodbye may take to be read by a side that does not read, or that nothing can be heard from.
const LINGER: Duration = Duration::from_secs(1);

/// How a socket ends.
pub enum End {
    /// By this frame.
    Close(Close),
    /// By this frame, after something from which on nothing can be heard any more.
    Deaf(Close),
    /// By the other side's frame, which is to be answered.
    Left,
    /// The other side is gone.
    Gone,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

impl End {
    /// The end of a socket from which nothing more can be read.
    pub fn broken(error: &Broken) -> Self {
        match error {
            Broken::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Gone,
            Broken::Protocol(_) => Self::Deaf(Close::FRAME),
            Broken::Utf8(_) => Self::Deaf(Close::TEXT),
            Broken::Capacity(_) => Self::Deaf(Close::bad("the message is too large")),
            _ => Self::Gone,
        }
    }

    /// The frame that ends it from this side.
    pub fn close(&self) -> Option<&Close> {
        match self {
            Self::Close(close) | Self::Deaf(close) => Some(close),
            Self::Left | Self::Gone => None,
        }
    }

    /// Says it, for so long at most.
    pub async fn say(self, socket: &mut Socket, patience: Duration) {
        match self {
            Self::Close(close) => {
                let patience = if close == Close::UNREAD { LINGER } else { patience };
                let goodbye = async {
                    if socket.send(Message::Close(Some(close.frame()))).await.is_ok() {
                        // The other side's close ends it; what it says until then is not heard any more.
                        while let Some(Ok(_)) = socket.next().await {}
                    }
                };
                let _ = timeout(patience, goodbye).await;
            }
            Self::Deaf(close) => {
                if let Ok(Ok(())) = timeout(patience, socket.send(Message::Close(Some(close.frame())))).await {
                    // Hanging up with something unread could take the frame away before it is read.
                    tokio::time::sleep(LINGER).await;
                }
            }
            // The answer waits to be written.
            Self::Left => {
                let answer = async {
                    socket.flush().await?;
                    poll_fn(|cx| Pin::new(socket.get_mut()).poll_flush(cx)).await.map_err(Broken::Io)
                };
                drop(timeout(patience, answer).await);
            }
            Self::Gone => {}
        }
    }
}

/// One of those that a gauge counts, until it is dropped, however that comes about.
pub struct Counted(&'static str);

impl Counted {
    /// One more.
    pub fn new(gauge: &'static str) -> Self {
        metrics::gauge!(gauge).increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}
