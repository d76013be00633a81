//! A client that keeps a number of connections busy for a while and counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Outcome;
use super::child::Server;

/// What came of it.
pub struct Measured {
    /// Requests a second.
    pub rate: f64,
    /// How long half of them took, in microseconds.
    pub p50: u64,
    /// How long 99 of 100 took, in microseconds.
    pub p99: u64,
    /// The server's processor time for one, in microseconds.
    pub cpu: f64,
}

/// A request, and how long the body of its answer is.
pub type Sent = (Vec<u8>, usize);

const WARM_UP: Duration = Duration::from_millis(750);

/// Keeps `connections` busy for `time`.
pub async fn measure(server: &Server, requests: &Arc<[Sent]>, connections: usize, time: Duration) -> Outcome<Measured> {
    let (counts, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let busy: Vec<_> = (0..connections)
        .map(|nth| {
            let (address, requests, counts, over) = (server.address, requests.clone(), counts.clone(), over.clone());
            tokio::spawn(async move { keep_busy(address, &requests, nth, &counts, &over).await })
        })
        .collect();
    tokio::time::sleep(WARM_UP).await;
    let (used, begun) = (server.used()?, Instant::now());
    counts.store(true, Ordering::Relaxed);
    tokio::time::sleep(time).await;
    counts.store(false, Ordering::Relaxed);
    let (used, took) = (server.used()? - used, begun.elapsed());
    over.store(true, Ordering::Relaxed);
    let mut latencies = Histogram::<u64>::new(3)?;
    for connection in busy {
        latencies.add(connection.await??)?;
    }
    let requests = latencies.len() as f64;
    Ok(Measured {
        rate: requests / took.as_secs_f64(),
        p50: latencies.value_at_quantile(0.5),
        p99: latencies.value_at_quantile(0.99),
        cpu: used.as_secs_f64() * 1e6 / requests,
    })
}

async fn keep_busy(address: SocketAddr, requests: &[Sent], nth: usize, counts: &AtomicBool, over: &AtomicBool) -> Outcome<Histogram<u64>> {
    let mut connection = Connection::open(address).await?;
    let mut latencies = Histogram::new(3)?;
    let mut turn = nth * 7;
    while !over.load(Ordering::Relaxed) {
        let (request, length) = &requests[turn % requests.len()];
        turn += 1;
        let begun = Instant::now();
        let body = connection.ask(request).await?;
        if body.len() != *length {
            return Err(format!("an answer has {} bytes instead of {length}", body.len()).into());
        }
        if counts.load(Ordering::Relaxed) {
            latencies.record(u64::try_from(begun.elapsed().as_micros())?)?;
        }
    }
    Ok(latencies)
}

/// A connection that is kept. It reads no more of HTTP than these servers write.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(256 * 1024) })
    }

    /// Sends a request and returns the body of its answer.
    pub async fn ask(&mut self, request: &[u8]) -> Outcome<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server hung up".into());
            }
            if let Some((start, length)) = body_of(&self.buffer)?
                && self.buffer.len() >= start + length
            {
                return Ok(&self.buffer[start..start + length]);
            }
        }
    }
}

/// A request of GraphQL, as it goes over the wire.
pub fn graphql(token: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Asks a server for something beside; gives the data.
pub async fn ask(server: &Server, token: &str, query: &str) -> Outcome<Value> {
    let mut answer: Value = serde_json::from_slice(Connection::open(server.address).await?.ask(&graphql(token, &json!({ "query": query }))).await?)?;
    if answer.get("errors").is_some() { Err(answer.to_string().into()) } else { Ok(answer["data"].take()) }
}

/// Where the body begins and how long it is, once all headers are there.
fn body_of(answer: &[u8]) -> Outcome<Option<(usize, usize)>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..end])?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(format!("an answer is not 200: {}", String::from_utf8_lossy(answer)).into());
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).ok_or("an answer has no length")?;
    Ok(Some((end + 4, length.parse()?)))
}
