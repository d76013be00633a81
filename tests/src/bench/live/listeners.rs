//! Many who listen: they count frames and note when these arrive, and do as little else as they can.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::floor::HEARS;
use crate::bench::Outcome;

/// Those who share an address: each address has so many however few places are left.
const OF_AN_ADDRESS: usize = 15;
/// Connections that are opened at once.
const AT_ONCE: usize = 32;
/// How long frames are waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// A frame's head, when its payload has 126 to 65,535 bytes.
const HEAD: usize = 4;

/// To whom they listen.
#[derive(Clone, Copy)]
pub enum To<'a> {
    /// To the floor.
    Floor,
    /// To the product, with this token; each one's selection is one of these, in turn.
    Product(&'a str, &'a [String]),
}

/// What all of them have heard.
struct Board {
    begun: Instant,
    heard: AtomicU64,
    wanted: AtomicU64,
    enough: Notify,
    /// When each heard what since this was last looked at, in microseconds.
    arrivals: Vec<Mutex<Vec<u64>>>,
    /// What the first of them heard.
    frames: Mutex<Vec<Vec<u8>>>,
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Those who listen. They leave when this is dropped.
pub struct Listeners {
    board: Arc<Board>,
    listening: JoinSet<Outcome<()>>,
}

impl Listeners {
    /// Connects so many.
    pub async fn connect(address: SocketAddr, count: usize, to: To<'_>) -> Outcome<Self> {
        let connections: Vec<TcpStream> = stream::iter(0..count).map(|number| connect(address, number, to)).buffered(AT_ONCE).try_collect().await?;
        let board = Arc::new(Board {
            begun: Instant::now(),
            heard: AtomicU64::new(0),
            wanted: AtomicU64::new(u64::MAX),
            enough: Notify::new(),
            arrivals: (0..count).map(|_| Mutex::default()).collect(),
            frames: Mutex::default(),
        });
        let mut listening = JoinSet::new();
        for (number, stream) in connections.into_iter().enumerate() {
            listening.spawn(listen(stream, board.clone(), number));
        }
        Ok(Self { board, listening })
    }

    /// Microseconds since they began.
    pub fn now(&self) -> u64 {
        micros(self.board.begun)
    }

    /// Waits until each has heard so many frames more than were asked about before; gives back when each of these was heard by
    /// everybody, in order, and the frames themselves.
    pub async fn hear(&mut self, frames: usize) -> Outcome<Heard> {
        let board = &self.board;
        let wanted = (frames * board.arrivals.len()) as u64;
        board.wanted.store(wanted, Ordering::SeqCst);
        let deadline = tokio::time::sleep(PATIENCE);
        tokio::pin!(deadline);
        while board.heard.load(Ordering::SeqCst) < wanted {
            tokio::select! {
                () = board.enough.notified() => {}
                () = &mut deadline => return Err(format!("{} frames arrived of {wanted}", board.heard.load(Ordering::SeqCst)).into()),
                ended = self.listening.join_next() => return Err(format!("a subscriber was left: {ended:?}").into()),
            }
        }
        board.wanted.store(u64::MAX, Ordering::SeqCst);
        board.heard.fetch_sub(wanted, Ordering::SeqCst);
        let mut arrivals = vec![Vec::with_capacity(board.arrivals.len()); frames];
        for heard in &board.arrivals {
            let mut heard = held(heard);
            if heard.len() != frames {
                return Err(format!("a subscriber has heard {} frames instead of {frames}", heard.len()).into());
            }
            arrivals.iter_mut().zip(heard.drain(..)).for_each(|(frame, at)| frame.push(at));
        }
        Ok(Heard { arrivals, frames: held(&board.frames).drain(..frames).collect() })
    }
}

/// What was heard.
pub struct Heard {
    /// For each frame when each listener had it, in microseconds.
    pub arrivals: Vec<Vec<u64>>,
    /// The frames.
    pub frames: Vec<Vec<u8>>,
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

async fn connect(address: SocketAddr, number: usize, to: To<'_>) -> Outcome<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let [high, low] = u16::try_from(number / OF_AN_ADDRESS)?.to_be_bytes();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 1, high, low), 0)))?;
    let mut stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    match to {
        To::Floor => {
            stream.write_u8(HEARS).await?;
            stream.read_u8().await?;
        }
        To::Product(token, selections) => {
            let upgrade = "GET /graphql HTTP/1.1\r\nhost: bench\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                           sec-websocket-key: YSBiZW5jaG1hcmsncyBrZXk=\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n";
            stream.write_all(upgrade.as_bytes()).await?;
            expect(&mut stream, "\r\n\r\n", "HTTP/1.1 101 ").await?;
            let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
            stream.write_all(&text(&init.to_string())).await?;
            expect(&mut stream, "connection_ack\"}", "").await?;
            let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": selections[number % selections.len()] } });
            stream.write_all(&text(&subscribe.to_string())).await?;
        }
    }
    Ok(stream)
}

/// Reads up to here.
async fn expect(stream: &mut TcpStream, end: &str, start: &str) -> Outcome<()> {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        if stream.read_buf(&mut read).await? == 0 {
            break;
        }
    }
    if read.ends_with(end.as_bytes()) && read.starts_with(start.as_bytes()) {
        return Ok(());
    }
    Err(format!("a socket was not opened: {}", String::from_utf8_lossy(&read)).into())
}

/// A client's frame; its mask is nothing but zeros.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASKED: u8 = 0x80;
    let mut frame = vec![0x80 | opcode];
    match u8::try_from(payload.len()) {
        Ok(short @ 0..=125) => frame.push(MASKED | short),
        _ => {
            frame.push(MASKED | 126);
            frame.extend(u16::try_from(payload.len()).expect("a short message").to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend_from_slice(payload);
    frame
}

fn text(payload: &str) -> Vec<u8> {
    frame(1, payload.as_bytes())
}

async fn listen(mut stream: TcpStream, board: Arc<Board>, number: usize) -> Outcome<()> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err("the server hung up".into());
        }
        let (now, mut done, mut heard) = (micros(board.begun), 0, 0);
        while let Some((opcode, length)) = whole(&buffer[done..]) {
            let frame = &buffer[done..done + length];
            done += length;
            match opcode {
                1 if frame[HEAD..].starts_with(br#"{"type":"next""#) => {
                    heard += 1;
                    held(&board.arrivals[number]).push(now);
                    if number == 0 {
                        held(&board.frames).push(frame.to_vec());
                    }
                }
                9 => stream.write_all(&self::frame(10, b"")).await?,
                _ => return Err(String::from_utf8_lossy(frame).into()),
            }
        }
        buffer.drain(..done);
        if board.heard.fetch_add(heard, Ordering::SeqCst) + heard >= board.wanted.load(Ordering::SeqCst) {
            board.enough.notify_one();
        }
    }
}

/// The kind and the length of the first frame, if all of it is there.
fn whole(bytes: &[u8]) -> Option<(u8, usize)> {
    let (opcode, short) = (bytes.first()? & 0x0f, usize::from(*bytes.get(1)?));
    let length = match short {
        126 => HEAD + usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])),
        _ => 2 + short,
    };
    (bytes.len() >= length).then_some((opcode, length))
}
