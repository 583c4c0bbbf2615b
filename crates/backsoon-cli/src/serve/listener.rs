//! Where visitors connect: HTTP/1.1 and HTTP/2, told apart by the first bytes, in the clear or over TLS.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use backsoon::rules::TrustedProxies;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::forwarded::{Peer, Scheme};
use super::options::Options;
use super::shutdown::Shutdown;
use super::tunnel::Tunnels;
use super::vigil::{Doings, Vigil};

/// The largest head of a request: four times what common servers take, so that none of theirs is refused here.
const HEAD_BYTES: usize = 64 << 10;
/// How long to wait when the system has no socket to give: others must end first.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(50);

/// How long a silent visitor is listened to after it was told that the connection ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// A bound listener and what each of its connections needs.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) trusted: TrustedProxies,
    pub(crate) header_timeout: Duration,
    /// Everything that must end before the gate may.
    pub(crate) running: TaskTracker,
    /// Ends what the drain's limit does not wait for.
    pub(crate) cut: CancellationToken,
}

/// Where the requests of a listener go.
pub(crate) trait Reception: Send + Sync + 'static {
    /// Whoever answers the requests of one connection.
    type Answers: Answers;

    /// The one for a connection with `peer`, on which happens what `doings` tells.
    fn of(&self, peer: Peer, doings: Doings) -> Self::Answers;
}

/// Answers the requests of one connection, on HTTP/2 several at once.
pub(crate) trait Answers: Send + Sync {
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Infallible>> + Send + 'static;
}

/// What can happen to a connection.
enum Event {
    Ended(Result<(), Box<dyn Error + Send + Sync>>),
    Stopped,
    /// No request has begun for too long.
    Silence,
}

/// Whether a connection's task will be woken when the gate is to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    Unset,
    Set,
}

/// What the connections of one listener share.
struct Connections<D> {
    builder: Builder<TokioExecutor>,
    reception: D,
    tls: Option<TlsAcceptor>,
    header_timeout: Duration,
    shutdown: Shutdown,
    cut: CancellationToken,
}

// === impl Listener ===

impl Listener {
    /// Binds `address`, which `flag` names; connections are running for `tunnels`.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub(crate) async fn bind(
        options: &Options,
        address: SocketAddr,
        flag: &str,
        tls: Option<TlsAcceptor>,
        tunnels: &Tunnels,
    ) -> anyhow::Result<(Self, SocketAddr)> {
        let (socket, address) = super::listen(address, flag).await?;
        let listener = Listener {
            socket,
            tls,
            trusted: options.trusted_proxies.clone(),
            header_timeout: options.header_timeout,
            running: tunnels.running.clone(),
            cut: tunnels.cut.clone(),
        };
        Ok((listener, address))
    }

    /// Accepts until told to stop; connections live on in `running`.
    pub(crate) async fn accept<D: Reception>(self, reception: D, shutdown: &Shutdown) {
        let scheme = if self.tls.is_some() { Scheme::Https } else { Scheme::Http };
        let connections = Arc::new(Connections {
            builder: builder(self.header_timeout),
            reception,
            tls: self.tls,
            header_timeout: self.header_timeout,
            shutdown: shutdown.clone(),
            cut: self.cut,
        });
        let mut stopped = pin!(shutdown.stopped());
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = &mut stopped => return,
            };
            match accepted {
                Ok((stream, address)) => {
                    let peer = Peer::new(address, scheme, &self.trusted);
                    self.running.spawn(Arc::clone(&connections).connection(stream, peer));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    warn!(%error, "no connection can be accepted for the moment");
                    tokio::time::sleep(OUT_OF_SOCKETS).await;
                }
            }
        }
    }
}

fn builder(header_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The vigil sees to heads that do not come; a timer of hyper's own would be armed for each request.
    // No `half_close`: one who has shut down the sending half looks like one who has gone, until something is written. An
    // event stream that is silent would keep the seat of a visitor who has vanished for ever.
    builder.http1().header_read_timeout(None).max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(header_timeout)
        .max_header_list_size(HEAD_BYTES as u32);
    builder
}

fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

// === impl Connections ===

impl<D: Reception> Connections<D> {
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: Peer) {
        // Refused only when the visitor has gone already, which the first read will tell.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return self.serve(stream, peer).await };
        let accepting = tokio::time::timeout(self.header_timeout, tls.accept(stream));
        let accepted = tokio::select! {
            accepted = accepting => accepted,
            () = self.shutdown.stopped() => return,
        };
        match accepted {
            Ok(Ok(stream)) => self.serve(stream, peer).await,
            Ok(Err(error)) => debug!(peer = %peer.address(), %error, "no TLS"),
            Err(_) => debug!(peer = %peer.address(), "no TLS in time"),
        }
    }

    async fn serve<IO>(&self, stream: IO, peer: Peer)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let address = peer.address();
        let doings = Doings::default();
        let requests = self.reception.of(peer, doings.clone());
        let service = service_fn(|request: Request<Incoming>| requests.answer(request));
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let mut stopped = pin!(self.shutdown.stopped());
        let mut vigil = pin!(Vigil::new(doings.clone(), self.header_timeout));
        let mut watch = Watch::Unset;
        let event = poll_fn(|cx| {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Event::Ended(ended));
            }
            // The others are polled once, to be woken by them, and then only when they may have come: this runs
            // several times per request.
            let first = std::mem::replace(&mut watch, Watch::Set) == Watch::Unset;
            if (first || self.shutdown.is_stopping()) && stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Stopped);
            }
            if (first || doings.is_idle()) && vigil.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Silence);
            }
            Poll::Pending
        });
        let patience = match event.await {
            Event::Ended(Ok(())) => return,
            Event::Ended(Err(error)) => return debug!(peer = %address, error, "the connection ended"),
            Event::Stopped => Duration::MAX,
            Event::Silence => FAREWELL,
        };
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = tokio::time::timeout(patience, connection) => {}
            () = self.cut.cancelled() => {}
        }
    }
}
