//! A key set comes whole or not at all, whatever its server does.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use integrations::jwks::{KeySourceError, MAX_BYTES, key_source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that reads a request's head and then does what the test says.
async fn serve<F: Future<Output = ()> + Send>(act: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            act(stream).await;
        }
    });
    address
}

async fn answer(text: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes = text.into();
    serve(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let _ = stream.write_all(&bytes).await;
        }
    })
    .await
}

async fn fetch(address: SocketAddr) -> Result<Vec<u8>, KeySourceError> {
    key_source(&format!("http://{address}/jwks.json")).unwrap().fetch().await
}

#[tokio::test]
async fn a_whole_answer_is_taken() {
    assert_eq!(fetch(answer("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"keys\":[]}").await).await.unwrap(), b"{\"keys\":[]}");
}

#[tokio::test]
async fn refusals_are_told_by_their_status() {
    for (status, head) in [(500, "500 Oops"), (429, "429 Slow\r\nretry-after: 5"), (302, "302 Found\r\nlocation: http://127.0.0.1:1/"), (404, "404 None")] {
        let refused = fetch(answer(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n")).await).await;
        assert!(matches!(refused, Err(KeySourceError::Status(told)) if told == status), "{refused:?}");
    }
}

#[tokio::test]
async fn what_breaks_off_or_is_no_http_is_no_key_set() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let reset = serve(|stream| async move {
        stream.set_zero_linger().unwrap();
    })
    .await;
    let cut = answer("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"keys\":").await;
    let garbage = answer("these are no keys\r\n\r\n").await;
    for address in [closed, reset, cut, garbage] {
        let broken = fetch(address).await;
        assert!(matches!(broken, Err(KeySourceError::Unreachable(_))), "{broken:?}");
    }
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b' '; MAX_BYTES + 1]].concat();
    assert!(matches!(fetch(answer(endless).await).await, Err(KeySourceError::TooLarge)));
}

#[tokio::test]
async fn a_slow_server_is_left() {
    let silent = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let began = Instant::now();
    assert!(matches!(fetch(silent).await, Err(KeySourceError::Unreachable(_))));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
