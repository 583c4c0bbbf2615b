//! An application that counts, a visitor that says what it likes, and what has to be true behind every proxy that asks.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testbed::{Server, port};

use crate::place::Place;
use crate::program::Program;

/// Longer than anything here takes, on however busy a machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What stays open, and what only looks so.
pub(crate) const RULES: &str = r#"
[sites."*".page]
cors = ["https://app.example"]

[[sites."*".rules]]
name = "hooks"
then = "open"
when = { path = { prefix = "/hooks" } }

[[sites."*".rules]]
name = "office"
then = "open"
when = { network = "203.0.113.9" }
"#;

/// One site, its application and its proxy's port.
pub(crate) struct Stage {
    pub(crate) place: Place,
    pub(crate) port: u16,
    pub(crate) application: Application,
}

/// An application that says so.
pub(crate) struct Application {
    pub(crate) port: u16,
    asked: Arc<AtomicUsize>,
}

/// What a visitor got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
    /// The head as it was sent.
    pub(crate) raw: String,
}

// === impl Application ===

impl Application {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { port, asked }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// One answer per connection, so that connections are requests.
fn answer(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let _ =
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\napplication\n");
}

// === impl Stage ===

impl Stage {
    pub(crate) fn new() -> Self {
        Self { place: Place::new(), port: port::free(), application: Application::start() }
    }

    /// A recipe of `deploy/` with this stage's names in the place of the example's.
    pub(crate) fn recipe(&self, name: &str, replaced: &[(&str, String)]) -> String {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
        let mut text = std::fs::read_to_string(file).unwrap();
        for (example, ours) in replaced {
            assert!(text.contains(example), "{name} has no {example}");
            text = text.replace(example, ours);
        }
        text
    }

    /// Asks the proxy, in `head` with what a visitor may add.
    pub(crate) fn ask(&self, method: &str, path: &str, head: &str) -> Answer {
        self.at("shop.example.com", method, path, head)
    }

    /// The same for another host.
    pub(crate) fn at(&self, host: &str, method: &str, path: &str, head: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{head}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned(), raw: head.to_owned() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "accept: text/html\r\n")
    }

    /// Asks, and gets no success.
    pub(crate) fn refused(&self, method: &str, path: &str, head: &str) -> Answer {
        let answer = self.untouched(method, path, head);
        assert_ne!(answer.status, 200, "{method} {path} {head:?}: {answer:?}");
        answer
    }

    /// Asks without the application being asked.
    pub(crate) fn untouched(&self, method: &str, path: &str, head: &str) -> Answer {
        let before = self.application.asked();
        let answer = self.ask(method, path, head);
        assert_eq!(self.application.asked(), before, "{method} {path} {head:?} reached the application");
        answer
    }

