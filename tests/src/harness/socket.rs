//! A client of `graphql-transport-ws`.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Credentials;

/// How long a test waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What was heard.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A message of the protocol.
    Message(Value),
    /// The socket was closed, with this code and reason.
    Closed(u16, String),
    /// The connection broke.
    Broken,
}

impl Heard {
    /// The message.
    pub fn message(self) -> Value {
        match self {
            Self::Message(message) => message,
            other => panic!("a message was expected, not {other:?}"),
        }
    }

    /// The code with which the socket was closed.
    pub fn code(self) -> u16 {
        match self {
            Self::Closed(code, _) => code,
            other => panic!("a close was expected, not {other:?}"),
        }
    }
}

/// A socket.
pub struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens a socket that speaks this protocol.
    pub async fn speaking(address: SocketAddr, protocol: Option<&str>) -> Result<Self, Error> {
        let protocol = protocol.map(|protocol| ("sec-websocket-protocol", protocol));
        Self::with_headers(address, &protocol.into_iter().collect::<Vec<_>>()).await
    }

    /// Opens a socket for a client whom a proxy passes on.
    pub async fn passed_on(address: SocketAddr, client: &str) -> Result<Self, Error> {
        Self::with_headers(address, &[("sec-websocket-protocol", "graphql-transport-ws"), ("x-forwarded-for", client)]).await
    }

    async fn with_headers(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut request = format!("ws://{address}/graphql").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(tokio_tungstenite::client_async(request, stream).await?.0))
    }

    /// Opens a socket.
    pub async fn open(address: SocketAddr) -> Self {
        Self::speaking(address, Some("graphql-transport-ws")).await.expect("a socket")
    }

    /// Opens a socket and says who it is.
    pub async fn connect(address: SocketAddr, who: &Credentials) -> Self {
        let mut socket = Self::open(address).await;
        socket.init(who).await;
        assert_eq!(socket.hear().await, Heard::Message(json!({ "type": "connection_ack" })));
        socket
    }

    /// Says who it is.
    pub async fn init(&mut self, who: &Credentials) {
        let mut payload = json!({});
        if let Some(bearer) = &who.bearer {
            payload["authorization"] = format!("Bearer {bearer}").into();
        }
        if let Some(tenant) = &who.tenant {
            payload["Noren-Tenant"] = tenant.clone().into();
        }
        self.say(json!({ "type": "connection_init", "payload": payload })).await;
    }

    /// Says something.
    pub async fn say(&mut self, message: Value) {
        self.send(Message::Text(message.to_string().into())).await;
    }

    /// Sends anything.
    pub async fn send(&mut self, message: Message) {
        // The other side may have closed by now, which is heard next.
        let _ = self.0.send(message).await;
    }

    /// Begins an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": query, "variables": variables } })).await;
    }

    /// What is heard next, without pings.
    pub async fn hear(&mut self) -> Heard {
        timeout(PATIENCE, self.hear_sometime()).await.expect("something is heard")
    }

    /// What is heard next, whenever that is.
    pub async fn hear_sometime(&mut self) -> Heard {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Heard::Message(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(Some(frame)))) => return Heard::Closed(frame.code.into(), frame.reason.to_string()),
                Some(Ok(Message::Close(None))) => return Heard::Closed(1005, String::new()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?} is not a message of the protocol"),
                Some(Err(_)) | None => return Heard::Broken,
            }
        }
    }

    /// The next result of an operation.
    pub async fn next(&mut self, id: &str) -> Value {
        let mut message = self.hear().await.message();
        assert!(message["type"] == "next" && message["id"] == id, "{message}");
        message["payload"].take()
    }

    /// Whether nothing is heard for so long.
    pub async fn is_quiet(&mut self, time: Duration) -> bool {
        timeout(time, self.hear_sometime()).await.is_err()
    }
}
