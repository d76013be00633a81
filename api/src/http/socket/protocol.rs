//! The messages of the protocol `graphql-transport-ws`, and why sockets are closed.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// The protocol's name.
pub const PROTOCOL: &str = "graphql-transport-ws";
/// Bytes of a reason: a control frame has 125 at most, two of which are the code.
const REASON: usize = 123;
/// Characters of an operation's id.
const ID: usize = 256;

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    /// Who it is.
    ConnectionInit {
        /// An object with `authorization` and `Noren-Tenant`.
        #[serde(default)]
        payload: Option<Value>,
    },
    /// Is anybody there?
    Ping {
        /// Anything; it comes back.
        #[serde(default)]
        payload: Option<Value>,
    },
    /// Yes.
    Pong {
        /// Anything.
        #[serde(default)]
        payload: Option<Value>,
    },
    /// Run this.
    Subscribe {
        /// The operation's id, unique among those that run.
        id: String,
        /// The operation.
        payload: Value,
    },
    /// Stop this.
    Complete {
        /// The operation's id.
        id: String,
    },
}

impl Said {
    /// Reads a message.
    pub fn read(text: &str) -> Result<Self, Close> {
        let said: Self = serde_json::from_str(text).map_err(|_| Close::bad("not a message of graphql-transport-ws"))?;
        let fits = |id: &str| (1..=ID).contains(&id.chars().count());
        match &said {
            Self::Subscribe { id, .. } | Self::Complete { id } if !fits(id) => Err(Close::bad("an operation's id has 1 to 256 characters")),
            Self::Subscribe { payload, .. } if !payload.is_object() => Err(Close::bad("the payload of `subscribe` must be an object")),
            Self::ConnectionInit { payload: Some(payload) } | Self::Ping { payload: Some(payload) } | Self::Pong { payload: Some(payload) }
                if !payload.is_object() && !payload.is_null() =>
            {
                Err(Close::bad("a payload must be an object"))
            }
            _ => Ok(said),
        }
    }
}

/// The client is known.
pub fn ack() -> Message {
    text(json!({ "type": "connection_ack" }).to_string())
}

/// The answer to a ping.
pub fn pong(payload: Option<Value>) -> Message {
    text(match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
        None => json!({ "type": "pong" }).to_string(),
    })
}

/// A result; `payload` is JSON already.
pub fn next(id: &str, payload: &[u8]) -> Option<Message> {
    let mut out = before_next(id);
    out.extend_from_slice(payload);
    out.push(b'}');
    Utf8Bytes::try_from(out).ok().map(Message::Text)
}

/// What stands before the payload of a result; behind it stands a `}`.
pub fn before_next(id: &str) -> Vec<u8> {
    format!(r#"{{"type":"next","id":{},"payload":"#, Value::from(id)).into_bytes()
}

/// The operation did not run, or does not go on.
pub fn error(id: &str, errors: &[Value]) -> Message {
    text(json!({ "type": "error", "id": id, "payload": errors }).to_string())
}

/// The operation is over.
pub fn complete(id: &str) -> Message {
    text(json!({ "type": "complete", "id": id }).to_string())
}

fn text(text: String) -> Message {
    Message::Text(text.into())
}

/// Why a socket is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code.
    pub code: u16,
    /// The reason, for people.
    pub reason: Cow<'static, str>,
}

impl Close {
    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// The server stops: connect again.
    pub const RESTART: Self = Self::new(1012, "the server stops: connect again");
    /// Something that must be looked up could not be.
    pub const TRY_AGAIN: Self = Self::new(1013, "the caller could not be looked up: try again");
    /// What was said was not read for too long.
    pub const UNREAD: Self = Self::new(1013, "what was said was not read for too long: connect again");
    /// A frame that WebSockets do not have.
    pub const FRAME: Self = Self::new(1002, "a frame breaks the rules of WebSockets; extensions such as compression are not spoken");
    /// Text that is none.
    pub const TEXT: Self = Self::new(1007, "a text is not UTF-8");
    /// Neither a pong nor anything else came for too long.
    pub const SILENT: Self = Self::new(1001, "nothing was heard for too long");
    /// A client that is not known runs nothing: a normal closure, after which one that wants something again connects again.
    pub const IDLE: Self = Self::new(1000, "nothing was asked for too long: connect again when there is something");
    /// An operation before the acknowledgement.
    pub const UNAUTHORIZED: Self = Self::new(4401, "Unauthorized");
    /// The client offers no protocol that is spoken here.
    pub const SUBPROTOCOL: Self = Self::new(4406, "Subprotocol not acceptable");
    /// No `connection_init` in time.
    pub const INIT_TIMEOUT: Self = Self::new(4408, "Connection initialisation timeout");
    /// A second `connection_init`.
    pub const TOO_MANY_INITS: Self = Self::new(4429, "Too many initialisation requests");

    /// A message that the protocol does not know.
    pub fn bad(why: &'static str) -> Self {
        Self::new(4400, why)
    }

    /// Whether the other side is to blame.
    pub fn blames_the_sender(&self) -> bool {
        matches!(self.code, 1002 | 1007 | 4400..=4499)
    }

    /// The client may not be here.
    pub fn forbidden(why: &str) -> Self {
        Self { code: 4403, reason: format!("Forbidden: {why}").into() }
    }

    /// An operation with this id runs already.
    pub fn subscriber_exists(id: &str) -> Self {
        Self { code: 4409, reason: format!("Subscriber for {id} already exists").into() }
    }

    /// The frame that says so.
    pub fn frame(&self) -> CloseFrame {
        let mut end = self.reason.len().min(REASON);
        while !self.reason.is_char_boundary(end) {
            end -= 1;
        }
        CloseFrame { code: self.code.into(), reason: self.reason[..end].into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_the_protocol_has_them() {
        let bad = |text: &str| Said::read(text).unwrap_err().code;
        assert!(matches!(Said::read(r#"{"type":"connection_init"}"#), Ok(Said::ConnectionInit { payload: None })));
        assert!(matches!(Said::read(r#"{"type":"subscribe","id":"1","payload":{"query":"{a}"},"more":1}"#), Ok(Said::Subscribe { .. })));
        for text in ["", "x", "[]", "{}", r#"{"type":"start"}"#, r#"{"type":"subscribe","id":"1"}"#, r#"{"type":"subscribe","id":1,"payload":{}}"#] {
            assert_eq!(bad(text), 4400, "{text}");
        }
        assert_eq!(bad(r#"{"type":"subscribe","id":"","payload":{}}"#), 4400);
        for said in ["connection_init", "ping", "pong"] {
            assert_eq!(bad(&format!(r#"{{"type":"{said}","payload":3}}"#)), 4400, "{said}");
            assert!(Said::read(&format!(r#"{{"type":"{said}","payload":null}}"#)).is_ok(), "{said}");
        }
    }

    #[test]
    fn a_reason_fits_into_its_frame() {
        let close = Close::forbidden(&"あ".repeat(100));
        assert!(close.frame().reason.len() <= REASON && close.frame().reason.len() > 100);
        assert_eq!(next("a\"b", b"{}"), Some(Message::Text(r#"{"type":"next","id":"a\"b","payload":{}}"#.into())));
    }
}
