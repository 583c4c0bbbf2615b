//! The endpoint that proxies ask: what it says yes to, what it never does, and who may not ask at all.

use std::net::SocketAddr;
use std::sync::Arc;

use backsoon::decide::Local;
use backsoon::document::Page;
use backsoon::rules::{Condition, PathPattern, Rule};
use backsoon::{Host, Instance, Marks, Mode, Window};
use backsoon_cli::serve::Options;
use backsoon_cli::serve::auth::RefuseStatus;

use crate::door::Switch;
use crate::support::{Raw, Running, ask, gate_with, options};

/// An endpoint alone, without anything behind it.
async fn endpoint(switch: &Switch, proxy: &str) -> Running {
    asked(switch, proxy, |_| {}).await
}

async fn asked(switch: &Switch, proxy: &str, set: impl FnOnce(&mut Options)) -> Running {
    let mut options = Options { listen: "127.0.0.1:9".parse().unwrap(), ..Options::default() };
    options.auth.listen = Some("127.0.0.1:0".parse().unwrap());
    options.trusted_proxies.0 = vec![proxy.parse().unwrap()];
    set(&mut options);
    gate_with(&options, Arc::clone(&switch.instance)).await
}

/// What a proxy sends that has read `method`, `host` and `uri` of its visitor.
fn question(path: &str, method: &str, host: &str, uri: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: backsoon\r\nconnection: close\r\nx-forwarded-method: {method}\r\n\
         x-forwarded-host: {host}\r\nx-forwarded-uri: {uri}\r\nx-forwarded-for: 192.0.2.7\r\n{more}\r\n"
    )
}

async fn status(address: SocketAddr, method: &str, host: &str, uri: &str) -> u16 {
    code(&ask(address, question("/auth", method, host, uri, "")).await)
}

fn code(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_else(|_| panic!("{answer}"))
}

