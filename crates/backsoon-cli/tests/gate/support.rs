//! A gate, an upstream and a client that sees every byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use backsoon::{Instance, Marks};
use backsoon_cli::serve::{Gate, Options, Outcome, Shutdown};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes, on however busy a machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) observe: Option<SocketAddr>,
    pub(crate) shutdown: Shutdown,
    pub(crate) ended: JoinHandle<Outcome>,
}

/// A gate whose door is open.
pub(crate) async fn gate(options: &Options) -> Running {
    gate_with(options, Instance::new(Default::default(), Marks::new())).await
}

pub(crate) async fn gate_with(options: &Options, instance: Arc<Instance>) -> Running {
    let gate = Gate::bind(options).await.unwrap();
    let (address, observe, shutdown) = (gate.address(), gate.observe_address(), Shutdown::new());
    let ended = tokio::spawn(gate.run(instance, shutdown.clone()));
    Running { address, observe, shutdown, ended }
}

pub(crate) async fn gate_before(upstream: SocketAddr) -> Running {
    gate(&options(&format!("http://{upstream}"))).await
}

pub(crate) fn options(upstream: &str) -> Options {
    let listen = "127.0.0.1:0".parse().unwrap();
    Options { listen, upstream: Some(upstream.parse().unwrap()), ..Options::default() }
}

/// An upstream that speaks HTTP/1.1 and HTTP/2.
pub(crate) async fn upstream(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(app.clone());
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await.ok();
            });
        }
    });
    address
}

/// An upstream that reads one request's head, tells it, says `answer` and closes the connection.
pub(crate) async fn scripted(answer: &'static [u8]) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, heads) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let told = told.clone();
            tokio::spawn(async move {
                let mut raw = Raw::over(stream);
                if let Some(head) = raw.until("\r\n\r\n").await {
                    told.send(head).ok();
                    raw.send(answer).await;
                    raw.stream.shutdown().await.ok();
                    raw.rest().await;
                }
            });
        }
    });
    (address, heads)
}

/// An address at which nothing listens.
pub(crate) async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A connection whose bytes are written and read as they are.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Raw::over(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        Raw { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Everything up to and with `end`, or nothing when the connection closes first.
    pub(crate) async fn until(&mut self, end: &str) -> Option<String> {
        let reading = async {
            loop {
                if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end.as_bytes()) {
                    let taken: Vec<u8> = self.buffer.drain(..at + end.len()).collect();
                    return Some(String::from_utf8(taken).unwrap());
                }
                match self.stream.read_buf(&mut self.buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        };
        timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("no {end:?} in {:?}", self.seen()))
    }

    /// Everything until the other side closes.
    pub(crate) async fn rest(&mut self) -> String {
        let reading =
            async { while !matches!(self.stream.read_buf(&mut self.buffer).await, Ok(0) | Err(_)) {} };
        timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("never closed after {:?}", self.seen()));
        String::from_utf8(std::mem::take(&mut self.buffer)).unwrap()
    }

    /// One answer: its head in lower case, and its body by `content-length` (none without).
    pub(crate) async fn answer(&mut self) -> (String, String) {
        let head = self.until("\r\n\r\n").await.expect("an answer").to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length = length.map_or(0, |length| length.parse().unwrap());
        let reading = async {
            while self.buffer.len() < length {
                assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0, "the body was cut");
            }
        };
        timeout(PATIENCE, reading).await.expect("the body");
        let body = self.buffer.drain(..length).collect();
        (head, String::from_utf8(body).unwrap())
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

/// Sends one request on a connection of its own and returns everything that came back.
pub(crate) async fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> String {
    let mut raw = Raw::to(address).await;
    raw.send(request).await;
    raw.rest().await
}

/// A client that speaks HTTP/2 from its first byte.
pub(crate) async fn h2c(address: SocketAddr) -> SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Sends one request over HTTP/2.
pub(crate) async fn fetch(client: &SendRequest<Body>, request: Request<Body>) -> Response<Incoming> {
    timeout(PATIENCE, client.clone().send_request(request)).await.expect("an answer in time").unwrap()
}
