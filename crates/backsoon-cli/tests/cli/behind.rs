//! A command line and a gate whose store is the console of another gate.

use std::fs::File;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::gate::{Gate, PATIENCE, status, until};
use super::place::{Place, Ran, words};
use super::running::eventually;

/// A gate with the database and a console, and what reaches that.
struct Front {
    place: Place,
    gate: Option<Gate>,
    port: u16,
}

/// A gate of another machine, which has a token and no database; killed when it is dropped.
struct Behind {
    child: Child,
    port: u16,
}

// === impl Front ===

impl Front {
    fn new() -> Self {
        let place = Place::with(&[("BACKSOON_STORE", "sqlite:./fleet.db")]);
        let mut front = Self { place, gate: None, port: testbed::port::free() };
        front.start();
        front
    }

    fn start(&mut self) {
        let flags = format!("--upstream http://127.0.0.1:9 --admin {}", self.port);
        self.gate = Some(Gate::start(&self.place, &flags));
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn token(&self, role: &str) -> String {
        self.place.done(&format!("token new --name {role}-1 --role {role}")).trim().to_owned()
    }

    /// Where a command line has this store, by a token of this role.
    fn beside(&self, role: &str) -> (Place, String) {
        let token = self.token(role);
        (Place::with(&[("BACKSOON_STORE", &self.url()), ("BACKSOON_TOKEN", &token)]), token)
    }
}

// === impl Behind ===

impl Behind {
    fn start(place: &Place) -> Self {
        let port = testbed::port::free();
        let mut command = place.backsoon();
        command.args(words(&format!("serve --listen 127.0.0.1:{port} --upstream http://127.0.0.1:9")));
        command.env("BACKSOON_LOG", "trace").env("RUST_LOG", "trace");
        let log = |name: &str| Stdio::from(File::create(place.path(name)).unwrap());
        let child = command.stdout(log("out.log")).stderr(log("err.log")).spawn().unwrap();
        let behind = Self { child, port };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "it never listens");
            std::thread::sleep(Duration::from_millis(50));
        }
        behind
    }

    fn status(&self) -> u16 {
        status(([127, 0, 0, 1], self.port).into())
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// That nothing which a program has printed gives the token away.
fn unseen(token: &str, ran: &Ran) {
    let secret = token.splitn(3, '_').nth(2).unwrap();
    assert!(!format!("{ran:?}").contains(secret), "the token is shown");
}

/// How many live, as `status` says.
fn live(status: &str) -> usize {
    status.matches("  live  ").count()
}

#[test]
fn the_command_line_closes_waits_and_reopens_through_a_console() {
    let front = Front::new();
    let (ann, token) = front.beside("operator");
    let mut out = String::new();
    for line in ["on --wait --message 'Back soon.'", "status", "history", "fleet", "check"] {
        let ran = ann.run(line);
        unseen(&token, &ran);
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        out += &ran.out;
    }
    assert!(out.contains("confirmed") && out.contains(&front.url()), "{out}");
    assert!(out.contains(", token operator-1 ("), "the history says whose token it was: {out}");
    assert_eq!(front.gate.as_ref().unwrap().status(), 503);
    let off = ann.run("off --wait");
    assert!(off.code == 0 && off.out.contains("1 live, all have it"), "{off:?}");
    assert_eq!(front.gate.as_ref().unwrap().status(), 502);
    // One request was refused, and who looks at the store itself finds that written down.
    assert!(off.err.lines().all(|line| line.starts_with("waiting: window w-")), "{off:?}");
    assert!(front.place.done("history").contains("1 refused"), "{}", front.place.done("history"));
    // The token may also stand in a file, or in the URL.
    let bare = Place::new();
    bare.write("token", format!("{token}\n"));
    let host = front.url().replace("http://", "");
    for url in [format!("http://{host}?token_file=token"), format!("http://token:{token}@{host}")] {
        let ran = bare.run(&format!("status --store {url}"));
        unseen(&token, &ran);
        assert!(ran.code == 0 && ran.out.contains(&host), "{ran:?}");
    }
    let ran = ann.run("user list");
    assert!(ran.code == 4 && ran.err.contains("not reached through the API, in no role"), "{ran:?}");
    for (token, way_out) in [
        ("", "`backsoon token new --role server` makes one at the gate"),
        ("bst_0123456789ab_wrong", "`backsoon token new --role server` makes another one"),
    ] {
        let mut command = ann.backsoon();
        let ran = Ran::of(command.args(["status"]).env("BACKSOON_TOKEN", token));
        assert!(ran.code != 0 && ran.err.contains(way_out), "{ran:?}");
    }
}

#[test]
fn a_gate_behind_a_console_closes_confirms_and_goes_on_while_that_is_away() {
    let mut front = Front::new();
    let (web, token) = front.beside("server");
    web.write("backsoon.toml", "[[webhook]]\nname = \"ops\"\nurl = \"https://hooks.example.com/\"\n");
    let behind = Behind::start(&web);
    let log = || std::fs::read_to_string(web.path("err.log")).unwrap();
    eventually("it says what it cannot do", || log().contains("webhooks are not sent from here"));
    assert!(!log().contains(&token));
    let ran = until(&front.place, "on --wait=20s --instances 2", |ran| ran.code == 0);
    assert!(ran.out.contains("2 servers at revision"), "{ran:?}");
    assert_eq!(behind.status(), 503);
    // Who may only follow is told so, and changes nothing.
    let ran = web.run("off");
    unseen(&token, &ran);
    assert!(ran.code == 4 && ran.err.contains("never changes it"), "{ran:?}");
    assert!(ran.err.contains("`backsoon token new --role operator` makes one that does"), "{ran:?}");
    let status = web.done("status");
    assert_eq!(live(&status), 2, "{status}");

    front.gate.take().unwrap().kill();
    let ran = web.run("status");
    assert!(ran.code == 4 && ran.err.contains("start the gate with its console"), "{ran:?}");
    std::thread::sleep(Duration::from_secs(12));
    assert_eq!(behind.status(), 503, "it goes on with what it knows");
    front.start();
    until(&front.place, "status", |ran| live(&ran.out) == 2);
    let ran = front.place.run("off --wait=20s --instances 2");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(behind.status(), 502, "open, and nothing is behind it");
    drop(behind);
    for log in ["out.log", "err.log"] {
        let text = std::fs::read_to_string(web.path(log)).unwrap();
        assert!(!text.contains(token.splitn(3, '_').nth(2).unwrap()), "the token is in {log}");
    }
}

#[test]
fn with_tls_the_certificate_is_checked() {
    let front = Front::new();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let outer = Place::with(&[("BACKSOON_STORE", "sqlite:./its-own.db")]);
    outer.write("cert.pem", cert.pem());
    outer.write("key.pem", signing_key.serialize_pem());
    let port = testbed::port::free();
    outer.write(
        "gate.toml",
        format!(
            "[gate]\nlisten = \"127.0.0.1:{port}\"\nupstream = \"{}\"\ntls = {{ cert = \"cert.pem\", key = \"key.pem\" }}\n",
            front.url()
        ),
    );
    let mut command = outer.backsoon();
    command.args(words("serve --config gate.toml")).stdout(Stdio::null()).stderr(Stdio::null());
    let _outer = Behind { child: command.spawn().unwrap(), port };
    let (token, cert) = (front.token("operator"), outer.path("cert.pem"));
    let url = format!("https://localhost:{port}");
    let ann = Place::with(&[("BACKSOON_TOKEN", &token)]);
    let trusting = format!("--store {url}?cacert={}", cert.display());
    until(&ann, &format!("status {trusting}"), |ran| ran.code == 0);
    let ran = ann.run(&format!("on --wait {trusting}"));
    assert!(ran.code == 0 && ran.out.contains("confirmed"), "{ran:?}");
    assert_eq!(front.gate.as_ref().unwrap().status(), 503);
    let ran = ann.run(&format!("status --store {url}"));
    assert!(ran.code == 4 && ran.err.contains("?cacert="), "an unknown authority: {ran:?}");
    let ran = ann.run(&format!("status --store https://127.0.0.1:{port}?cacert={}", cert.display()));
    assert!(ran.code == 4 && ran.err.contains("not good for this name"), "{ran:?}");
    unseen(&token, &ran);
}
