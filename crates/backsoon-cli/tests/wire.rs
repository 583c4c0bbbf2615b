//! The behaviour table over TCP: every row through a real gate, byte by byte.
//!
//! Over TCP the peer is always 127.0.0.1. A row with another peer runs with 127.0.0.1 as one more trusted proxy that
//! forwards that peer: the walk from the right then stands where the row begins.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backsoon::decide::Local;
use backsoon::rules::{Condition, Rule, TrustedProxies};
use backsoon::testing::behaviour::{APPLICATION, Answer, Case, read};
use backsoon::time::Timestamp;
use backsoon::{Instance, User};
use backsoon_cli::serve::{Gate, Options, Shutdown};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any answer takes, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(20);

const HERE: &str = "127.0.0.1";

#[tokio::test]
async fn the_gate_behaves_as_the_table_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/behaviour");
    let cases = read(&folder).unwrap();
    let upstream = upstream().await;
    let (mut failures, mut rows, mut left_out) = (Vec::new(), 0, Vec::new());
    for case in &cases {
        if let Some(why) = cannot(case) {
            left_out.push(format!("{}: {why}", case.name));
            continue;
        }
        rows += 1;
        match tokio::time::timeout(PATIENCE, run(case, upstream)).await {
            Ok(Ok(answer)) => failures.extend(case.check(&answer).err()),
            Ok(Err(why)) => failures.push(format!("{}: {why}", case.name)),
            Err(_) => failures.push(format!("{}: no answer", case.name)),
        }
    }
    assert!(failures.is_empty(), "{} of {rows} rows fail:\n{}", failures.len(), failures.join("\n"));
    assert!(left_out.len() <= 37, "only {rows} rows ran; left out:\n{}", left_out.join("\n"));
}

/// Why a row cannot be said over TCP to a gate, if it cannot.
fn cannot(case: &Case) -> Option<&'static str> {
    let sent = &case.request;
    if sent.user() != User::ANONYMOUS {
        return Some("the gate has no users");
    }
    if sent.peer.is_none() {
        return Some("a TCP connection has a peer");
    }
    if sent.method == "CONNECT" && !sent.path.contains(':') {
        return Some("CONNECT names an authority (RFC 9112 §3.2.3)");
    }
    if sent.host.starts_with('.') || sent.host.contains("..") {
        return Some("it is no host, and a gate says so (400)");
    }
    None
}

async fn run(case: &Case, upstream: SocketAddr) -> Result<Answer, String> {
    let sent = &case.request;
    let (mut local, marks) = case.local()?;
    let mut headers = sent.headers.clone();
    if let Some(peer) = sent.peer.filter(|peer| peer.to_string() != HERE) {
        if names_here(&local) {
            return Err("the row trusts or names 127.0.0.1 and has another peer: give it that one".into());
        }
        let mut trusted = local.proxies.0.clone();
        trusted.push(HERE.parse().unwrap());
        local.proxies = Arc::new(TrustedProxies(trusted));
        headers.push(("X-Forwarded-For".into(), peer.to_string()));
    }
    let options = Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        upstream: Some(format!("http://{upstream}").parse().unwrap()),
        trusted_proxies: TrustedProxies::clone(&local.proxies),
        ..Options::default()
    };
    let instance = Instance::new(local, marks);
    let now = Timestamp::now();
    let _ = instance.apply(&case.state(now)?, now);
    let gate = Gate::bind(&options).await.map_err(|error| error.to_string())?;
    let (address, shutdown) = (gate.address(), Shutdown::new());
    let running = tokio::spawn(gate.run(instance, shutdown.clone()));

    let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", sent.method, sent.path, sent.host);
    for (name, value) in &headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("connection")) {
        head.push_str("Connection: close\r\n");
    }
    head.push_str("\r\n");
    let answer = ask(address, &head, &sent.method).await;
    shutdown.stop_now();
    running.await.map_err(|error| error.to_string())?;
    answer
}

/// Whether a rule of the row means the address that every connection here comes from.
fn names_here(local: &Local) -> bool {
    let here = HERE.parse().unwrap();
    let means = |when: &Condition| when.network.iter().any(|network| network.contains(here));
    local.rules.iter().any(|rule: &Rule| means(&rule.when))
}

/// Sends `head` and reads one whole answer.
async fn ask(address: SocketAddr, head: &str, method: &str) -> Result<Answer, String> {
    let said = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).await.map_err(said)?;
    stream.write_all(head.as_bytes()).await.map_err(said)?;
    let mut bytes = Vec::new();
    loop {
        if let Some((status, headers, start)) = parse(&bytes)? {
            let length =
                headers.get(http::header::CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse().ok());
            let length = if method == "HEAD" { 0 } else { length.unwrap_or(0) };
            if bytes.len() >= start + length {
                let body = bytes[start..].to_vec().into();
                return Ok(Answer { status, headers, body, cause: None, asked: None });
            }
        }
        if stream.read_buf(&mut bytes).await.map_err(said)? == 0 {
            return Err(format!("the connection ended in {:?}", String::from_utf8_lossy(&bytes)));
        }
    }
}

/// The status, the header fields and where the body starts, once the head is whole.
fn parse(bytes: &[u8]) -> Result<Option<(StatusCode, HeaderMap, usize)>, String> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(start) = response.parse(bytes).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let status = StatusCode::from_u16(response.code.unwrap_or(0)).map_err(|error| error.to_string())?;
    let field = |field: &httparse::Header<'_>| {
        Some((HeaderName::try_from(field.name).ok()?, HeaderValue::from_bytes(field.value).ok()?))
    };
    Ok(Some((status, response.headers.iter().filter_map(field).collect(), start)))
}

/// The application: it says that it ran.
async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().fallback(|| async { [(APPLICATION, "here")] });
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}
