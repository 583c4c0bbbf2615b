//! The console's own listener: connections with a deadline for their heads, and not too many of them.
//!
//! Whoever only holds connections keeps nobody out ([`Seats`]).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::seats::{Errand, Seats};

/// How long to wait when the system has no socket to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(50);
/// How long a client may take to send a request's head, or to begin one.
const HEAD: Duration = Duration::from_secs(5);
/// The longest head in bytes.
const LARGEST_HEAD: usize = 32 * 1024;
/// How many connections are served at once.
const CONNECTIONS: usize = 512;

/// A body whose errand ends with its last byte.
struct Watched {
    body: axum::body::Body,
    _errand: Arc<Errand>,
}

/// Answers on `socket` until it is dropped.
pub(crate) async fn serve(socket: TcpListener, router: Router) {
    serve_at_most(CONNECTIONS, socket, router).await;
}

async fn serve_at_most(most: usize, socket: TcpListener, router: Router) {
    let seats = Seats::new(most);
    let tasks = TaskTracker::new();
    loop {
        let (stream, peer) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "no connection to the console can be accepted for the moment");
                tokio::time::sleep(OUT_OF_SOCKETS).await;
                continue;
            }
        };
        let place = Arc::new(seats.take().await);
        let router = router.clone();
        let leave = place.leave.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            answer(router.clone(), request, peer, Errand::at(&place))
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tasks.spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    debug!(%error, "a connection to the console ended");
                },
                () = leave.cancelled() => debug!("an idle connection to the console made room for another one"),
            }
        });
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    errand: Arc<Errand>,
) -> Result<Response<Watched>, Infallible> {
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(Arc::clone(&errand));
    let answer = tower_service::Service::call(&mut router.into_service(), request).await?;
    Ok(answer.map(|body| Watched { body, _errand: errand }))
}

// === impl Watched ===

impl Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpSocket, TcpStream};
    use tokio::time::timeout;

    use super::*;

    /// Longer than anything here takes, on however busy a machine.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn connections_that_say_nothing_keep_nobody_out_and_streams_go_on() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let endless = |axum::Extension(errand): axum::Extension<Arc<Errand>>| async move {
            errand.vouch();
            let pieces = futures_util::stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Ok::<_, Infallible>("piece"), ()))
            });
            axum::body::Body::from_stream(pieces)
        };
        let router = Router::new().route("/", get(|| async { "here" })).route("/endless", get(endless));
        let serving = tokio::spawn(serve_at_most(4, socket, router));
        let ask = async |path: &str| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
            let mut some = [0; 512];
            let read = timeout(PATIENCE, stream.read(&mut some)).await.unwrap().unwrap();
            (stream, String::from_utf8_lossy(&some[..read]).into_owned())
        };
        let (mut events, _) = ask("/endless").await;
        let mut silent = Vec::new();
        for _ in 0..12 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let (_kept, here) = ask("/").await;
        assert!(here.starts_with("HTTP/1.1 200") && here.contains("content-length: 4"), "{here}");
        let gone = timeout(PATIENCE, silent[0].read(&mut [0; 8])).await.unwrap();
        assert!(matches!(gone, Ok(0) | Err(_)), "{gone:?}");
        for _ in 0..5 {
            let read = timeout(PATIENCE, events.read(&mut [0; 64])).await.unwrap().unwrap();
            assert!(read > 0, "the stream goes on");
        }
        serving.abort();
    }

    #[tokio::test]
    async fn forms_that_nobody_sends_to_their_end_keep_nobody_out() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let instance = backsoon::Instance::new(Default::default(), Default::default());
        let store = Arc::new(backsoon::store::MemoryStore::new());
        let console = crate::Console::new(store, instance, crate::Options::default()).unwrap();
        let serving = tokio::spawn(serve_at_most(8, socket, console.router()));
        let form = format!(
            "POST /sign-in HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 9999\r\n\r\n"
        );
        let mut forms = Vec::new();
        for _ in 0..40 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(form.as_bytes()).await.unwrap();
            forms.push(stream);
        }
        let elsewhere = TcpSocket::new_v4().unwrap();
        elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut stream = elsewhere.connect(address).await.unwrap();
        let ask = format!("GET /sign-in HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut some = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut some)).await.expect("there is room").unwrap();
        assert_eq!(&some, b"HTTP/1.1 200");
        let mut said = Vec::new();
        let _ = timeout(PATIENCE, forms[0].read_to_end(&mut said)).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&said), "", "the first one made room");
        serving.abort();
    }
}
