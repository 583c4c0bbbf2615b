//! The gate as a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::place::{Place, Ran, words};

/// Longer than anything here takes, on however busy a machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running gate; killed when it is dropped.
pub(crate) struct Gate {
    child: Child,
    pub(crate) address: SocketAddr,
}

// === impl Gate ===

impl Gate {
    /// Starts `backsoon serve` with `flags`, and waits until it listens.
    pub(crate) fn start(place: &Place, flags: &str) -> Self {
        let mut command = place.backsoon();
        command.args(words("serve --listen 127.0.0.1:0"));
        command.args(words(flags)).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the gate starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        let address = address.unwrap_or_else(|| panic!("the gate said {line:?}")).parse().unwrap();
        Self { child, address }
    }

    /// A gate before nothing: what it lets pass gets a 502.
    pub(crate) fn before_nothing(place: &Place) -> Self {
        Self::start(place, "--upstream http://127.0.0.1:9")
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
        assert!(self.child.wait().unwrap().success(), "a gate that is told to stop ends well");
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The status of the answer to a request of its own.
    pub(crate) fn status(&self) -> u16 {
        status(self.address)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status of the answer to a request on a connection of its own.
pub(crate) fn status(address: SocketAddr) -> u16 {
    let answer = answer(address, "/");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

/// The whole answer to a request for `path`, likewise.
pub(crate) fn answer(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop.example.com\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Runs `line` until what it did is `right`.
pub(crate) fn until(place: &Place, line: &str, right: impl Fn(&Ran) -> bool) -> Ran {
    let begun = Instant::now();
    loop {
        let ran = place.run(line);
        if right(&ran) {
            return ran;
        }
        assert!(begun.elapsed() < PATIENCE, "backsoon {line} never came right: {ran:?}");
    }
}

#[test]
fn a_gate_that_knew_starts_while_the_store_is_away() {
    let place = Place::new();
    let (store, gone) = (place.default_store(), place.path("gone"));
    Gate::before_nothing(&place).stop();
    place.done("on --message 'Closed.'");
    Gate::before_nothing(&place).stop();
    std::fs::rename(&store, &gone).unwrap();
    // Nothing can be made here, so the store is away and not just new.
    std::fs::write(&store, "in the way").unwrap();

    let gate = Gate::before_nothing(&place);
    assert_eq!(gate.status(), 503, "the local copy speaks");
    assert_eq!(place.run("status").code, 4);
    std::fs::remove_file(&store).unwrap();
    std::fs::rename(&gone, &store).unwrap();
    until(&place, "status --json", |ran| ran.code == 0 && ran.out.contains("\"life\": \"live\""));
    let ran = place.run("off");
    assert!(ran.code == 0 && ran.out.contains("1 live, all have it"), "{ran:?}");
    assert_eq!(gate.status(), 502, "open, and nothing is behind it");
}

#[test]
fn a_gate_that_was_told_what_to_do_starts_without_a_store() {
    let place = Place::new();
    for (told, status) in [("open", 502), ("closed", 503)] {
        place.write("gate.toml", format!("store = \"sqlite:./none/a.db\"\non_unknown = \"{told}\"\n"));
        assert_eq!(Gate::start(&place, "--config gate.toml --upstream http://127.0.0.1:9").status(), status);
    }
    let ran = place.run("serve --upstream http://127.0.0.1:9 --store sqlite:./none/a.db");
    assert_eq!(ran.code, 4, "whoever starts a gate for the first time hears of the slip: {ran:?}");
}

#[test]
fn a_gate_that_cannot_listen_says_so() {
    let place = Place::new();
    let gate = Gate::before_nothing(&place);
    let ran = place.run(&format!("serve --upstream http://127.0.0.1:9 --listen {}", gate.address));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    assert!(ran.err.contains(&gate.address.to_string()) && ran.err.contains("in use"), "{ran:?}");
    let ran = place.run("serve");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains("--upstream"), "{ran:?}");
    for line in ["serve --upstream ftp://a", "serve --listen here", "serve --drain-limit soon"] {
        let ran = place.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    }
}
