//! A receiver on this machine that answers as it is told, and checks signatures by the specification's text.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers with a status line's rest, and headers.
    Answer(&'static str, &'static str),
    /// Resets the connection once it has read the request.
    Reset,
    /// Closes in the middle of the answer's head.
    Cut,
    /// Says something that is not HTTP.
    Garbage,
    /// Says nothing.
    Silence,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Heard {
    /// The one header with this name.
    pub fn header(&self, name: &str) -> &str {
        let found: Vec<&str> = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        assert_eq!(found.len(), 1, "{name} in {:?}", self.headers);
        found[0]
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// How many of the signatures are right under a secret: the specification's "Verifying webhook authenticity", by hand.
    pub fn signatures_under(&self, secret: &str) -> usize {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("whsec_")).expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let mut signed = format!("{}.{}.", self.header("webhook-id"), self.header("webhook-timestamp")).into_bytes();
        signed.extend_from_slice(&self.body);
        let signatures = self.header("webhook-signature").split(' ').map(|one| one.strip_prefix("v1,").expect("v1"));
        signatures.filter(|one| hmac::verify(&key, &signed, &STANDARD.decode(one).expect("base64")).is_ok()).count()
    }

    /// How many signatures there are.
    pub fn signatures(&self) -> usize {
        self.header("webhook-signature").split(' ').count()
    }
}

#[derive(Default)]
struct Inner {
    heard: Mutex<Vec<Heard>>,
    then: Mutex<VecDeque<Behaviour>>,
    always: Mutex<Option<Behaviour>>,
    open: AtomicUsize,
    most: AtomicUsize,
}

/// A receiver.
#[derive(Clone)]
pub struct Receiver {
    inner: Arc<Inner>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Receiver {
    /// A receiver that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let receiver = Self { inner: Arc::default(), address: listener.local_addr().expect("an address") };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        receiver
    }

    /// Its address as callers set it.
    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// What it does with the next requests, one after the other; then what it always does.
    pub fn then(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.inner.then.lock().unwrap().extend(behaviours);
    }

    /// What it does from now on.
    pub fn always(&self, behaviour: Behaviour) {
        *self.inner.always.lock().unwrap() = Some(behaviour);
    }

    /// All that it heard.
    pub fn heard(&self) -> Vec<Heard> {
        self.inner.heard.lock().unwrap().clone()
    }

    /// Waits until it has heard so many requests, and gives them.
    pub async fn hears(&self, count: usize) -> Vec<Heard> {
        for _ in 0..1_000 {
            if self.heard().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let heard = self.heard();
        assert_eq!(heard.len(), count, "{heard:#?}");
        heard
    }

    /// The most connections that were open at once.
    pub fn most_at_once(&self) -> usize {
        self.inner.most.load(Ordering::SeqCst)
    }

    async fn serve(&self, mut stream: TcpStream) {
        let open = self.inner.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.inner.most.fetch_max(open, Ordering::SeqCst);
        if let Some(heard) = read(&mut stream).await {
            self.inner.heard.lock().unwrap().push(heard);
            let next = self.inner.then.lock().unwrap().pop_front();
            let behaviour = next.or_else(|| self.inner.always.lock().unwrap().clone()).unwrap_or(Behaviour::Answer("204 No Content", ""));
            match behaviour {
                Behaviour::Answer(status, headers) => {
                    let answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n");
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
                Behaviour::Reset => stream.set_zero_linger().expect("linger"),
                Behaviour::Cut => drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-").await),
                Behaviour::Garbage => drop(stream.write_all(b"\x16\x03 what?\r\n\r\n").await),
                Behaviour::Silence => {
                    let mut byte = [0];
                    let _ = stream.read(&mut byte).await;
                }
            }
        }
        drop(stream);
        self.inner.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn read(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let head = loop {
        let mut some = [0; 4_096];
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&some[..count]),
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).expect("ASCII");
    assert!(text.starts_with("POST /hooks HTTP/1.1\r\n"), "{text}");
    let headers: Vec<(String, String)> =
        text.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length: usize = headers.iter().find(|(name, _)| name == "content-length").expect("a length").1.parse().expect("a number");
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length {
        let mut some = [0; 4_096];
        let count = stream.read(&mut some).await.expect("the rest");
        assert!(count > 0, "the body ends early");
        body.extend_from_slice(&some[..count]);
    }
    Some(Heard { headers, body })
}
