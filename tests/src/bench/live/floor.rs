//! The floor of live events: whatever it is told it passes on to all connections, a task and a write for each.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

use crate::bench::Outcome;
use crate::bench::floor::LISTEN;

/// The first byte of a connection that hears.
pub const HEARS: u8 = b'h';
/// The first byte of a connection that tells: each frame after its length of 4 bytes.
pub const TELLS: u8 = b't';
/// Frames that a connection may be behind.
const BEHIND: usize = 1_024;

/// Serves until it is killed.
pub async fn broadcast() -> Outcome<()> {
    let address: SocketAddr = std::env::var(LISTEN)?.parse()?;
    let listener = TcpListener::bind(address).await?;
    let (all, _) = broadcast::channel(BEHIND);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let all = all.clone();
        tokio::spawn(async move { serve(stream, all).await });
    }
}

async fn serve(mut stream: TcpStream, all: broadcast::Sender<Bytes>) -> Outcome<()> {
    match stream.read_u8().await? {
        HEARS => {
            let mut told = all.subscribe();
            stream.write_u8(HEARS).await?;
            loop {
                stream.write_all(&told.recv().await?).await?;
            }
        }
        _ => loop {
            let mut frame = vec![0; stream.read_u32().await? as usize];
            stream.read_exact(&mut frame).await?;
            all.send(frame.into())?;
        },
    }
}
