//! The door in front of the upstreams: what a closing means on the wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State as Shared};
use axum::routing::{any, get};
use backsoon::time::Timestamp;
use backsoon::{Host, Instance, Marks, Mode, State, Window};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::support::{PATIENCE, Raw, Running, fetch, gate_with, h2c, options, upstream};
use crate::websocket::{connect, echo, says};

/// An instance and the State that it was last told.
pub(crate) struct Switch {
    pub(crate) instance: Arc<Instance>,
    state: Mutex<State>,
}

impl Switch {
    pub(crate) fn new() -> Self {
        Switch { instance: Instance::new(Default::default(), Marks::new()), state: Mutex::new(State::new()) }
    }

    pub(crate) fn turn(&self, mode: Mode) {
        self.edit(|state| {
            state.default.windows.clear();
            if mode > Mode::Off {
                state.default.windows.push(Window::new(mode));
            }
        });
    }

    pub(crate) fn edit(&self, edit: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        edit(&mut state);
        state.revision += 1;
        assert_eq!(self.instance.apply(&state, Timestamp::now()), backsoon::instance::Applied::Now);
    }
}

async fn gate(to: SocketAddr, switch: &Switch) -> Running {
    gate_with(&options(&format!("http://{to}")), Arc::clone(&switch.instance)).await
}

/// An upstream that says "open", and how often it was called.
async fn counting() -> (SocketAddr, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let app = Router::new().fallback(any(move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        "open"
    }));
    (upstream(app).await, calls)
}

#[tokio::test]
async fn a_closed_gate_does_not_touch_the_upstream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let switch = Switch::new();
    switch.turn(Mode::On);
    let gate = gate(listener.local_addr().unwrap(), &switch).await;
    let mut client = Raw::to(gate.address).await;
    for method in ["GET", "POST", "DELETE", "OPTIONS", "PURGE"] {
        client.send(format!("{method} /a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi")).await;
        let (head, _) = client.answer().await;
        assert!(head.starts_with("http/1.1 503") && head.contains("cache-control: no-store"), "{head}");
    }
    client.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = client.until("\r\n\r\n").await.unwrap();
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    let client = h2c(gate.address).await;
    let request = http::Request::post("http://a/").body(axum::body::Body::from("hello")).unwrap();
    assert_eq!(fetch(&client, request).await.status(), 503);
    assert!(connect(gate.address).await.is_err());
    let nobody = timeout(Duration::from_millis(300), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected to the upstream of a closed gate");
}

#[tokio::test]
async fn a_connection_outlives_a_refused_upload() {
    let (address, calls) = counting().await;
    let switch = Switch::new();
    switch.turn(Mode::On);
    let gate = gate(address, &switch).await;
    let mut client = Raw::to(gate.address).await;
    let refused = async |client: &mut Raw| {
        let (head, _) = client.answer().await;
        assert!(head.starts_with("http/1.1 503") && !head.contains("connection: close"), "{head}");
    };
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nsmall").await;
    refused(&mut client).await;
    // The answer comes before the body was sent; the body follows, and is not taken for a request.
    let body = "GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(20_000);
    client.send(format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len())).await;
    refused(&mut client).await;
    client.send(&body).await;
    client
        .send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nchunk\r\n0\r\n\r\n")
        .await;
    refused(&mut client).await;
    switch.turn(Mode::Off);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.1, "open");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let switch = Switch::new();
    switch.turn(Mode::On);
    let gate = gate(counting().await.0, &switch).await;
    let mut client = Raw::to(gate.address).await;
    client
        .send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n")
        .await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn an_open_tunnel_counts_as_draining_until_it_ends() {
    let switch = Switch::new();
    let gate = gate(upstream(Router::new().route("/live", any(echo))).await, &switch).await;
    let mut socket = connect(gate.address).await.unwrap();
    says(&mut socket, "before".into()).await;
    switch.turn(Mode::On);
    sleep(Duration::from_millis(200)).await;
    says(&mut socket, "during".into()).await;
    assert_eq!(switch.instance.draining().get(&Host::any()), Some(&1));
    drop(socket);
    timeout(PATIENCE, switch.instance.drained()).await.expect("the tunnel's permit is given back");
}

#[tokio::test]
async fn a_streamed_answer_counts_as_draining_until_its_last_byte() {
    let (pieces, source) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
    let source = Arc::new(Mutex::new(Some(source)));
    let app = Router::new().route(
        "/",
        get(move || async move {
            let source = source.lock().unwrap().take().unwrap();
            axum::body::Body::from_stream(futures_util::stream::unfold(source, |mut source| async move {
                source.recv().await.map(|piece| (Ok::<_, std::convert::Infallible>(piece), source))
            }))
        }),
    );
    let switch = Switch::new();
    let gate = gate(upstream(app).await, &switch).await;
    let mut client = Raw::to(gate.address).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    pieces.send("first").unwrap();
    assert!(client.until("first\r\n").await.is_some());
    switch.turn(Mode::On);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(switch.instance.draining().get(&Host::any()), Some(&1));
    pieces.send("last").unwrap();
    drop(pieces);
    assert!(client.until("0\r\n\r\n").await.is_some());
    timeout(PATIENCE, switch.instance.drained()).await.expect("the answer's permit is given back");
}

