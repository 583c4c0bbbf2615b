//! HTTP/1.1 on both sides.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::routing::{any, get, post};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;

use crate::support::{Raw, ask, gate, gate_before, options, scripted, upstream};

fn echo() -> Router {
    Router::new().fallback(any(|method: Method, uri: Uri, body: Bytes| async move {
        format!("{method} {uri} {}", String::from_utf8_lossy(&body))
    }))
}

#[tokio::test]
async fn requests_and_answers_pass_unchanged() {
    let gate = gate_before(upstream(echo()).await).await;
    let mut client = Raw::to(gate.address).await;
    client.send("GET /a/%2F/../b;c?d=%20&e HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (head, body) = client.answer().await;
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert_eq!(body, "GET /a/%2F/../b;c?d=%20&e ");
    client.send("POST /p HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello").await;
    assert_eq!(client.answer().await.1, "POST /p hello");
    client.send("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.1, "OPTIONS * ");
    client.send("PURGE /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(client.rest().await.ends_with("PURGE /x "));
}

#[tokio::test]
async fn a_head_answer_has_its_length_and_no_body() {
    let gate = gate_before(upstream(Router::new().route("/", get(|| async { "twelve bytes" }))).await).await;
    let answer = ask(gate.address, "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("content-length: 12\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn an_upload_streams_and_so_does_the_answer() {
    let (seen, mut chunks) = mpsc::unbounded_channel();
    let app = Router::new().route(
        "/",
        post(move |body: Body| async move {
            Body::from_stream(body.into_data_stream().map(move |chunk| {
                let chunk = chunk.unwrap();
                seen.send(chunk.clone()).unwrap();
                Ok::<_, Infallible>(chunk)
            }))
        }),
    );
    let gate = gate_before(upstream(app).await).await;
    let mut client = Raw::to(gate.address).await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
    assert_eq!(chunks.recv().await.unwrap(), "first");
    let head = client.until("5\r\nfirst\r\n").await.unwrap().to_ascii_lowercase();
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    client.send("6\r\nsecond\r\n0\r\n\r\n").await;
    assert_eq!(client.until("0\r\n\r\n").await.unwrap(), "6\r\nsecond\r\n0\r\n\r\n");
}

#[tokio::test]
async fn server_sent_events_arrive_one_by_one() {
    let (events, source) = mpsc::unbounded_channel::<&'static str>();
    let source = Arc::new(Mutex::new(Some(source)));
    let app = Router::new().route(
        "/",
        get(move || async move {
            let source = source.lock().await.take().unwrap();
            let stream = futures_util::stream::unfold(source, |mut source| async move {
                source.recv().await.map(|event| (Ok::<_, Infallible>(event), source))
            });
            ([("content-type", "text/event-stream")], Body::from_stream(stream))
        }),
    );
    let gate = gate_before(upstream(app).await).await;
    let mut client = Raw::to(gate.address).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    for event in ["data: one\n\n", "data: two\n\n"] {
        events.send(event).unwrap();
        assert!(client.until(event).await.is_some());
    }
    drop(events);
    assert!(client.until("0\r\n\r\n").await.is_some());
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let gate = gate_before(upstream(echo()).await).await;
    let mut client = Raw::to(gate.address).await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n").await;
    assert_eq!(client.until("\r\n\r\n").await.unwrap(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok").await;
    assert_eq!(client.answer().await.1, "POST / ok");
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let answer = b"HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n\
        2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n";
    let (address, mut heads) = scripted(answer).await;
    let gate = gate_before(address).await;
    let mut client = Raw::to(gate.address).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te\r\n\r\n").await;
    assert!(heads.recv().await.unwrap().contains("te: trailers\r\n"));
    let seen = client.until("x-sum: 7\r\n\r\n").await.unwrap();
    assert!(seen.contains("trailer: x-sum\r\n"), "{seen}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gate = gate_before(listener.local_addr().unwrap()).await;
    let mut client = Raw::to(gate.address).await;
    client
        .send(
            "POST / HTTP/1.1\r\nhost: a\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n\
            2\r\nhi\r\n0\r\nx-sum: 8\r\n\r\n",
        )
        .await;
    let mut upstream = Raw::over(listener.accept().await.unwrap().0);
    assert!(upstream.until("0\r\nx-sum: 8\r\n\r\n").await.is_some());
}

#[tokio::test]
async fn an_http_1_0_upstream_does_not_end_the_clients_connection() {
    let (address, _heads) = scripted(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let gate = gate_before(address).await;
    let mut client = Raw::to(gate.address).await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let (head, body) = client.answer().await;
        assert!(head.starts_with("http/1.1 200 ok"), "{head}");
        assert_eq!(body, "ok");
    }
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_its_connection() {
    let (address, _heads) = scripted(b"HTTP/1.1 200 OK\r\n\r\nuntil the end").await;
    let gate = gate_before(address).await;
    let answer = ask(gate.address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("until the end"), "{answer}");
    let old = ask(gate.address, "GET / HTTP/1.0\r\nhost: a\r\n\r\n").await;
    assert!(old.ends_with("\r\n\r\nuntil the end"), "{old}");
}

#[tokio::test]
async fn a_get_with_a_chunked_body_keeps_it() {
    let gate = gate_before(upstream(echo()).await).await;
    let mut client = Raw::to(gate.address).await;
    client
        .send("GET /s HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.1, "GET /s abc");
}

#[tokio::test]
async fn long_fields_pass_up_to_the_limit() {
    let size =
        |headers: HeaderMap| async move { headers.get("x-long").map_or(0, |long| long.len()).to_string() };
    let gate = gate_before(upstream(Router::new().route("/", get(size))).await).await;
    let mut client = Raw::to(gate.address).await;
    let long = "x".repeat(40_000);
    client.send(format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {long}\r\n\r\n")).await;
    assert_eq!(client.answer().await.1, "40000");
    let long = "x".repeat(200_000);
    // It is refused before it is read to the end, so the sending may fail.
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {long}\r\n\r\n");
    let mut client = Raw::to(gate.address).await;
    let _ = client.stream.write_all(request.as_bytes()).await;
    let answer = client.rest().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    client = Raw::to(gate.address).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.1, "0");
}

/// Two readings of where a message ends are one request too many (RFC 9112 §11.2).
#[tokio::test]
async fn messages_with_two_ends_are_refused() {
    let gate = gate_before(upstream(echo()).await).await;
    for ambiguous in [
        "content-length: 3\r\ncontent-length: 5\r\n\r\nabcde",
        "content-length: +3\r\n\r\nabc",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "x\0y: 1\r\n\r\n",
    ] {
        let answer = ask(gate.address, format!("POST / HTTP/1.1\r\nhost: a\r\n{ambiguous}")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{ambiguous:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{ambiguous:?}: {answer}");
    }
}

#[tokio::test]
async fn a_length_beside_chunks_smuggles_nothing() {
    let (address, mut heads) = scripted(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let gate = gate_before(address).await;
    let mut client = Raw::to(gate.address).await;
    let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    let length = smuggled.len();
    client
        .send(format!(
            "POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n{smuggled}"
        ))
        .await;
    let (answer, _) = client.answer().await;
    if answer.starts_with("http/1.1 400") {
        assert!(heads.try_recv().is_err(), "a refused request reached the upstream");
        return;
    }
    // What reaches the upstream has one reading: the chunks, and no length beside them.
    let head = heads.recv().await.unwrap().to_ascii_lowercase();
    assert!(head.starts_with("post /first ") && !head.contains("content-length"), "{head}");
}

#[tokio::test]
async fn a_body_that_nobody_wanted_does_not_end_the_connection() {
    let app = Router::new()
        .route("/refuse", post(|| async { (StatusCode::PAYLOAD_TOO_LARGE, "no") }))
        .route("/", get(|| async { "next" }));
    let gate = gate_before(upstream(app).await).await;
    let mut client = Raw::to(gate.address).await;
    let body = "x".repeat(300_000);
    client.send(format!("POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len())).await;
    let (head, _) = client.answer().await;
    assert!(head.starts_with("http/1.1 413"), "{head}");
    client.send(body).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.1, "next");
}

#[tokio::test]
async fn who_sends_no_head_is_let_go() {
    let mut options = options(&format!("http://{}", upstream(echo()).await));
    options.header_timeout = Duration::from_millis(300);
    let gate = gate(&options).await;
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost:"] {
        let mut client = Raw::to(gate.address).await;
        client.send(beginning).await;
        // `rest` fails unless the gate closes the connection.
        let answer = client.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{beginning:?}: {answer}");
    }
}

/// Slow is not silent: while a request runs its connection stays; when none has begun for too long it is closed.
#[tokio::test]
async fn a_connection_is_kept_while_something_happens_on_it() {
    let slow = async || {
        let pieces = futures_util::stream::unfold(0, |n| async move {
            sleep(Duration::from_millis(1000)).await;
            (n < 2).then_some((Ok::<_, Infallible>("."), n + 1))
        });
        Body::from_stream(pieces)
    };
    let mut options = options(&format!("http://{}", upstream(echo().route("/slow", get(slow))).await));
    options.header_timeout = Duration::from_millis(400);
    let gate = gate(&options).await;
    let mut client = Raw::to(gate.address).await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab").await;
    sleep(Duration::from_millis(1000)).await;
    client.send("cd").await;
    assert_eq!(client.answer().await.1, "POST / abcd");
    client.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(client.until("0\r\n\r\n").await.unwrap().ends_with("1\r\n.\r\n1\r\n.\r\n0\r\n\r\n"));
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_connection_that_the_upstream_has_closed_costs_no_request() {
    let (address, mut heads) = scripted(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let gate = gate_before(address).await;
    let mut client = Raw::to(gate.address).await;
    for n in 0..20 {
        client.send(format!("GET /{n} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        assert_eq!(client.answer().await.1, "ok");
        assert!(heads.recv().await.unwrap().starts_with(&format!("GET /{n} ")));
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn requests_sent_in_a_row_are_answered_in_order() {
    let gate = gate_before(upstream(echo()).await).await;
    let mut client = Raw::to(gate.address).await;
    let many: String = (0..50).map(|n| format!("GET /{n} HTTP/1.1\r\nhost: a\r\n\r\n")).collect();
    client.send(many).await;
    for n in 0..50 {
        assert_eq!(client.answer().await.1, format!("GET /{n} "));
    }
}
