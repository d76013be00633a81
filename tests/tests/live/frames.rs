//! Frames: every close is answered, and so is what is no frame of a WebSocket, before the connection ends.

use std::time::Duration;

use tests::harness::{Backend, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const OPENING: &str = "GET /graphql HTTP/1.1\r\nhost: noren\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n";

/// A frame under a mask that changes nothing.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length @ 0..=125) => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// All that is heard after these bytes until the connection ends.
async fn answer(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(OPENING.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream.write_all(bytes).await.unwrap();
    let mut heard = Vec::new();
    // A connection that is reset has ended as well.
    let _ = timeout(Duration::from_secs(15), stream.read_to_end(&mut heard)).await.expect("the connection ends");
    heard
}

/// The code of the one close frame that was heard.
fn code(heard: &[u8]) -> Option<u16> {
    match heard {
        [0x88, length, high, low, reason @ ..] if usize::from(*length) == reason.len() + 2 => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_is_answered() {
    let server = Server::start(Backend::Sqlite).await;
    for wanted in [1000_u16, 1001, 4000] {
        let heard = answer(&server, &masked(0x88, &wanted.to_be_bytes())).await;
        assert_eq!(code(&heard), Some(wanted), "{heard:?}");
    }
    assert_eq!(answer(&server, &masked(0x88, &[])).await, [0x88, 0], "a close without a code");
    let after = [masked(0x81, br#"{"type":"connection_init"}"#), masked(0x88, &1000_u16.to_be_bytes())].concat();
    let heard = answer(&server, &after).await;
    assert!(heard.ends_with(&[0x88, 2, 0x03, 0xE8]) && heard.len() > 4, "after the acknowledgement: {heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_frame_is_told_so() {
    let server = Server::start(Backend::Sqlite).await;
    let unmasked = vec![0x81, 2, b'{', b'}'];
    let cases = [
        ("a compressed frame", masked(0xC1, b"{}"), 1002),
        ("an unmasked frame", unmasked, 1002),
        ("an unknown kind of data", masked(0x83, b"{}"), 1002),
        ("an unknown kind of control", masked(0x8B, b""), 1002),
        ("a ping in pieces", masked(0x09, b""), 1002),
        ("a large ping", masked(0x89, &[b'x'; 126]), 1002),
        ("the rest of nothing", masked(0x80, b"{}"), 1002),
        ("a text within another", [masked(0x01, b"{"), masked(0x81, b"{}")].concat(), 1002),
        ("a close that breaks off", masked(0x88, &[3]), 1002),
        ("a close with no code of theirs", masked(0x88, &999_u16.to_be_bytes()), 1002),
        ("a text that is none", masked(0x81, &[0xC3, 0x28]), 1007),
        ("a text in pieces that is none", [masked(0x01, &[0xC3]), masked(0x80, &[0x28])].concat(), 1007),
        ("the head of a frame without end", vec![0x81, 0xFF, 0, 0, 0, 0, 0, 0x30, 0, 0, 0, 0, 0, 0], 4400),
        ("a message that is none", masked(0x81, b"{}"), 4400),
    ];
    // None of them has to wait for another.
    let heard = futures::future::join_all(cases.iter().map(|(_, bytes, _)| async {
        let bytes = match bytes.first() {
            // Whoever is told by the protocol closes as well.
            Some(0x81) if bytes.ends_with(b"{}") => [bytes.clone(), masked(0x88, &[])].concat(),
            _ => bytes.clone(),
        };
        answer(&server, &bytes).await
    }));
    for ((what, _, wanted), heard) in cases.iter().zip(heard.await) {
        assert_eq!(code(&heard), Some(*wanted), "{what}: {heard:?}");
    }
}