#[tokio::test]
async fn a_visitor_who_leaves_gives_the_permit_back() {
    let app = Router::new().route("/", get(std::future::pending::<&'static str>));
    let switch = Switch::new();
    let gate = gate(upstream(app).await, &switch).await;
    let mut client = Raw::to(gate.address).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    sleep(Duration::from_millis(200)).await;
    switch.turn(Mode::On);
    assert_eq!(switch.instance.draining().get(&Host::any()), Some(&1));
    drop(client);
    timeout(PATIENCE, switch.instance.drained()).await.expect("the permit is given back");
}

#[tokio::test]
async fn held_requests_reach_the_upstream_after_the_reopening() {
    let (address, calls) = counting().await;
    let switch = Switch::new();
    switch.turn(Mode::Hold);
    let gate = gate(address, &switch).await;
    let mut client = Raw::to(gate.address).await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi").await;
    while switch.instance.held() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    switch.turn(Mode::Off);
    assert_eq!(client.answer().await.1, "open");
}

#[tokio::test]
async fn a_read_only_site_takes_no_writes_and_no_tunnels() {
    let (address, calls) = counting().await;
    let switch = Switch::new();
    switch.turn(Mode::ReadOnly);
    let gate = gate(address, &switch).await;
    let mut client = Raw::to(gate.address).await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi").await;
    assert!(client.answer().await.0.starts_with("http/1.1 503"));
    assert!(connect(gate.address).await.is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.1, "open");
}

/// The target's host decides, whatever the field says: the door and the upstream read the same name.
#[tokio::test]
async fn a_closed_host_is_not_reached_under_the_name_of_an_open_one() {
    let (address, calls) = counting().await;
    let switch = Switch::new();
    switch.edit(|state| {
        state.site_mut(&"closed.example".parse().unwrap()).windows.push(Window::new(Mode::On));
    });
    let gate = gate(address, &switch).await;
    for (target, host) in [
        ("/", "closed.example"),
        ("/", "CLOSED.example:80"),
        ("/", "closed.example."),
        ("http://closed.example/", "open.example"),
    ] {
        let mut client = Raw::to(gate.address).await;
        client.send(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        let (head, _) = client.answer().await;
        assert!(head.starts_with("http/1.1 503"), "{target} {host}: {head}");
    }
    let mut client = Raw::to(gate.address).await;
    client.send("GET / HTTP/1.1\r\nhost: open.example\r\nhost: closed.example\r\n\r\n").await;
    assert!(client.answer().await.0.starts_with("http/1.1 400"));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

/// What the upstream has seen, by the number that each request carries.
type Seen = Arc<Mutex<BTreeMap<usize, usize>>>;

/// Twenty closings while clients never pause: every request gets exactly one answer, what was refused was not seen
/// by the upstream, what was answered was seen once, and once drained nothing arrives until the reopening.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_closings_under_load_leak_nothing_and_lose_nothing() {
    let seen = Seen::default();
    let app = Router::new()
        .route(
            "/{number}",
            any(|Shared(seen): Shared<Seen>, Path(number): Path<usize>| async move {
                *seen.lock().unwrap().entry(number).or_default() += 1;
                sleep(Duration::from_millis(number as u64 % 4)).await;
                "open"
            }),
        )
        .with_state(Arc::clone(&seen));
    let switch = Arc::new(Switch::new());
    let gate = gate(upstream(app).await, &switch).await;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let number = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (stop, number, address) = (Arc::clone(&stop), Arc::clone(&number), gate.address);
            tokio::spawn(async move {
                let mut answers = Vec::new();
                let mut client = Raw::to(address).await;
                while !stop.load(Ordering::Relaxed) {
                    let number = number.fetch_add(1, Ordering::Relaxed);
                    let head =
                        format!("POST /{number} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello");
                    client.send(head).await;
                    let (head, body) = client.answer().await;
                    let status = head.split(' ').nth(1).unwrap().to_owned();
                    assert!(status != "200" || body == "open", "{head}");
                    answers.push((number, status));
                }
                answers
            })
        })
        .collect();
    let total = || seen.lock().unwrap().values().sum::<usize>();
    for _ in 0..20 {
        sleep(Duration::from_millis(20)).await;
        switch.turn(Mode::On);
        timeout(PATIENCE, switch.instance.drained()).await.expect("it drains");
        let when_drained = total();
        sleep(Duration::from_millis(10)).await;
        assert_eq!(total(), when_drained, "a request arrived after the gate said that it had drained");
        switch.turn(Mode::Off);
    }
    stop.store(true, Ordering::Relaxed);
    let answers = futures_util::future::join_all(clients).await;
    let seen = seen.lock().unwrap().clone();
    let (mut passed, mut refused) = (0, 0);
    for answers in answers {
        for (number, status) in answers.unwrap() {
            match status.as_str() {
                "200" => {
                    assert_eq!(seen.get(&number), Some(&1), "{number} was answered");
                    passed += 1;
                }
                "503" => {
                    assert_eq!(seen.get(&number), None, "{number} was refused");
                    refused += 1;
                }
                other => panic!("request {number} was lost: {other}"),
            }
        }
    }
    assert!(passed > 100 && refused > 100, "passed {passed}, refused {refused}: no load, no proof");
}
