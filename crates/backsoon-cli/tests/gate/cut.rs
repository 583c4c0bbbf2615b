//! What still runs when a window's time for it is over: answers, bodies and tunnels end, and the receipt names them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use backsoon::control::Outcome as Change;
use backsoon::join::Options as Joining;
use backsoon::receipt::{Expect, Verdict};
use backsoon::store::MemoryStore;
use backsoon::{Control, Host, Instance, Mode, Window};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{PATIENCE, Raw, gate_with, options, upstream};
use crate::websocket::{connect, echo, says};

/// Half a body, and then nothing more.
async fn endless() -> Body {
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
    assert!(!matches!(last, Some(Ok(Message::Text(_)))), "{last:?}");
    assert!(instance.draining().is_empty());
}

/// The requests that run behind a door.
struct Permits<'a>(&'a Instance);

// === impl Permits ===

impl Permits<'_> {
    async fn become_(&self, many: usize) {
        let begun = std::time::Instant::now();
        while self.0.running() != many {
            assert!(begun.elapsed() < PATIENCE, "{} requests run, not {many}", self.0.running());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
