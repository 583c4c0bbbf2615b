//! The gate as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
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
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: shop.example.com\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
