//! The console's own listener: connections with a deadline for their heads, and not too many of them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// How long to wait when the system has no socket to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(50);
/// How long a client may take to send a request's head, or to begin one.
const HEAD: Duration = Duration::from_secs(10);
/// The longest head in bytes.
const LARGEST_HEAD: usize = 32 * 1024;
/// How many connections are served at once.
const CONNECTIONS: usize = 512;

/// Answers on `socket` until it is dropped.
pub(crate) async fn serve(socket: TcpListener, router: Router) {
    let (places, tasks) = (Arc::new(Semaphore::new(CONNECTIONS)), TaskTracker::new());
    loop {
        // It is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, peer) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "no connection to the console can be accepted for the moment");
                tokio::time::sleep(OUT_OF_SOCKETS).await;
                continue;
            }
        };
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request, peer));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tasks.spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection to the console ended");
            }
            drop(place);
        });
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<axum::response::Response, Infallible> {
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    tower_service::Service::call(&mut router.into_service(), request).await
}
