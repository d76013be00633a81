//! Accepting connections: slow ones are closed, and at the end everything that was accepted is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::places::{Place, Places};
use super::router;
use super::stall::Stalling;
use crate::app::App;

/// How long a client may take to send the head of a request, and how long an idle connection is kept.
const HEAD: Duration = Duration::from_secs(20);
/// Connections at once.
const CONNECTIONS: usize = 4_096;
/// Connections at once of one address, unless it is a trusted proxy's.
const OF_AN_ADDRESS: usize = 1_024;
/// How long a client may read nothing of its answers.
const UNREAD: Duration = Duration::from_secs(30);
/// How long connections are waited for when no request is being worked on any more.
const LAST_CALL: Duration = Duration::from_secs(3);

/// Serves until `stop`, then answers what was accepted, for at most `grace`.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()>, grace: Duration) {
    let router = router(app.clone());
    let connections = GracefulShutdown::new();
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    let places = Places::new(OF_AN_ADDRESS);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &free) => accepted,
            () = &mut stop => break,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, as a rule: others have to end first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(share) = share_of(&app, &places, peer) else {
            metrics::counter!("noren_connections_refused_total").increment(1);
            continue;
        };
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |request| answer(router.clone(), peer, request));
        let connection =
            http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(HEAD).serve_connection(TokioIo::new(Stalling::new(stream, UNREAD)), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // Clients may break off whenever they like.
            let _ = connection.await;
            drop((place, share));
        });
    }
    drop(listener);
    app.tasks.close();
    tracing::info!(grace = grace.as_secs(), "shutting down: no new connections, waiting for requests to finish");
    let idle = async {
        app.tasks.wait().await;
        tokio::time::sleep(LAST_CALL).await;
        app.tasks.wait().await;
    };
    tokio::select! {
        () = connections.shutdown() => {}
        () = idle => {}
        () = tokio::time::sleep(grace) => tracing::warn!("requests were still running when the grace time was over"),
    }
}

type Accepted = (tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, free: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let place = free.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// The share of its address; none for a trusted proxy, behind which are many.
fn share_of(app: &App, places: &Places, peer: SocketAddr) -> Result<Option<Place>, Full> {
    if app.proxies.trusts(peer.ip().to_canonical()) {
        return Ok(None);
    }
    places.take(peer.ip()).map(Some).ok_or(Full)
}

/// The address holds all it may.
struct Full;

async fn answer(router: Router, peer: SocketAddr, request: hyper::Request<Incoming>) -> Result<axum::response::Response, std::convert::Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}