#[tokio::test]
async fn an_open_site_says_nothing_but_yes_and_a_closed_one_what_the_gate_would() {
    let switch = Switch::new();
    let auth = endpoint(&switch, "127.0.0.1").await;
    let open = ask(auth.address, question("/auth", "GET", "shop.example", "/cart", "")).await;
    let (head, body) = open.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("cache-control: no-store"), "{open}");
    assert_eq!(body, "");

    switch.edit(|state| {
        state.default.windows.push(Window { message: Some("Back at nine.".into()), ..Window::new(Mode::On) });
    });
    let gate = gate_with(&options("http://127.0.0.1:9"), Arc::clone(&switch.instance)).await;
    for accept in ["text/html", "application/json", "*/*"] {
        let accept = format!("accept: {accept}\r\n");
        let told = ask(auth.address, question("/auth", "POST", "shop.example", "/cart", &accept)).await;
        let direct =
            format!("POST /cart HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n{accept}\r\n");
        let direct = ask(gate.address, direct).await;
        let plain = |answer: &str| {
            let lines =
                answer.lines().filter(|line| !line.starts_with("date: ") && !line.starts_with("retry-after"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(plain(&told), plain(&direct));
        assert!(told.starts_with("HTTP/1.1 503") && told.contains("Back at nine."), "{told}");
    }
}

#[tokio::test]
async fn a_host_with_an_empty_label_is_no_question() {
    let switch = Switch::new();
    let auth = endpoint(&switch, "127.0.0.1").await;
    for host in ["shop.example..", "shop..example", ".example"] {
        let answer = ask(auth.address, question("/auth", "GET", host, "/cart", "")).await;
        assert_eq!(code(&answer), 400, "{host}: {answer}");
    }
}

#[tokio::test]
async fn rules_and_modes_decide_by_the_visitors_own_request() {
    let switch = Switch::new();
    let auth = endpoint(&switch, "127.0.0.1").await;
    switch.edit(|state| {
        let hooks = Condition { path: vec![PathPattern::prefix("/hooks").unwrap()], ..Condition::default() };
        let office = Condition {
            network: vec!["192.0.2.0/24".parse().unwrap()],
            path: vec![PathPattern::exact("/office").unwrap()],
            ..Condition::default()
        };
        let near = Condition { network: vec!["127.0.0.1".parse().unwrap()], ..Condition::default() };
        let rules = [Rule::open("hooks", hooks), Rule::open("office", office), Rule::open("near", near)];
        state.default.rules = Some(Arc::new(rules));
        state.site_mut(&"read.example".parse().unwrap()).windows.push(Window::new(Mode::ReadOnly));
        state.site_mut(&"shop.example".parse().unwrap()).windows.push(Window::new(Mode::On));
    });
    for (method, host, uri, expected) in [
        ("GET", "open.example", "/", 200),
        ("GET", "shop.example", "/", 503),
        ("GET", "SHOP.example.:443", "/", 503),
        ("POST", "shop.example", "/hooks/pay?a=b", 200),
        ("GET", "shop.example", "/hooks/../cart", 503),
        ("GET", "shop.example", "/hooks%2f..%2fcart", 503),
        ("GET", "shop.example", "//hooks", 503),
        ("GET", "shop.example", "/office", 200),
        ("GET", "shop.example", "/healthz", 200),
        ("POST", "shop.example", "/healthz", 503),
        ("GET", "read.example", "/", 200),
        ("POST", "read.example", "/", 503),
        ("get", "read.example", "/", 503),
    ] {
        assert_eq!(status(auth.address, method, host, uri).await, expected, "{method} {host}{uri}");
    }
    let socket = question("/auth", "GET", "read.example", "/live", "sec-websocket-key: AAAA\r\n");
    assert_eq!(code(&ask(auth.address, socket).await), 503, "a tunnel is no reading");
    // The proxy stands on 127.0.0.1, and is not its own visitor.
    let unsaid =
        question("/auth", "GET", "shop.example", "/", "").replace("x-forwarded-for: 192.0.2.7\r\n", "");
    assert_eq!(code(&ask(auth.address, unsaid).await), 503);
    let near = question("/auth", "GET", "shop.example", "/", "").replace("192.0.2.7", "192.0.2.7, 127.0.0.1");
    assert_eq!(
        code(&ask(auth.address, near).await),
        503,
        "who came through the proxy stands where it came from"
    );
}

#[tokio::test]
async fn what_is_not_clear_is_never_a_yes() {
    let switch = Switch::new();
    let auth = endpoint(&switch, "127.0.0.1").await;
    let fine = question("/auth", "GET", "open.example", "/", "");
    assert_eq!(code(&ask(auth.address, &fine).await), 200);
    for (what, asked, expected) in [
        ("no host", fine.replace("x-forwarded-host: open.example\r\n", ""), 400),
        ("no method", fine.replace("x-forwarded-method: GET\r\n", ""), 400),
        ("no target", fine.replace("x-forwarded-uri: /\r\n", ""), 400),
        ("two targets", question("/auth", "GET", "open.example", "/", "x-forwarded-uri: /open\r\n"), 400),
        (
            "two hosts",
            question("/auth", "GET", "open.example", "/", "x-forwarded-host: open.example\r\n"),
            400,
        ),
        ("another target", question("/auth", "GET", "open.example", "/", "x-original-uri: /open\r\n"), 400),
        ("an absolute target", question("/auth", "GET", "open.example", "http://open.example/", ""), 400),
        ("a joined host", question("/auth", "GET", "open.example,shop.example", "/", ""), 400),
        ("no address", question("/auth", "GET", "open.example", "/", "x-forwarded-for: me\r\n"), 400),
        ("another place", question("/", "GET", "open.example", "/", ""), 404),
        ("a status of its own", question("/auth?status=200", "GET", "open.example", "/", ""), 404),
        (
            "a huge target",
            question("/auth", "GET", "open.example", &format!("/{}", "a".repeat(100_000)), ""),
            431,
        ),
    ] {
        assert_eq!(code(&ask(auth.address, asked).await), expected, "{what}");
    }
    let mut raw = Raw::to(auth.address).await;
    let mut bytes = question("/auth", "GET", "open.example", "/x", "").into_bytes();
    let at = bytes.windows(2).position(|two| two == b"/x").unwrap();
    bytes[at + 1] = 0xff;
    raw.send(bytes).await;
    assert_eq!(code(&raw.rest().await), 400, "no text");
}

#[tokio::test]
async fn a_refusal_that_succeeds_is_no_yes() {
    let switch = Switch::new();
    switch.turn(Mode::On);
    switch.edit(|state| {
        let page =
            Page { cors: vec!["https://app.example".to_owned().try_into().unwrap()], ..Page::default() };
        state.default.page = Some(page.into());
    });
    let auth = endpoint(&switch, "127.0.0.1").await;
    let preflight = "origin: https://app.example\r\naccess-control-request-method: PUT\r\n";
    for (method, head, own) in
        [("POST", "content-type: application/grpc\r\n", 200), ("OPTIONS", preflight, 204)]
    {
        for (path, expected) in [("/auth", 503), ("/auth?status=403", 403), ("/page", own)] {
            let answer = ask(auth.address, question(path, method, "a", "/", head)).await;
            assert_eq!(code(&answer), expected, "{method} {path}: {answer}");
            let told = format!("backsoon-status: {own}\r\n");
            assert_eq!(answer.contains(&told), path != "/page", "{answer}");
        }
    }
}

#[tokio::test]
async fn strangers_may_not_ask() {
    let switch = Switch::new();
    let auth = endpoint(&switch, "192.0.2.1").await;
    for path in ["/auth", "/auth?status=401", "/page", "/"] {
        let answer = ask(auth.address, question(path, "GET", "open.example", "/", "")).await;
        assert!(code(&answer) == 403 && !answer.contains("backsoon-"), "{answer}");
    }
}

#[tokio::test]
async fn a_proxy_that_knows_few_statuses_gets_the_page_by_a_second_question() {
    let switch = Switch::new();
    switch.turn(Mode::On);
    let auth = endpoint(&switch, "127.0.0.1").await;
    for (query, expected) in [("?status=403", 403), ("?status=401", 401), ("", 503)] {
        let answer = ask(auth.address, question(&format!("/auth{query}"), "GET", "a", "/", "")).await;
        assert_eq!(code(&answer), expected);
        assert_eq!(answer.contains("backsoon-status: 503"), !query.is_empty(), "{answer}");
    }
    let page = ask(auth.address, question("/page", "GET", "a", "/", "accept: text/html\r\n")).await;
    assert!(code(&page) == 503 && page.contains("<!doctype html>"), "{page}");
    let told =
        asked(&switch, "127.0.0.1", |options| options.auth.refuse_status = Some(RefuseStatus::Forbidden))
            .await;
    assert_eq!(status(told.address, "GET", "a", "/").await, 403);
    switch.turn(Mode::Off);
    assert_eq!(
        code(&ask(auth.address, question("/page", "GET", "a", "/", "")).await),
        503,
        "it asked for a refusal"
    );
}

#[tokio::test]
async fn the_answer_about_a_head_has_a_whole_body() {
    let switch = Switch::new();
    switch.turn(Mode::On);
    let auth = endpoint(&switch, "127.0.0.1").await;
    // One that promised more bytes than it has would break the connection.
    let mut proxy = Raw::to(auth.address).await;
    for method in ["HEAD", "GET"] {
        let asked = question("/auth", method, "a", "/", "").replace("connection: close\r\n", "");
        proxy.send(asked).await;
        let (head, body) = proxy.answer().await;
        assert!(head.starts_with("http/1.1 503") && body.contains("back"), "{head}{body}");
    }
}

#[tokio::test]
async fn who_waits_does_so_no_longer_than_the_proxy() {
    let switch = Switch::new();
    switch.turn(Mode::Hold);
    let hasty =
        asked(&switch, "127.0.0.1", |options| options.auth.patience = std::time::Duration::from_millis(1))
            .await;
    assert_eq!(status(hasty.address, "GET", "a", "/").await, 503);
    let patient = endpoint(&switch, "127.0.0.1").await;
    let mut raw = Raw::to(patient.address).await;
    raw.send(question("/auth", "GET", "a", "/", "")).await;
    while switch.instance.held() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(
        code(&ask(patient.address, question("/page", "GET", "a", "/", "")).await),
        503,
        "the page never waits"
    );
    switch.turn(Mode::Off);
    assert_eq!(code(&raw.rest().await), 200);
}

#[tokio::test]
async fn local_rules_and_hosts_without_a_site_count_as_they_do_in_the_gate() {
    let admin = Condition { path: vec![PathPattern::prefix("/admin").unwrap()], ..Condition::default() };
    let local = Local { rules: Arc::new([Rule::closed("admin", admin)]), ..Local::default() };
    let instance = Instance::new(local, Marks::new());
    let mut options = Options::default();
    options.auth.listen = Some("127.0.0.1:0".parse().unwrap());
    options.trusted_proxies.0 = vec!["127.0.0.1".parse().unwrap()];
    let auth = gate_with(&options, instance).await;
    assert_eq!(status(auth.address, "GET", Host::any().as_str(), "/admin").await, 503);
    assert_eq!(status(auth.address, "GET", "a", "/").await, 200);
}
