//! WebSockets: bytes both ways, until one side ends.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{any, get};
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use backsoon_cli::serve::Outcome;

use crate::support::{PATIENCE, Raw, gate, gate_before, options, upstream};

/// Upgrades and sends every message back, until the other side closes.
pub(crate) async fn echo(mut request: Request) -> Response {
    let Some(key) = request.headers().get("sec-websocket-key") else {
        return Response::builder().status(StatusCode::BAD_REQUEST).body(Body::empty()).unwrap();
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if !message.is_close() {
                socket.send(message).await.unwrap();
            }
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", accept)
        .body(Body::empty())
        .unwrap()
}

pub(crate) async fn connect(address: SocketAddr) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (socket, _) = tokio_tungstenite::client_async("ws://shop.example/live", stream).await?;
    Ok(socket)
}

pub(crate) async fn says(socket: &mut WebSocketStream<TcpStream>, message: Message) {
    socket.send(message.clone()).await.unwrap();
    let heard = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(heard, message);
}

#[tokio::test]
async fn messages_pass_both_ways_and_so_does_the_end() {
    for scheme in ["http", "h2c"] {
        let address = upstream(Router::new().route("/live", any(echo))).await;
        let gate = gate(&options(&format!("{scheme}://{address}"))).await;
        let mut socket = connect(gate.address).await.unwrap();
        says(&mut socket, Message::text("hello")).await;
        says(&mut socket, Message::binary(vec![7u8; 300_000])).await;
        socket.close(None).await.unwrap();
        while let Ok(Some(Ok(_))) = timeout(PATIENCE, socket.next()).await {}
        drop(socket);
        gate.shutdown.stop();
        assert_eq!(timeout(PATIENCE, gate.ended).await.unwrap().unwrap(), Outcome::Drained);
    }
}

#[tokio::test]
async fn the_upstream_may_refuse_and_learns_who_asks() {
    let app = Router::new().route(
        "/live",
        get(|headers: HeaderMap| async move {
            let told = |name| {
                headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned())
            };
            let told =
                format!("{:?} {:?} {:?}", told("host"), told("x-forwarded-for"), told("x-forwarded-proto"));
            (StatusCode::FORBIDDEN, told)
        }),
    );
    let gate = gate_before(upstream(app).await).await;
    let Err(Error::Http(answer)) = connect(gate.address).await else { panic!("the handshake was refused") };
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let mut client = Raw::to(gate.address).await;
    client
        .send(
            "GET /live HTTP/1.1\r\nhost: shop.example\r\nconnection: Upgrade, host, x-forwarded-for\r\n\
             upgrade: WebSocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\
             x-forwarded-for: 1.2.3.4\r\n\r\n",
        )
        .await;
    let (head, body) = client.answer().await;
    assert!(head.starts_with("http/1.1 403"), "{head}");
    assert_eq!(body, r#"Some("shop.example") Some("127.0.0.1") Some("http")"#);
}

#[tokio::test]
async fn an_upstream_that_is_down_refuses_the_handshake() {
    let gate = gate_before(crate::support::nowhere().await).await;
    let Err(Error::Http(answer)) = connect(gate.address).await else { panic!("the handshake was refused") };
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_stopping_gate_waits_for_open_tunnels() {
    let gate = gate_before(upstream(Router::new().route("/live", any(echo))).await).await;
    let mut socket = connect(gate.address).await.unwrap();
    says(&mut socket, Message::text("before")).await;
    gate.shutdown.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    says(&mut socket, Message::text("still")).await;
    assert!(!gate.ended.is_finished());
    socket.close(None).await.unwrap();
    while let Ok(Some(Ok(_))) = timeout(PATIENCE, socket.next()).await {}
    drop(socket);
    assert_eq!(timeout(PATIENCE, gate.ended).await.unwrap().unwrap(), Outcome::Drained);
}

#[tokio::test]
async fn a_tunnel_that_does_not_end_is_cut_at_the_limit() {
    let mut options = options(&format!("http://{}", upstream(Router::new().route("/live", any(echo))).await));
    options.drain_limit = Duration::from_millis(300);
    let gate = gate(&options).await;
    let mut socket = connect(gate.address).await.unwrap();
    says(&mut socket, Message::text("before")).await;
    gate.shutdown.stop();
    assert_eq!(timeout(PATIENCE, gate.ended).await.unwrap().unwrap(), Outcome::Cut(1));
    assert!(!matches!(timeout(PATIENCE, socket.next()).await.unwrap(), Some(Ok(_))));
}