    /// Asks until the application answers.
    pub(crate) fn until_open(&self, proxy: &Server) {
        let begun = Instant::now();
        while self.get("/").body != "application\n" {
            assert!(begun.elapsed() < PATIENCE, "never open: {:?}\n{}", self.get("/"), proxy.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Closes and reopens a site behind a proxy that asks at `--auth`; `proxy` starts it, told at which port.
pub(crate) fn asks(proxy: impl Fn(&Stage, u16) -> Server, away: u16) {
    let stage = Stage::new();
    let (place, flags) = (&stage.place, "serve --auth 127.0.0.1:0 --trusted-proxy 127.0.0.1");
    let program = Program::start(place, flags, "http://127.0.0.1:");
    let port = program.said.split('/').next().unwrap().parse().unwrap();
    let proxy = proxy(&stage, port);
    stage.until_open(&proxy);
    place.write("rules.toml", RULES);
    place.done("apply rules.toml");

    let said = place.done("on --message 'Back at nine.' --for 10m --wait=20s");
    assert!(said.contains("in force") && !said.contains("confirmed"), "{said}");
    assert!(said.contains("what runs behind the proxy is not counted"), "{said}");
    let status = place.done("status");
    assert!(status.contains("auth") && status.contains(" 0+ "), "{status}");
    let page = stage.refused("GET", "/", "accept: text/html\r\n");
    assert_eq!(page.status, 503, "{page:?}");
    assert!(page.head.contains("\nretry-after: ") && page.head.contains("no-store"), "{page:?}");
    assert!(page.body.contains("Back at nine.") && page.body.contains("<!doctype html>"), "{page:?}");
    let problem = stage.refused("POST", "/cart", "accept: application/json\r\ncontent-length: 3\r\n\r\na=b");
    assert!(problem.status == 503 && problem.head.contains("application/problem+json"), "{problem:?}");
    assert!(problem.body.contains("\"status\":503"), "{problem:?}");
    assert_eq!(stage.refused("HEAD", "/", "").status, 503);
    // To these a refusal is a success, which a proxy must not take for a "yes".
    let grpc = stage.untouched(
        "POST",
        "/pkg.Service/Call",
        "content-type: application/grpc\r\ncontent-length: 0\r\n",
    );
    assert!(grpc.head.contains("grpc-status: 14"), "{grpc:?}");
    let origin = "origin: https://app.example\r\naccess-control-request-method: PUT\r\n";
    let preflight = stage.untouched("OPTIONS", "/cart", origin);
    assert!(preflight.head.contains("access-control-allow-origin: https://app.example"), "{preflight:?}");
    for lie in [
        "x-forwarded-for: 203.0.113.9",
        "forwarded: for=203.0.113.9",
        "x-real-ip: 203.0.113.9",
        "x-forwarded-uri: /hooks",
        "x-original-uri: /hooks",
        "x-original-url: https://shop.example.com/hooks",
        "x-forwarded-method: GET",
        "x-forwarded-host: open.example.com",
        "backsoon-status: 200",
    ] {
        let answer = stage.refused("GET", "/", &format!("{lie}\r\n"));
        assert_eq!(answer.status, 503, "{lie}: {answer:?}");
    }
    for path in ["/hooks/../cart", "/hooks%2f..%2fcart", "//hooks", "/?a=/hooks", "/_backsoon/auth", "/page"]
    {
        stage.refused("GET", path, "");
    }
    let before = stage.application.asked();
    assert_eq!(stage.ask("POST", "/hooks/pay", "content-length: 3\r\n\r\na=b").body, "application\n");
    assert_eq!(stage.application.asked(), before + 1);
    with_a_pass(&stage);

    let said = place.done("off --wait=20s");
    assert!(said.contains("confirmed") && !said.contains("earlier"), "{said}");
    assert_eq!(stage.get("/").body, "application\n");
    place.done("on --read-only --wait=20s");
    assert_eq!(stage.get("/").body, "application\n");
    let page = stage.refused("POST", "/cart", "content-length: 0\r\naccept: text/html\r\n");
    assert!(page.status == 503 && page.body.contains("Changes are paused"), "{page:?}");
    place.done("off --wait=20s");
    program.kill();
    assert_eq!(stage.refused("GET", "/", "").status, away, "nobody says yes");
}

/// Opens the link of a pass through the proxy, and goes in with the cookie.
fn with_a_pass(stage: &Stage) {
    let said = stage.place.done("pass new --for Ann --base-url http://shop.example.com");
    let link = said.split("http://shop.example.com").nth(1).unwrap().split_whitespace().next().unwrap();
    let opened = stage.refused("GET", link, "");
    assert!(opened.status == 303 || opened.status == 302, "{opened:?}");
    let at = opened.head.find("set-cookie: ").unwrap_or_else(|| panic!("{opened:?}")) + "set-cookie: ".len();
    let cookie = opened.raw[at..].split([';', '\r']).next().unwrap();
    assert_eq!(stage.ask("GET", "/", &format!("cookie: {cookie}\r\n")).body, "application\n");
    stage.refused("GET", "/", &format!("cookie: {}\r\n", &cookie[..cookie.len() - 1]));
}
