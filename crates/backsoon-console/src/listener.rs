//! The console's own listener: connections with a deadline for their heads, and not too many of them.
//!
//! Whoever only holds connections keeps nobody out: where there is no room, the one on which nothing has been asked for the
//! longest makes room for the next. One whose answer is still on its way, a stream of events say, is left alone.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// How long to wait when the system has no socket to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(50);
/// How long a client may take to send a request's head, or to begin one.
const HEAD: Duration = Duration::from_secs(5);
/// The longest head in bytes.
const LARGEST_HEAD: usize = 32 * 1024;
/// How many connections are served at once.
const CONNECTIONS: usize = 512;

/// The connections that are served.
#[derive(Debug)]
struct Seats {
    most: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    seats: BTreeMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    /// How many answers are on their way.
    busy: usize,
    idle_since: Instant,
    leave: CancellationToken,
}

/// One connection's place; dropped, it is free.
#[derive(Debug)]
struct Place {
    seats: Arc<Seats>,
    number: u64,
    leave: CancellationToken,
}

/// An answer on its way, until its last byte.
struct Busy(Arc<Place>);

/// A body that keeps its connection busy.
struct Watched {
    body: axum::body::Body,
    _busy: Busy,
}

/// Answers on `socket` until it is dropped.
pub(crate) async fn serve(socket: TcpListener, router: Router) {
    serve_at_most(CONNECTIONS, socket, router).await;
}

async fn serve_at_most(most: usize, socket: TcpListener, router: Router) {
    let seats = Arc::new(Seats { most, taken: Mutex::default(), freed: Notify::new() });
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
            answer(router.clone(), request, peer, Busy::of(&place))
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
    busy: Busy,
) -> Result<Response<Watched>, Infallible> {
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    let answer = tower_service::Service::call(&mut router.into_service(), request).await?;
    Ok(answer.map(|body| Watched { body, _busy: busy }))
}

// === impl Seats ===

impl Seats {
    /// A place for one more connection: a free one, or that of whoever has been idle for the longest. Where all are at work,
    /// it waits.
    async fn take(self: &Arc<Self>) -> Place {
        loop {
            let freed = self.freed.notified();
            if let Some(place) = self.try_take() {
                return place;
            }
            freed.await;
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<Place> {
        let mut taken = self.taken();
        if taken.seats.len() >= self.most {
            let idle = taken.seats.iter().filter(|(_, seat)| seat.busy == 0);
            let number = *idle.min_by_key(|(_, seat)| seat.idle_since)?.0;
            taken.seats.remove(&number)?.leave.cancel();
        }
        let (number, leave) = (taken.next, CancellationToken::new());
        taken.next += 1;
        taken.seats.insert(number, Seat { busy: 0, idle_since: Instant::now(), leave: leave.clone() });
        Some(Place { seats: Arc::clone(self), number, leave })
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Place ===

impl Drop for Place {
    fn drop(&mut self) {
        self.seats.taken().seats.remove(&self.number);
        self.seats.freed.notify_one();
    }
}

// === impl Busy ===

impl Busy {
    fn of(place: &Arc<Place>) -> Self {
        if let Some(seat) = place.seats.taken().seats.get_mut(&place.number) {
            seat.busy += 1;
        }
        Self(Arc::clone(place))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Self(place) = self;
        if let Some(seat) = place.seats.taken().seats.get_mut(&place.number) {
            (seat.busy, seat.idle_since) = (seat.busy.saturating_sub(1), Instant::now());
        }
        // Whoever waits for a place may have this one.
        place.seats.freed.notify_one();
    }
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
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;

    /// Longer than anything here takes, on however busy a machine.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn where_there_is_no_room_the_longest_idle_one_makes_room_and_nobody_at_work() {
        let seats = Arc::new(Seats { most: 3, taken: Mutex::default(), freed: Notify::new() });
        let (first, second) = (Arc::new(seats.take().await), Arc::new(seats.take().await));
        let third = Arc::new(seats.take().await);
        let at_work = Busy::of(&first);
        let fourth = Arc::new(seats.take().await);
        assert!(second.leave.is_cancelled(), "the longest idle one");
        assert!(!first.leave.is_cancelled() && !third.leave.is_cancelled());
        let (_third, _fourth) = (Busy::of(&third), Busy::of(&fourth));
        assert!(seats.try_take().is_none(), "all are at work");
        drop(at_work);
        assert!(seats.try_take().is_some() && first.leave.is_cancelled());
        drop(second);
        assert_eq!(seats.taken().seats.len(), 2, "whoever has left frees no place twice");
    }

    #[tokio::test]
    async fn connections_that_say_nothing_keep_nobody_out_and_streams_go_on() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let endless = || async {
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
}
