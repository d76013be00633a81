//! A server of the tests' own that speaks HTTP as far as it is told to, and remembers what it heard.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Does {
    /// Answers: a status line's rest, headers, a body.
    Answers(&'static str, &'static str, &'static str),
    /// Resets the connection.
    Resets,
    /// Closes in the middle of the answer's head.
    Cuts,
    /// Says something that is not HTTP.
    Babbles,
    /// Says nothing.
    Silent,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// The request line and the headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Request {
    /// The header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value))
    }
}

#[derive(Default)]
struct Inner {
    requests: Mutex<Vec<Request>>,
    then: Mutex<VecDeque<Does>>,
    always: Mutex<Option<Does>>,
}

/// The server.
#[derive(Clone)]
pub struct WebServer {
    inner: Arc<Inner>,
    pub address: SocketAddr,
}

impl WebServer {
    /// A server that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Self { inner: Arc::default(), address: listener.local_addr().expect("an address") };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        server
    }

    /// The address of a path of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it does with the next requests, one after the other.
    pub fn then(&self, does: impl IntoIterator<Item = Does>) {
        self.inner.then.lock().unwrap().extend(does);
    }

    /// What it does otherwise.
    pub fn always(&self, does: Does) {
        *self.inner.always.lock().unwrap() = Some(does);
    }

    /// What it heard.
    pub fn requests(&self) -> Vec<Request> {
        self.inner.requests.lock().unwrap().clone()
    }

    /// Waits until it has heard so many requests.
    pub async fn hears(&self, count: usize) -> Vec<Request> {
        for _ in 0..1_500 {
            if self.requests().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let requests = self.requests();
        assert!(requests.len() >= count, "{count} requests were expected: {requests:#?}");
        requests
    }

    async fn serve(&self, mut stream: TcpStream) {
        let Some(request) = read(&mut stream).await else { return };
        let does = self.inner.then.lock().unwrap().pop_front().or_else(|| self.inner.always.lock().unwrap().clone());
        self.inner.requests.lock().unwrap().push(request);
        match does.unwrap_or(Does::Answers("200 OK", "", "ok")) {
            Does::Answers(status, headers, body) => {
                let answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
            Does::Resets => stream.set_zero_linger().expect("linger"),
            Does::Cuts => drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-").await),
            Does::Babbles => drop(stream.write_all(b"\x16\x03 what?\r\n\r\n").await),
            Does::Silent => {
                let _ = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut [0])).await;
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
        let request = Request { head, body: String::new() };
        let length: usize = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if bytes.len() >= end + 4 + length {
            return Some(Request { body: String::from_utf8(bytes[end + 4..end + 4 + length].to_vec()).ok()?, ..request });
        }
    }
}
