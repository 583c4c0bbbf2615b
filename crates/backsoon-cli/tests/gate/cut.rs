//! What still runs when a window's time for it is over: answers, bodies and tunnels end, and the receipt names them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::{any, get};
use backsoon::control::Outcome as Change;
use backsoon::join::Options as Joining;
use backsoon::receipt::{Expect, Receipt, Verdict};
use backsoon::store::MemoryStore;
use backsoon::{Control, Host, Instance, Mode, Window};
use backsoon_cli::serve::Options;
use bytes::Bytes;
use futures_util::StreamExt;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{PATIENCE, Raw, gate_with, nowhere, options, upstream};
use crate::websocket::{connect, echo, says};

/// Half a body, and then nothing more.
pub(crate) async fn endless() -> Body {
    let half = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from("half"))]);
    Body::from_stream(half.chain(futures_util::stream::pending()))
}

#[tokio::test]
async fn answers_bodies_and_tunnels_end_and_the_receipt_is_forced() {
    let silent = get(std::future::pending::<()>);
    let app = Router::new().route("/live", any(echo)).route("/export", get(endless)).route("/silent", silent);
    let upstream = upstream(app).await;
    let store = Arc::new(MemoryStore::new());
    let instance = Instance::join(store.clone(), Joining::default()).await;
    let gate = gate_with(&options(&format!("http://{upstream}")), Arc::clone(&instance)).await;

    let mut socket = connect(gate.address).await.unwrap();
    says(&mut socket, Message::text("hello")).await;
    let mut export = Raw::to(gate.address).await;
    export.send("GET /export HTTP/1.1\r\nhost: shop.example\r\n\r\n").await;
    export.until("half").await.expect("the first half of the body");
    let mut waits = Raw::to(gate.address).await;
    waits.send("GET /silent HTTP/1.1\r\nhost: shop.example\r\n\r\n").await;
    let open = Permits(&instance);
    open.become_(3).await;

    let control = Control::new(store, "ann");
    let window = Window::new(Mode::On).cut_after(Duration::from_millis(300));
    let Change::Written(state) = control.begin(&Host::any(), window).await.unwrap() else { panic!("new") };
    let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
    let receipt = control.wait(&state, &expect, PATIENCE, |_| {}).await.unwrap();
    assert_eq!(receipt.verdict, Verdict::Forced, "{receipt:#?}");
    let mut cut: Vec<_> = receipt.cut.iter().map(|cut| cut.request.path.as_str()).collect();
    cut.sort_unstable();
    assert_eq!(cut, ["/export", "/live", "/silent"]);

    let (head, _) = waits.answer().await;
    assert!(head.starts_with("http/1.1 503"), "nothing had been said yet: {head}");
    let rest = export.rest().await;
    assert!(!rest.ends_with("0\r\n\r\n"), "a body that is cut must not look whole: {rest:?}");
    let last = timeout(PATIENCE, socket.next()).await.expect("the tunnel ends");
    assert!(is_farewell(&last), "{last:?}");
    assert!(instance.draining().is_empty());
}

/// Closes everything, and waits for the receipt.
async fn receipt(store: Arc<MemoryStore>, then: impl Future<Output = ()>) -> Receipt {
    let control = Control::new(store, "ann");
    let window = Window::new(Mode::On);
    let Change::Written(state) = control.begin(&Host::any(), window).await.unwrap() else { panic!("new") };
    let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
    let waiting = control.wait(&state, &expect, PATIENCE, |_| {});
    tokio::join!(waiting, then).0.unwrap()
}

#[tokio::test]
async fn what_the_gate_gives_up_before_it_is_answered_is_cut_and_not_said_to_have_ended() {
    let app = Router::new().route("/silent", any(std::future::pending::<()>));
    let upstream = upstream(app).await;
    // The upstream takes too long, and the visitor goes away who only reads.
    for limit in [Duration::from_secs(3), PATIENCE * 2] {
        let store = Arc::new(MemoryStore::new());
        let instance = Instance::join(store.clone(), Joining::default()).await;
        let options = Options { response_timeout: limit, ..options(&format!("http://{upstream}")) };
        let gate = gate_with(&options, Arc::clone(&instance)).await;
        let mut waits = Raw::to(gate.address).await;
        let method = if limit > PATIENCE { "GET" } else { "POST" };
        waits.send(format!("{method} /silent?secret HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")).await;
        Permits(&instance).become_(1).await;
        let leaves = async {
            if limit > PATIENCE {
                while instance.draining().is_empty() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                drop(waits);
            } else {
                assert!(waits.answer().await.0.starts_with("http/1.1 504"));
            }
        };
        let receipt = receipt(store, leaves).await;
        assert_eq!(receipt.verdict, Verdict::Forced, "{limit:?}: {receipt:#?}");
        let cut: Vec<_> = receipt.cut.iter().map(|cut| cut.request.path.as_str()).collect();
        assert_eq!(cut, ["/silent"]);
        assert_eq!((instance.cuts().1, instance.running()), (1, 0), "once");
    }
}

