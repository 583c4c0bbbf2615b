//! How a gate ends: nothing new, everything begun.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get};
use backsoon::control::Outcome as Change;
use backsoon::fleet::{Report, Roster};
use backsoon::join::Options as Joining;
use backsoon::receipt::{Expect, Verdict};
use backsoon::store::MemoryStore;
use backsoon::{Control, Host, Instance, Mode, Window};
use backsoon_cli::serve::Outcome;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::cut::{Permits, endless};
use crate::support::{PATIENCE, Raw, gate, gate_before, gate_with, h2c, options, upstream};
use crate::websocket::{connect, echo, says};

fn slow(millis: u64) -> Router {
    let slow = move || async move {
        sleep(Duration::from_millis(millis)).await;
        "slept"
    };
    Router::new().route("/slow", get(slow)).route("/", get(|| async { "quick" }))
}

#[tokio::test]
async fn running_requests_finish_and_nothing_new_begins() {
    let gate = gate_before(upstream(slow(700)).await).await;
    let mut busy = Raw::to(gate.address).await;
    busy.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut idle = Raw::to(gate.address).await;
    idle.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(idle.answer().await.1, "quick");
    let mut fresh = Raw::to(gate.address).await;
    sleep(Duration::from_millis(100)).await;

    gate.shutdown.stop();
    assert_eq!(idle.rest().await, "");
    assert_eq!(fresh.rest().await, "");
    assert!(!gate.ended.is_finished());
    assert!(TcpStream::connect(gate.address).await.is_err());
    let (head, body) = busy.answer().await;
    assert_eq!(body, "slept");
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(timeout(PATIENCE, gate.ended).await.unwrap().unwrap(), Outcome::Drained);
}

#[tokio::test]
async fn an_idle_http_2_connection_does_not_hold_it() {
    let gate = gate_before(upstream(slow(0)).await).await;
    let client = h2c(gate.address).await;
    let request = http::Request::get("http://a/").body(axum::body::Body::empty()).unwrap();
    assert_eq!(crate::support::fetch(&client, request).await.status(), 200);
    gate.shutdown.stop();
    assert_eq!(timeout(PATIENCE, gate.ended).await.unwrap().unwrap(), Outcome::Drained);
}

#[tokio::test]
async fn what_does_not_finish_is_cut_at_the_limit() {
    let mut options = options(&format!("http://{}", upstream(slow(60_000)).await));
    options.drain_limit = Duration::from_millis(300);
    let gate = gate(&options).await;
    let mut busy = Raw::to(gate.address).await;
    busy.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    sleep(Duration::from_millis(100)).await;
    gate.shutdown.stop();
    assert_eq!(timeout(PATIENCE, gate.ended).await.unwrap().unwrap(), Outcome::Cut(1));
    assert_eq!(busy.rest().await, "");
}

#[tokio::test]
async fn a_second_word_ends_it_at_once() {
    let gate = gate_before(upstream(slow(60_000)).await).await;
    let mut busy = Raw::to(gate.address).await;
    busy.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    gate.shutdown.stop();
    gate.shutdown.stop_now();
    assert_eq!(timeout(PATIENCE, gate.ended).await.unwrap().unwrap(), Outcome::Cut(1));
    assert!(began.elapsed() < Duration::from_secs(15), "it waited for its limit");
}

/// Everything that can run, which never ends by itself, behind a gate that stops after half a second.
struct Stage {
    store: Arc<MemoryStore>,
    instance: Arc<Instance>,
    gate: crate::support::Running,
    _visitors: (Raw, Raw, Raw, tokio_tungstenite::WebSocketStream<TcpStream>),
}

impl Stage {
    async fn new() -> Self {
        let silent = any(std::future::pending::<()>);
        let app =
            Router::new().route("/silent", silent).route("/export", get(endless)).route("/live", any(echo));
        let mut options = options(&format!("http://{}", upstream(app).await));
        options.drain_limit = Duration::from_millis(500);
        let store = Arc::new(MemoryStore::new());
        let instance = Instance::join(store.clone(), Joining::default()).await;
        let gate = gate_with(&options, Arc::clone(&instance)).await;
        let sent = async |head: &str| {
            let mut raw = Raw::to(gate.address).await;
            raw.send(format!("{head} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")).await;
            raw
        };
        let (get, post, mut export) =
            (sent("GET /silent?a").await, sent("POST /silent").await, sent("GET /export").await);
        export.until("half").await.expect("the first half of the body");
        let mut socket = connect(gate.address).await.unwrap();
        says(&mut socket, Message::text("hello")).await;
        Permits(&instance).become_(4).await;
        Stage { store, instance, gate, _visitors: (get, post, export, socket) }
    }

