//! Accepting connections: slow ones are closed, and at the end everything that was accepted is answered.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::places::{Place, Places, Room};
use super::router;
use super::stall::Stalling;
use crate::app::App;

/// How long a client may take to send the head of a request, and how long an idle connection is kept.
const HEAD: Duration = Duration::from_secs(20);
/// Connections at once.
const CONNECTIONS: usize = 4_096;
/// How long a client may read nothing of its answers.
const UNREAD: Duration = Duration::from_secs(30);
/// How long connections are waited for when no request is being worked on any more.
const LAST_CALL: Duration = Duration::from_secs(3);

/// Serves until `stop`, then answers what was accepted, for at most `grace`.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()>, grace: Duration) {
    let router = router(app.clone());
    let connections = TaskTracker::new();
    let places = Places::new(CONNECTIONS);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        let (stream, peer, room) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, as a rule: others have to end first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Behind a trusted proxy are many.
        let place = if app.proxies.trusts(peer.ip().to_canonical()) { Some(places.share(room)) } else { places.take(room, peer.ip()) };
        let Some(place) = place else {
            metrics::counter!("noren_connections_refused_total").increment(1);
            continue;
        };
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let held = Held(Arc::new(place));
        let service = service_fn(move |request| answer(router.clone(), peer, held.clone(), request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .serve_connection(TokioIo::new(Stalling::new(stream, UNREAD)), service)
            .with_upgrades();
        let closing = app.closing.clone();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            // Clients may break off whenever they like.
            let _ = tokio::select! {
                ended = connection.as_mut() => ended,
                () = closing.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
        });
    }
    drop(listener);
    app.closing.cancel();
    app.sockets.close();
    connections.close();
    app.tasks.close();
    tracing::info!(grace = grace.as_secs(), "shutting down: no new connections, waiting for requests to finish");
    let idle = async {
        app.tasks.wait().await;
        tokio::time::sleep(LAST_CALL).await;
        app.tasks.wait().await;
    };
    tokio::select! {
        () = connections.wait() => {}
        () = idle => {}
        () = tokio::time::sleep(grace) => tracing::warn!("requests were still running when the grace time was over"),
    }
    if tokio::time::timeout(LAST_CALL, app.sockets.wait()).await.is_err() {
        tracing::warn!("sockets were cut off: their clients did not close them in time");
    }
}

/// What a connection is, beneath HTTP.
pub type Connection = TokioIo<Stalling<TcpStream>>;

/// What a connection takes up, for as long as it is open: as a socket it outlives its request.
#[derive(Clone, Debug)]
pub struct Held(#[expect(dead_code, reason = "it is held, not read")] Arc<Place>);

async fn accept(listener: &TcpListener, places: &Places) -> std::io::Result<(TcpStream, SocketAddr, Room)> {
    let room = places.room().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, room))
}

async fn answer(router: Router, peer: SocketAddr, held: Held, request: hyper::Request<Incoming>) -> Result<axum::response::Response, std::convert::Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(held);
    router.oneshot(request).await
}