#[tokio::test]
async fn what_ended_before_the_closing_or_reached_nobody_is_not_cut() {
    let app = Router::new().route("/silent", get(std::future::pending::<()>));
    let (upstream, nowhere) = (upstream(app).await, nowhere().await);
    let store = Arc::new(MemoryStore::new());
    let instance = Instance::join(store.clone(), Joining::default()).await;
    let gate = gate_with(&options(&format!("http://{upstream}")), Arc::clone(&instance)).await;
    let mut leaves = Raw::to(gate.address).await;
    leaves.send("GET /silent HTTP/1.1\r\nhost: a\r\n\r\n").await;
    Permits(&instance).become_(1).await;
    drop(leaves);
    Permits(&instance).become_(0).await;
    let empty = gate_with(&options(&format!("http://{nowhere}")), Arc::clone(&instance)).await;
    let unreachable = async {
        let mut unreachable = Raw::to(empty.address).await;
        unreachable.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(unreachable.answer().await.0.starts_with("http/1.1 502"));
    };
    unreachable.await;
    let receipt = receipt(store, std::future::ready(())).await;
    assert_eq!((receipt.verdict, receipt.cut.len()), (Verdict::Confirmed, 0), "{receipt:#?}");
}

/// Code 1012: the service restarts, come back later.
fn is_farewell(last: &Option<Result<Message, Error>>) -> bool {
    matches!(last, Some(Ok(Message::Close(Some(CloseFrame { code: CloseCode::Restart, .. })))))
}

/// A site whose `/live` is what `speak` makes of the stream once it is a WebSocket's, and a client of it.
async fn tunnel<F>(speak: fn(TokioIo<hyper::upgrade::Upgraded>) -> F) -> (Arc<Instance>, Control, Socket)
where
    F: Future<Output = ()> + Send + 'static,
{
    let app = Router::new().route(
        "/live",
        any(move |mut request: Request| async move {
            let key = request.headers()["sec-websocket-key"].clone();
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move { speak(TokioIo::new(upgrade.await.unwrap())).await });
            let fields = [
                ("connection", "upgrade".to_owned()),
                ("upgrade", "websocket".to_owned()),
                ("sec-websocket-accept", derive_accept_key(key.as_bytes())),
            ];
            (StatusCode::SWITCHING_PROTOCOLS, fields)
        }),
    );
    let store = Arc::new(MemoryStore::new());
    let instance = Instance::join(store.clone(), Joining::default()).await;
    let address = upstream(app).await;
    let gate = gate_with(&options(&format!("http://{address}")), Arc::clone(&instance)).await;
    let socket = connect(gate.address).await.unwrap();
    (instance, Control::new(store, "ann"), socket)
}

type Socket = WebSocketStream<TcpStream>;

/// Whether the upstream has heard the client's own close frame.
static ANSWERED: AtomicBool = AtomicBool::new(false);

#[tokio::test]
async fn a_message_that_has_begun_is_finished_before_the_farewell() {
    let (instance, control, mut socket) = tunnel(|stream| async {
        let mut stream = stream;
        stream.write_all(b"\x81\x0ahalf ").await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        stream.write_all(b"\x20wait\x81\x03not").await.unwrap();
        // What the client says last reaches the upstream: a close frame, masked.
        let mut heard = [0; 2];
        stream.read_exact(&mut heard).await.unwrap();
        ANSWERED.store(heard == [0x88, 0x82], Ordering::Relaxed);
    })
    .await;
    let window = Window::new(Mode::On).cut_after(Duration::from_millis(300));
    control.begin(&Host::any(), window).await.unwrap();
    let mut said = Vec::new();
    while let Ok(Some(message)) = timeout(PATIENCE, socket.next()).await {
        said.push(Some(message));
        if said.len() == 2 {
            break;
        }
    }
    assert!(matches!(&said[0], Some(Ok(Message::Text(text))) if text.as_str() == "half  wait"), "{said:?}");
    assert!(is_farewell(&said[1]), "{said:?}");
    // tungstenite has answered; the upstream closes, and so does everything.
    assert!(timeout(PATIENCE, socket.next()).await.unwrap().is_none());
    timeout(PATIENCE, instance.drained()).await.unwrap();
    assert!(ANSWERED.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_client_that_answers_no_farewell_is_cut_off() {
    let (instance, control, socket) = tunnel(|stream| async {
        let (mut stream, mut heard) = (stream, Vec::new());
        let _ = stream.read_to_end(&mut heard).await;
    })
    .await;
    let window = Window::new(Mode::On).cut_after(Duration::from_millis(100));
    control.begin(&Host::any(), window).await.unwrap();
    // It reads nothing, and so answers nothing.
    timeout(PATIENCE, instance.drained()).await.unwrap();
    drop(socket);
}

/// The requests that run behind a door.
pub(crate) struct Permits<'a>(pub(crate) &'a Instance);

// === impl Permits ===

impl Permits<'_> {
    pub(crate) async fn become_(&self, many: usize) {
        let begun = std::time::Instant::now();
        while self.0.running() != many {
            assert!(begun.elapsed() < PATIENCE, "{} requests run, not {many}", self.0.running());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
