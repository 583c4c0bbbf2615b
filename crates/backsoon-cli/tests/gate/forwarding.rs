//! What the upstream learns about the visitor, and which upstream a host has.

use axum::Router;
use axum::extract::Request;
use axum::routing::any;

use crate::support::{ask, gate, gate_before, options, scripted, upstream};

#[tokio::test]
async fn a_stranger_cannot_choose_its_address() {
    let (address, mut heads) = scripted(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let gate = gate_before(address).await;
    ask(
        gate.address,
        "GET / HTTP/1.1\r\nhost: shop.example:81\r\nx-forwarded-for: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\
         forwarded: for=1.2.3.4\r\nx-real-ip: 1.2.3.4\r\nconnection: close, x-forwarded-for, host, x-mine\r\n\
         x-mine: 1\r\nkeep-alive: 5\r\nproxy-connection: x\r\nupgrade: h2c\r\nhttp2-settings: x\r\n\r\n",
    )
    .await;
    let head = heads.recv().await.unwrap().to_ascii_lowercase();
    let mut lines: Vec<_> = head.trim_end().split("\r\n").collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "forwarded: for=127.0.0.1;host=\"shop.example:81\";proto=http",
            "get / http/1.1",
            "host: shop.example:81",
            "http2-settings: x",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: shop.example:81",
            "x-forwarded-proto: http",
        ]
    );
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let (address, mut heads) = scripted(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let mut options = options(&format!("http://{address}"));
    options.trusted_proxies.0 = vec!["127.0.0.0/8".parse().unwrap()];
    let gate = gate(&options).await;
    ask(
        gate.address,
        "GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: https\r\n\
         x-forwarded-host: shop.example\r\nconnection: close\r\n\r\n",
    )
    .await;
    let head = heads.recv().await.unwrap();
    for line in [
        "x-forwarded-for: 1.2.3.4, 127.0.0.1\r\n",
        "x-forwarded-proto: https\r\n",
        "x-forwarded-host: shop.example\r\n",
        "forwarded: for=1.2.3.4;host=\"shop.example\";proto=https, for=127.0.0.1\r\n",
        "host: a\r\n",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
}

#[tokio::test]
async fn each_host_has_its_upstream() {
    let named = async |name: &'static str| {
        let app = Router::new().fallback(any(move |request: Request| async move {
            format!("{name} for {}", request.headers()["host"].to_str().unwrap())
        }));
        format!("http://{}", upstream(app).await)
    };
    let mut options = options(&named("any").await);
    options.upstreams.insert("shop.example".parse().unwrap(), named("shop").await.parse().unwrap());
    options.upstreams.insert("*.example".parse().unwrap(), named("wild").await.parse().unwrap());
    let gate = gate(&options).await;
    let ask_for = async |target: &str, host: &str| {
        let answer =
            ask(gate.address, format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"))
                .await;
        answer.rsplit("\r\n\r\n").next().unwrap().to_owned()
    };
    assert_eq!(ask_for("/", "shop.example").await, "shop for shop.example");
    assert_eq!(ask_for("/", "SHOP.example:80").await, "shop for SHOP.example:80");
    assert_eq!(ask_for("/", "www.example").await, "wild for www.example");
    assert_eq!(ask_for("/", "elsewhere").await, "any for elsewhere");
    // The target's host outranks the field's, for the choice and for the upstream alike.
    assert_eq!(ask_for("http://shop.example/", "www.example").await, "shop for shop.example");

    options.upstream = None;
    let gate = crate::support::gate(&options).await;
    let answer = ask(gate.address, "GET / HTTP/1.1\r\nhost: elsewhere\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 421 Misdirected Request"), "{answer}");
}
