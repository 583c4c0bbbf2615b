//! What becomes of a request whose visitor leaves before the upstream has answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::any;
use backsoon::control::Outcome as Change;
use backsoon::join::Options as Joining;
use backsoon::receipt::{Expect, Late, Receipt, Verdict};
use backsoon::store::MemoryStore;
use backsoon::{Control, Host, Instance, Mode, Window};
use backsoon_cli::serve::{Options, Outcome};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::cut::Permits;
use crate::support::{PATIENCE, Raw, Running, gate_with, h2c, options, upstream};

/// An application that works until it may answer.
#[derive(Clone)]
struct Work {
    begun: Arc<Semaphore>,
    may_end: Arc<Semaphore>,
    ended: Arc<AtomicUsize>,
}

/// A gate before it, in a fleet of its own.
struct Stage {
    work: Work,
    instance: Arc<Instance>,
    control: Control,
    gate: Running,
}

// === impl Work ===

impl Work {
    fn app() -> (Self, Router) {
        let none = || Arc::new(Semaphore::new(0));
        let work = Work { begun: none(), may_end: none(), ended: Arc::default() };
        let answer = async |State(work): State<Work>, _whole: Bytes| {
            work.begun.add_permits(1);
            // In a task of its own: the application goes on though its visitor has gone.
            let task = work.clone();
            let worked = tokio::spawn(async move {
                task.may_end.acquire().await.unwrap().forget();
                task.ended.fetch_add(1, Ordering::SeqCst);
            });
            worked.await.unwrap();
            "done"
        };
        let app = Router::new().route("/checkout", any(answer)).with_state(work.clone());
        (work, app)
    }
}

// === impl Stage ===

impl Stage {
    async fn new(scheme: &str, more: impl FnOnce(&mut Options)) -> Self {
        let (work, app) = Work::app();
        let mut options = options(&format!("{scheme}://{}", upstream(app).await));
        more(&mut options);
        let store = Arc::new(MemoryStore::new());
        let instance = Instance::join(store.clone(), Joining::default()).await;
        let gate = gate_with(&options, Arc::clone(&instance)).await;
        Stage { work, instance, control: Control::new(store, "ann"), gate }
    }

    /// A request has reached the application, and counts once.
    async fn is_at_work(&self) {
        timeout(PATIENCE, self.work.begun.acquire()).await.unwrap().unwrap().forget();
        assert_eq!(self.instance.running(), 1);
    }

    async fn close(&self, window: Window) -> backsoon::State {
        let Change::Written(state) = self.control.begin(&Host::any(), window).await.unwrap() else {
            panic!("new")
        };
        state
    }

    async fn receipt(&self, state: &backsoon::State, patience: Duration) -> Receipt {
        let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
        self.control.wait(state, &expect, patience, |_| {}).await.unwrap()
    }

    /// It is waited for by name, and confirmed when the application is done.
    async fn is_waited_for(&self, state: &backsoon::State, method: &str) {
        let receipt = self.receipt(state, Duration::from_millis(300)).await;
        assert_eq!(receipt.verdict, Verdict::NotConfirmed, "{receipt:#?}");
        let Some(Late::Draining { requests: 1, oldest: Some(oldest) }) = &receipt.servers[0].late else {
            panic!("{receipt:#?}")
        };
        assert_eq!((oldest.method.as_str(), oldest.path.as_str()), (method, "/checkout"));
        self.work.may_end.add_permits(1);
        let receipt = self.receipt(state, PATIENCE).await;
        assert_eq!((receipt.verdict, receipt.cut.len()), (Verdict::Confirmed, 0), "{receipt:#?}");
        assert_eq!(self.work.ended.load(Ordering::SeqCst), 1);
        assert_eq!(self.instance.running(), 0);
    }
}

/// Sends a request and leaves when the application has it.
async fn leaves(stage: &Stage, request: &str) {
    let mut visitor = Raw::to(stage.gate.address).await;
    visitor.send(request).await;
    stage.is_at_work().await;
    drop(visitor);
}

/// Lets the gate find out that somebody has gone.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

const CHECKOUT: &str = "POST /checkout?secret HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn what_writes_goes_on_when_its_visitor_has_left_and_a_later_closing_waits_for_it() {
    let chunked =
        "PATCH /checkout HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let empty = "DELETE /checkout HTTP/1.1\r\nhost: a\r\n\r\n";
    for scheme in ["http", "h2c"] {
        for request in [CHECKOUT, chunked, empty] {
            let stage = Stage::new(scheme, |_| {}).await;
            leaves(&stage, request).await;
            a_moment().await;
            assert_eq!(stage.instance.running(), 1, "{scheme} {request}");
            let state = stage.close(Window::new(Mode::On)).await;
            stage.is_waited_for(&state, request.split(' ').next().unwrap()).await;
        }
    }
}

