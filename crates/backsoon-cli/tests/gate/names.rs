//! Which of the hosts that a request names the door decides for.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use backsoon::rules::TrustedProxies;
use backsoon::{Host, Mode, Window};
use backsoon_cli::serve::Options;

use crate::door::Switch;
use crate::support::{ask, fetch, gate_with, h2c, options, upstream};

/// An upstream that says which host it reads.
async fn reading() -> SocketAddr {
    let host = |request: Request| async move {
        let named = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
        format!("read {}", named.or(request.uri().authority().map(ToString::to_string)).unwrap_or_default())
    };
    upstream(Router::new().fallback(any(host))).await
}

fn closing(sites: &[(&str, Mode)]) -> Switch {
    let switch = Switch::new();
    switch.edit(|state| {
        for (site, mode) in sites {
            state.site_mut(&site.parse::<Host>().unwrap()).windows.push(Window::new(*mode));
        }
    });
    switch
}

#[tokio::test]
async fn behind_a_proxy_that_rewrites_the_host_neither_name_is_a_way_around_a_closing() {
    let to = reading().await;
    let switch = closing(&[("shut.example", Mode::On), ("*.quiet.example", Mode::ReadOnly)]);
    let trusting = Options {
        trusted_proxies: TrustedProxies(vec!["127.0.0.1".parse().unwrap()]),
        ..options(&format!("http://{to}"))
    };
    let gate = gate_with(&trusting, Arc::clone(&switch.instance)).await;
    let strangers = gate_with(&options(&format!("http://{to}")), Arc::clone(&switch.instance)).await;
    let sent = async |address, method: &str, host: &str, told: &[&str]| {
        let told: String = told.iter().map(|told| format!("x-forwarded-host: {told}\r\n")).collect();
        let head = format!("{method} /a HTTP/1.1\r\nhost: {host}\r\n{told}connection: close\r\n\r\n");
        let answer = ask(address, head).await;
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
        (answer.split(' ').nth(1).unwrap().to_owned(), body)
    };
    let refused = |(status, body): (String, String)| {
        assert_eq!(status, "503");
        assert!(!body.contains("read "), "{body}");
    };
    for told in ["shut.example", "SHUT.example.", "shut.example:443", "shut.example:"] {
        refused(sent(gate.address, "GET", "app.internal:3000", &[told]).await);
    }
    refused(sent(gate.address, "GET", "shut.example", &["open.example"]).await);
    refused(sent(gate.address, "GET", "shut.example", &["www.quiet.example"]).await);
    refused(sent(gate.address, "POST", "app.internal", &["www.quiet.example"]).await);

    let open = |(status, body): (String, String), host: &str| {
        assert_eq!(status, "200");
        assert!(body.contains(&format!("read {host}")), "{body}");
    };
    open(sent(gate.address, "GET", "app.internal", &["www.quiet.example"]).await, "app.internal");
    open(sent(gate.address, "GET", "app.internal", &["open.example"]).await, "app.internal");
    open(sent(gate.address, "GET", "app.internal", &[]).await, "app.internal");
    // Two names are no name, and what a stranger says is not heard, nor passed on.
    open(sent(gate.address, "GET", "app.internal", &["open.example", "shut.example"]).await, "app.internal");
    open(sent(strangers.address, "GET", "app.internal", &["shut.example"]).await, "app.internal");

    let client = h2c(gate.address).await;
    let asks = |told: &str| {
        let request = http::Request::get("http://app.internal/a").header("x-forwarded-host", told);
        request.body(axum::body::Body::empty()).unwrap()
    };
    assert_eq!(fetch(&client, asks("shut.example")).await.status(), 503);
    assert_eq!(fetch(&client, asks("open.example")).await.status(), 200);
}

#[tokio::test]
async fn where_no_host_is_named_the_one_decides_that_the_upstream_will_read() {
    let to = reading().await;
    let request = "GET /a HTTP/1.0\r\n\r\n";
    let switch = closing(&[("127.0.0.1", Mode::On)]);
    for scheme in ["http", "h2c"] {
        let gate = gate_with(&options(&format!("{scheme}://{to}")), Arc::clone(&switch.instance)).await;
        let answer = ask(gate.address, request).await;
        assert!(answer.starts_with("HTTP/1.0 503") && !answer.contains("read "), "{answer}");
    }
    let switch = closing(&[("shut.example", Mode::On)]);
    for scheme in ["http", "h2c"] {
        let gate = gate_with(&options(&format!("{scheme}://{to}")), Arc::clone(&switch.instance)).await;
        let answer = ask(gate.address, request).await;
        assert!(answer.starts_with("HTTP/1.0 200") && answer.contains(&format!("read {to}")), "{answer}");
    }
}

#[tokio::test]
async fn a_host_with_an_empty_label_is_none_and_reaches_nobody() {
    let to = reading().await;
    let switch = closing(&[("shut.example", Mode::On)]);
    let gate = gate_with(&options(&format!("http://{to}")), Arc::clone(&switch.instance)).await;
    for host in ["shut.example..", "shut.example..:80", "shut..example", ".shut.example", "."] {
        let head = format!("GET /a HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = ask(gate.address, head).await;
        assert!(answer.starts_with("HTTP/1.1 400") && !answer.contains("read "), "{host}: {answer}");
        let head = format!("GET http://{host}/a HTTP/1.1\r\nhost: open.example\r\nconnection: close\r\n\r\n");
        let answer = ask(gate.address, head).await;
        assert!(answer.starts_with("HTTP/1.1 400") && !answer.contains("read "), "{host}: {answer}");
    }
    let answer =
        ask(gate.address, "GET /a HTTP/1.1\r\nhost: shut.example.\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let client = h2c(gate.address).await;
    let request = http::Request::get("http://shut.example../a").body(axum::body::Body::empty()).unwrap();
    assert_eq!(fetch(&client, request).await.status(), 400);
}
