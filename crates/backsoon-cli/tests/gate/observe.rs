//! The second listener.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use backsoon::pass::Invitation;
use backsoon::rules::{Condition, PathPattern, Rule};
use backsoon::time::Timestamp;
use backsoon::{Host, Instance, Mode, join, store};
use backsoon_cli::serve::Options;
use backsoon_cli::serve::options::AccessLog;
use tokio::time::sleep;

use crate::door::Switch;
use crate::support::{Raw, ask, gate_with, nowhere, options, upstream};

async fn read(address: SocketAddr, path: &str) -> String {
    ask(address, format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await
}

#[tokio::test]
async fn figures_tell_what_happened_at_the_door() {
    let mut options =
        options(&format!("http://{}", upstream(Router::new().fallback(|| async { "open" })).await));
    options.observe = Some("127.0.0.1:0".parse().unwrap());
    options
        .upstreams
        .insert("down.example".parse().unwrap(), format!("http://{}", nowhere().await).parse().unwrap());
    let switch = Switch::new();
    switch.edit(|state| {
        let secret =
            Condition { path: vec![PathPattern::prefix("/secret").unwrap()], ..Condition::default() };
        state.default.rules = Some(Arc::new([Rule::closed("no \"secrets\"", secret)]));
        state.site_mut(&"shop.example".parse().unwrap()).windows.push(backsoon::Window::new(Mode::ReadOnly));
    });
    let gate = gate_with(&options, Arc::clone(&switch.instance)).await;
    let observe = gate.observe.unwrap();
    for (host, path, status) in
        [("a", "/", "200"), ("a", "/", "200"), ("down.example", "/", "502"), ("a", "/secret/plan", "503")]
    {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = ask(gate.address, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    switch.turn(Mode::On);
    read(gate.address, "/").await;

    let figures = read(observe, "/metrics").await;
    assert!(figures.contains("content-type: text/plain; version=0.0.4"), "{figures}");
    for line in [
        "# TYPE backsoon_requests_total counter",
        r#"backsoon_requests_total{outcome="admitted",by="mode",rule=""} 3"#,
        r#"backsoon_requests_total{outcome="refused",by="mode",rule=""} 1"#,
        r#"backsoon_requests_total{outcome="refused",by="rule",rule="no \"secrets\""} 1"#,
        r#"backsoon_upstream_errors_total{reason="unreachable"} 1"#,
        r#"backsoon_site_mode{site="*"} 3"#,
        r#"backsoon_site_mode{site="shop.example"} 3"#,
        r#"backsoon_draining{site="*"} 0"#,
        "backsoon_held 0",
        "backsoon_revision 2",
    ] {
        assert!(figures.lines().any(|found| found == line), "{line} in {figures}");
    }
}

#[tokio::test]
async fn the_age_of_the_state_is_told_by_a_joined_instance() {
    let instance = Instance::join(store::open("memory:").await.unwrap(), join::Options::default()).await;
    let mut options = options("http://127.0.0.1:1");
    options.observe = Some("127.0.0.1:0".parse().unwrap());
    let gate = gate_with(&options, instance).await;
    let figures = read(gate.observe.unwrap(), "/metrics").await;
    let age = figures.lines().find_map(|line| line.strip_prefix("backsoon_state_age_seconds ")).unwrap();
    assert!((0.0..60.0).contains(&age.parse::<f64>().unwrap()), "{age}");
}

#[tokio::test]
async fn readiness_ends_with_the_first_word_and_health_with_the_process() {
    let slow = || async {
        sleep(Duration::from_millis(1500)).await;
        "slept"
    };
    let mut options = options(&format!("http://{}", upstream(Router::new().route("/", get(slow))).await));
    options.observe = Some("127.0.0.1:0".parse().unwrap());
    let switch = Switch::new();
    let gate = gate_with(&options, Arc::clone(&switch.instance)).await;
    let observe = gate.observe.unwrap();
    let mut busy = Raw::to(gate.address).await;
    busy.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    sleep(Duration::from_millis(100)).await;
    switch.turn(Mode::On);
    assert!(
        read(observe, "/readyz").await.starts_with("HTTP/1.1 200"),
        "a closed site is ready to show its page"
    );
    assert!(read(observe, "/metrics").await.contains("backsoon_draining{site=\"*\"} 1\n"));
    gate.shutdown.stop();
    assert!(read(observe, "/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(read(observe, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(read(observe, "/").await.starts_with("HTTP/1.1 404"));
    let posted =
        ask(observe, "POST /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .await;
    assert!(posted.starts_with("HTTP/1.1 405"), "{posted}");
    assert_eq!(busy.answer().await.1, "slept");
}

/// Where a test's events are written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_access_log_is_off_until_asked_for_and_keeps_queries_to_itself() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _here = tracing::subscriber::set_default(subscriber);
    let mut options =
        options(&format!("http://{}", upstream(Router::new().fallback(|| async { "open" })).await));
    let logged = || String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();

    let quiet = gate_with(&options, Switch::new().instance).await;
    read(quiet.address, "/unheard").await;
    assert!(!logged().contains("backsoon::access"), "{}", logged());

    options.access_log = AccessLog::On;
    let gate = gate_with(&options, Switch::new().instance).await;
    read(gate.address, "/orders?pass=secret").await;
    let line = logged();
    for piece in ["backsoon::access", "peer=127.0.0.1", "method=GET", "path=\"/orders\"", "status=200"] {
        assert!(line.contains(piece), "{piece} in {line}");
    }
    assert!(!line.contains("secret"), "{line}");

    // The link of a pass is a secret itself, whether it opens anything or not.
    read(gate.address, "/.well-known/backsoon/pass/p-1.secret?to=/secret").await;
    read(gate.address, "http://a/.well-known/backsoon/pass/p-1.secret").await;
    // Some proxies put the visitor's path behind their own when they ask.
    let mut asked = Options { listen: "127.0.0.1:9".parse().unwrap(), ..Options::default() };
    asked.access_log = AccessLog::On;
    asked.auth.listen = Some("127.0.0.1:0".parse().unwrap());
    asked.trusted_proxies.0 = vec!["127.0.0.1".parse().unwrap()];
    let auth = gate_with(&asked, Switch::new().instance).await.address;
    let link = "/.well-known/backsoon/pass/p-1.secret";
    let question = format!(
        "GET /auth{link} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-method: GET\r\n\
         x-forwarded-host: a\r\nx-forwarded-uri: {link}\r\n\r\n"
    );
    ask(auth, question).await;
    let lines = logged();
    assert_eq!(lines.matches("path=\"/.well-known/backsoon/pass/…\"").count(), 3, "{lines}");
    assert!(!lines.contains("secret"), "{lines}");
}

#[tokio::test]
async fn requests_that_a_pass_lets_through_are_counted() {
    let mut options =
        options(&format!("http://{}", upstream(Router::new().fallback(|| async { "open" })).await));
    options.observe = Some("127.0.0.1:0".parse().unwrap());
    let switch = Switch::new();
    let invitation = invitation();
    switch.edit(|state| invitation.put_into(state));
    switch.turn(Mode::On);
    let gate = gate_with(&options, Arc::clone(&switch.instance)).await;
    let link = read(gate.address, &invitation.link.path()).await;
    let cookie = cookie(&link);
    for _ in 0..2 {
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n");
        let answer = ask(gate.address, request).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("open"), "{answer}");
        assert!(answer.contains(&format!("\r\nbacksoon-pass: {}\r\n", invitation.pass.id)), "{answer}");
    }
    let figures = read(gate.observe.unwrap(), "/metrics").await;
    assert!(figures.lines().any(|line| line == "backsoon_passes_used_total 2"), "{figures}");
}

/// For one hour, to every host.
pub(crate) fn invitation() -> Invitation {
    Invitation::new("Ann", Host::any(), "the tests", Timestamp::now(), Duration::from_secs(3600)).unwrap()
}

/// The cookie that an answer sets, as a browser sends it.
pub(crate) fn cookie(answer: &str) -> String {
    let set = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .unwrap_or_else(|| panic!("{answer}"));
    set.split(';').next().unwrap().to_owned()
}
