//! What visitors see when there is no upstream to answer them.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use backsoon_cli::serve::{Gate, Options};
use tokio::net::TcpListener;

use crate::support::{Raw, ask, gate, gate_before, nowhere, options, scripted, upstream};

#[tokio::test]
async fn an_upstream_that_is_down_is_a_clean_page_in_the_wanted_form() {
    let down = nowhere().await;
    let gate = gate_before(down).await;
    for (accept, kind, piece) in [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8", "<h1>Bad Gateway</h1>"),
        ("application/json", "application/problem+json", "\"status\":502"),
        ("*/*", "text/plain; charset=utf-8", "502 Bad Gateway\n"),
    ] {
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
        let answer = ask(gate.address, request).await;
        assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer}");
        assert!(answer.contains(&format!("content-type: {kind}\r\n")), "{answer}");
        assert!(answer.contains("cache-control: no-store\r\n"), "{answer}");
        assert!(answer.contains(piece), "{answer}");
        assert!(!answer.contains(&down.port().to_string()), "the inside shows: {answer}");
    }
}

#[tokio::test]
async fn the_connection_outlives_the_failure() {
    let gate = gate_before(nowhere().await).await;
    let mut client = Raw::to(gate.address).await;
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody").await;
        assert!(client.answer().await.0.starts_with("http/1.1 502"));
    }
    let (garbage, _heads) = scripted(b"this is no HTTP\r\n\r\n").await;
    let gate = gate_before(garbage).await;
    let mut client = Raw::to(gate.address).await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(client.answer().await.0.starts_with("http/1.1 502"));
    }
    let (unasked, _heads) =
        scripted(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n").await;
    let gate = gate_before(unasked).await;
    assert!(
        ask(gate.address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 502")
    );
}

#[tokio::test]
async fn an_upstream_that_stays_silent_is_a_504() {
    // It accepts (the kernel does) and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = options(&format!("http://{}", silent.local_addr().unwrap()));
    options.response_timeout = Duration::from_millis(300);
    let gate = gate(&options).await;
    let answer = ask(gate.address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"), "{answer}");
    assert!(answer.contains("cache-control: no-store\r\n"), "{answer}");
}

#[tokio::test]
async fn a_slow_upload_and_a_slow_download_are_not_silence() {
    let slow = async || {
        let pieces = futures_util::stream::unfold(0, |n| async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            (n < 5).then_some((Ok::<_, std::convert::Infallible>("."), n + 1))
        });
        axum::body::Body::from_stream(pieces)
    };
    let app = Router::new()
        .route("/up", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/down", get(slow));
    let mut options = options(&format!("http://{}", upstream(app).await));
    options.response_timeout = Duration::from_millis(600);
    let gate = gate(&options).await;
    let mut client = Raw::to(gate.address).await;
    client.send("POST /up HTTP/1.1\r\nhost: a\r\ncontent-length: 12\r\n\r\n").await;
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        client.send("x").await;
    }
    assert_eq!(client.answer().await.1, "12");
    client.send("GET /down HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(client.until("0\r\n\r\n").await.unwrap().ends_with("1\r\n.\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn what_a_gate_does_not_do_is_said() {
    let gate = gate_before(nowhere().await).await;
    for (request, status) in [
        ("CONNECT other.example:443 HTTP/1.1\r\nhost: other.example:443\r\n\r\n", "501"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n", "400"),
        ("GET http://me@a/ HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
    ] {
        let mut client = Raw::to(gate.address).await;
        client.send(request).await;
        let head = client.answer().await.0;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{request:?}: {head}");
    }
}

#[tokio::test]
async fn a_gate_that_cannot_begin_says_why() {
    let refused = async |options: &Options| Gate::bind(options).await.err().map(|error| format!("{error:#}"));
    let none = Options { upstream: None, ..options("http://a") };
    let why = refused(&none).await.unwrap();
    assert!(why.contains("--upstream http://") && why.contains("--auth "), "{why}");
    let mut nobody = none.clone();
    nobody.auth.listen = Some("127.0.0.1:0".parse().unwrap());
    assert!(refused(&nobody).await.unwrap().contains("--trusted-proxy "), "else anybody could ask");
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr();
    let holder = TcpListener::bind(taken.unwrap()).await.unwrap();
    let busy = Options { listen: holder.local_addr().unwrap(), ..options("http://a") };
    assert!(refused(&busy).await.unwrap().contains("--listen"));
    let missing =
        backsoon_cli::serve::options::Tls { cert: "/nonexistent.pem".into(), key: "/nonexistent.key".into() };
    let tls = Options { tls: Some(missing), ..options("http://a") };
    assert!(refused(&tls).await.unwrap().contains("/nonexistent.pem holds no certificate"));
}
