//! How a gate ends: nothing new, everything begun.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use backsoon_cli::serve::Outcome;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{PATIENCE, Raw, gate, gate_before, h2c, options, upstream};

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
