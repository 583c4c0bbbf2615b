//! HTTP/2 by prior knowledge, on either side.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::routing::{any, post};
use futures_util::StreamExt;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::support::{PATIENCE, Raw, ask, fetch, gate, gate_before, h2c, options, upstream};

fn telling() -> Router {
    Router::new().fallback(any(|request: Request| async move {
        let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
        let authority = request.uri().authority().map(ToString::to_string);
        let (version, path) = (request.version(), request.uri().path().to_owned());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        format!("{version:?} {path} host={host:?} authority={authority:?} body={}", body.len())
    }))
}

/// Answers with the request's body and, as trailers, the trailers that came with it.
async fn mirror(request: Request) -> Body {
    let collected = request.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let body = collected.to_bytes();
    Body::new(StreamBody::new(futures_util::stream::iter([
        Ok::<_, Infallible>(Frame::data(body)),
        Ok(Frame::trailers(trailers)),
    ])))
}

async fn text(body: hyper::body::Incoming) -> String {
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn request(address: impl std::fmt::Display, path: &str) -> http::request::Builder {
    http::Request::builder().uri(format!("http://{address}{path}"))
}

#[tokio::test]
async fn an_http_2_client_reaches_an_http_1_upstream() {
    let gate = gate_before(upstream(telling()).await).await;
    let client = h2c(gate.address).await;
    let answer = fetch(&client, request("shop.example", "/a?b").body(Body::from("hello")).unwrap()).await;
    assert_eq!(answer.version(), Version::HTTP_2);
    assert_eq!(
        text(answer.into_body()).await,
        "HTTP/1.1 /a host=Some(\"shop.example\") authority=None body=5"
    );
}

#[tokio::test]
async fn an_http_2_upstream_sees_the_visitors_host() {
    let gate = gate(&options(&format!("h2c://{}", upstream(telling()).await))).await;
    let told = |path: &str| format!("HTTP/2.0 {path} host=None authority=Some(\"shop.example\") body=0");
    let answer =
        ask(gate.address, "GET /a HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(&told("/a")), "{answer}");
    let client = h2c(gate.address).await;
    let answer = fetch(&client, request("shop.example", "/b").body(Body::empty()).unwrap()).await;
    assert_eq!(text(answer.into_body()).await, told("/b"));
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let gate =
        gate(&options(&format!("h2c://{}", upstream(Router::new().route("/", post(mirror))).await))).await;
    let client = h2c(gate.address).await;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Body::new(StreamBody::new(futures_util::stream::iter([
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"message"))),
        Ok(Frame::trailers(trailers)),
    ])));
    let sent = request("a", "/").method("POST").header("te", "trailers").body(body).unwrap();
    let answer = fetch(&client, sent).await.into_body().collect().await.unwrap();
    assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(answer.to_bytes(), "message");
}

#[tokio::test]
async fn streams_flow_both_ways_at_once() {
    let echo = Router::new().route("/", post(|body: Body| async move { body }));
    let gate = gate(&options(&format!("h2c://{}", upstream(echo).await))).await;
    let client = h2c(gate.address).await;
    let (mut say, words) = words();
    let sent = request("a", "/").method("POST").body(Body::from_stream(words)).unwrap();
    let mut answer = fetch(&client, sent).await.into_body();
    for word in ["ping", "pong"] {
        say(word);
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), word);
    }
    drop(say);
    assert_eq!(answer.collect().await.unwrap().to_bytes(), "");
}

fn words() -> (impl FnMut(&'static str), impl futures_util::Stream<Item = Result<&'static str, Infallible>>) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|word| (Ok(word), receiver))
    });
    (move |word| sender.send(word).unwrap(), stream)
}

#[tokio::test]
async fn an_idle_connection_is_let_go() {
    let mut options = options(&format!("http://{}", upstream(telling()).await));
    options.header_timeout = Duration::from_millis(300);
    let gate = gate(&options).await;
    let client = h2c(gate.address).await;
    let answer = fetch(&client, request("a", "/").body(Body::empty()).unwrap()).await;
    assert!(text(answer.into_body()).await.starts_with("HTTP/1.1 /"));
    let closing = async {
        while !client.is_closed() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, closing).await.expect("the gate closes it");
}

/// A visitor chooses the host; that must not make the gate open connections.
#[tokio::test]
async fn all_hosts_share_one_connection_to_an_http_2_upstream() {
    let address = upstream(telling()).await;
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = counting(address, Arc::clone(&connections), Arc::default()).await;
    let gate = gate(&options(&format!("h2c://{counted}"))).await;
    let client = h2c(gate.address).await;
    futures_util::stream::iter(0..50)
        .for_each_concurrent(None, |n| {
            let client = client.clone();
            async move {
                let sent = request(format!("host{n}"), "/").body(Body::empty()).unwrap();
                let told = text(fetch(&client, sent).await.into_body()).await;
                assert!(told.contains(&format!("authority=Some(\"host{n}\")")), "{told}");
            }
        })
        .await;
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_lost_connection_to_an_http_2_upstream_is_made_again() {
    let address = upstream(telling()).await;
    let connections = Arc::new(AtomicUsize::new(0));
    let cut = Arc::<Notify>::default();
    let relay = counting(address, Arc::clone(&connections), Arc::clone(&cut)).await;
    let gate = gate(&options(&format!("h2c://{relay}"))).await;
    for n in 1..=3 {
        let mut client = Raw::to(gate.address).await;
        client.send("GET /cut HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(client.answer().await.0.starts_with("http/1.1 200"));
        assert_eq!(connections.load(Ordering::SeqCst), n);
        cut.notify_waiters();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A relay that counts its connections, and cuts them when told.
async fn counting(
    to: std::net::SocketAddr,
    connections: Arc<AtomicUsize>,
    cut: Arc<Notify>,
) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            connections.fetch_add(1, Ordering::SeqCst);
            let cut = Arc::clone(&cut);
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(to).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    () = cut.notified() => {}
                }
            });
        }
    });
    address
}