#[tokio::test]
async fn a_stream_of_http_2_that_is_cancelled_is_waited_for_as_well() {
    let stage = Stage::new("http", |_| {}).await;
    let client = h2c(stage.gate.address).await;
    let request = http::Request::post("http://a/checkout").body(Body::from("hello")).unwrap();
    let asking = tokio::spawn(async move { client.clone().send_request(request).await.map(drop) });
    stage.is_at_work().await;
    asking.abort();
    a_moment().await;
    let state = stage.close(Window::new(Mode::On)).await;
    stage.is_waited_for(&state, "POST").await;
}

#[tokio::test]
async fn what_writes_is_waited_for_when_its_visitor_leaves_during_the_closing() {
    let stage = Stage::new("http", |_| {}).await;
    let mut visitor = Raw::to(stage.gate.address).await;
    visitor.send(CHECKOUT).await;
    stage.is_at_work().await;
    let state = stage.close(Window::new(Mode::On)).await;
    while stage.instance.draining().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(visitor);
    a_moment().await;
    stage.is_waited_for(&state, "POST").await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_given_up_and_what_reads_is_too() {
    let stage = Stage::new("http", |_| {}).await;
    for part in [
        "POST /checkout HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello",
        "POST /checkout HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
    ] {
        let mut visitor = Raw::to(stage.gate.address).await;
        visitor.send(part).await;
        Permits(&stage.instance).become_(1).await;
        a_moment().await;
        drop(visitor);
        Permits(&stage.instance).become_(0).await;
    }
    assert_eq!(stage.work.begun.available_permits(), 0, "the application has had no whole request");
    leaves(&stage, "GET /checkout HTTP/1.1\r\nhost: a\r\n\r\n").await;
    Permits(&stage.instance).become_(0).await;
}

#[tokio::test]
async fn a_window_that_cuts_ends_what_goes_on_without_its_visitor() {
    let stage = Stage::new("http", |_| {}).await;
    leaves(&stage, CHECKOUT).await;
    a_moment().await;
    let state = stage.close(Window::new(Mode::On).cut_after(Duration::from_millis(300))).await;
    is_forced(&stage.receipt(&state, PATIENCE).await);
    assert_eq!((stage.instance.running(), stage.instance.cuts().1), (0, 1));
}

#[tokio::test]
async fn what_goes_on_without_its_visitor_ends_by_the_response_timeout_and_is_told_as_cut() {
    let stage = Stage::new("http", |options| options.response_timeout = Duration::from_secs(2)).await;
    leaves(&stage, CHECKOUT).await;
    let state = stage.close(Window::new(Mode::On)).await;
    is_forced(&stage.receipt(&state, PATIENCE).await);
    assert_eq!((stage.instance.running(), stage.instance.cuts().1), (0, 1));
}

#[tokio::test]
async fn a_gate_that_stops_waits_for_it_within_its_limit() {
    let stage = Stage::new("http", |_| {}).await;
    leaves(&stage, CHECKOUT).await;
    a_moment().await;
    stage.gate.shutdown.stop();
    a_moment().await;
    assert!(!stage.gate.ended.is_finished());
    stage.work.may_end.add_permits(1);
    assert_eq!(timeout(PATIENCE, stage.gate.ended).await.unwrap().unwrap(), Outcome::Drained);

    let stage = Stage::new("http", |options| options.drain_limit = Duration::from_millis(300)).await;
    leaves(&stage, CHECKOUT).await;
    a_moment().await;
    stage.gate.shutdown.stop();
    assert_eq!(timeout(PATIENCE, stage.gate.ended).await.unwrap().unwrap(), Outcome::Cut(1));
    assert_eq!(stage.instance.running(), 0);
}

#[tokio::test]
async fn whoever_stays_gets_the_answer() {
    let stage = Stage::new("http", |_| {}).await;
    let mut visitor = Raw::to(stage.gate.address).await;
    for _ in 0..2 {
        visitor.send(CHECKOUT).await;
        stage.is_at_work().await;
        stage.work.may_end.add_permits(1);
        assert_eq!(visitor.answer().await.1, "done");
        Permits(&stage.instance).become_(0).await;
    }
}

fn is_forced(receipt: &Receipt) {
    assert_eq!(receipt.verdict, Verdict::Forced, "{receipt:#?}");
    let cut: Vec<_> = receipt.cut.iter().map(|cut| (&*cut.request.method, &*cut.request.path)).collect();
    assert_eq!(cut, [("POST", "/checkout")]);
}