    async fn close(&self) -> backsoon::State {
        let control = Control::new(self.store.clone(), "ann");
        let Change::Written(state) = control.begin(&Host::any(), Window::new(Mode::On)).await.unwrap() else {
            panic!("new")
        };
        state
    }

    /// The gate ends at its limit, and leaves.
    async fn ends(&mut self) {
        let ended = timeout(PATIENCE, &mut self.gate.ended).await.unwrap().unwrap();
        assert_eq!(ended, Outcome::Cut(4));
        self.instance.leave().await;
    }

    /// What still stands on the roster.
    async fn last_report(&self) -> Report {
        let roster = Roster::observe(&*self.store, Duration::ZERO).await.unwrap();
        let [member] = &roster.0[..] else { panic!("it has left without a word: {roster:#?}") };
        member.report.clone()
    }
}

fn names(report: &Report) -> Vec<String> {
    let name = |cut: &backsoon::running::Cut| format!("{} {}", cut.request.method, cut.request.path);
    let mut names: Vec<_> = report.cuts.iter().map(name).collect();
    names.sort_unstable();
    names
}

const ALL: [&str; 4] = ["GET /export", "GET /live", "GET /silent", "POST /silent"];

#[tokio::test]
async fn what_the_limit_cuts_stands_in_the_last_report_which_stays() {
    let mut stage = Stage::new().await;
    stage.gate.shutdown.stop();
    stage.ends().await;
    let report = stage.last_report().await;
    assert_eq!(names(&report), ALL);
    assert_eq!(
        (report.cut_total, report.running, report.draining.len()),
        (4, 4, 0),
        "others may be at work on them"
    );
    assert_eq!(report.oldest[&Host::any()].path, "/silent");
    assert_eq!(stage.instance.running(), 0);
    // Nothing is written any more by one who has left.
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(stage.last_report().await.beat, report.beat);
}

#[tokio::test]
async fn a_receipt_of_a_closing_before_or_after_the_signal_is_forced_by_what_the_limit_cuts() {
    for closes_first in [true, false] {
        let mut stage = Stage::new().await;
        if !closes_first {
            stage.gate.shutdown.stop();
        }
        let state = stage.close().await;
        while stage.instance.draining().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        stage.gate.shutdown.stop();
        let control = Control::new(stage.store.clone(), "ann");
        let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
        let waiting = control.wait(&state, &expect, PATIENCE, |_| {});
        let (receipt, ()) = tokio::join!(waiting, stage.ends());
        let receipt = receipt.unwrap();
        assert_eq!((receipt.verdict, receipt.cut.len()), (Verdict::Forced, 4), "{receipt:#?}");
        let report = stage.last_report().await;
        assert_eq!((names(&report), report.cut_total), (ALL.map(String::from).to_vec(), 4));
        assert!(report.cuts.iter().all(|cut| cut.site == Host::any() && cut.revision == state.revision));
    }
}

#[tokio::test]
async fn a_gate_that_has_drained_leaves_no_report() {
    let store = Arc::new(MemoryStore::new());
    let instance = Instance::join(store.clone(), Joining::default()).await;
    let options = options(&format!("http://{}", upstream(slow(300)).await));
    let gate = gate_with(&options, Arc::clone(&instance)).await;
    let mut busy = Raw::to(gate.address).await;
    busy.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    Permits(&instance).become_(1).await;
    gate.shutdown.stop();
    assert_eq!(timeout(PATIENCE, gate.ended).await.unwrap().unwrap(), Outcome::Drained);
    instance.leave().await;
    assert!(Roster::observe(&*store, Duration::ZERO).await.unwrap().0.is_empty());
}
