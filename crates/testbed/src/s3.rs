//! An S3 service: `moto` from PyPI, in the environment that `scripts/venv` makes under the target directory.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use crate::{Server, port};

/// Does one request at a time. Moto compares and swaps in two steps, so with threads alone a conditional put would not be
/// one; a real service's is. Connections have threads all the same: a client may open one and say nothing over it.
const PROGRAM: &str = "
import sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
app, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()
def one_at_a_time(environ, start_response):
    with turn:
        return list(app(environ, start_response))
run_simple('127.0.0.1', int(sys.argv[1]), one_at_a_time, threaded=True)
";

/// A service with buckets in memory.
#[derive(Debug)]
pub struct S3 {
    server: Option<Server>,
    port: u16,
}

// === impl S3 ===

impl S3 {
    /// An empty service.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        let mut s3 = Self { server: None, port: port::free() };
        s3.start_again();
        s3
    }

    /// The port of loopback that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The store in a folder of `bucket`. Credentials, of any value, come from the environment.
    #[must_use]
    pub fn url(&self, bucket: &str) -> String {
        format!("s3://{bucket}/folder?endpoint=http://127.0.0.1:{}&allow_http=true", self.port)
    }

    /// Makes a bucket; its name has at least three characters.
    ///
    /// # Panics
    /// If the service refuses.
    pub fn make_bucket(&self, bucket: &str) {
        self.put(&format!("/{bucket}"), b"");
    }

    /// Puts bytes as they are at `path` (`/bucket/name`), as somebody else would.
    ///
    /// # Panics
    /// If the service refuses.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.ask("PUT", path, bytes);
    }

    /// The names of all objects in `bucket`.
    ///
    /// # Panics
    /// If the service refuses.
    #[must_use]
    pub fn names(&self, bucket: &str) -> Vec<String> {
        let listing = self.ask("GET", &format!("/{bucket}"), b"");
        let names = listing.split("<Key>").skip(1);
        names.filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned())).collect()
    }

    fn ask(&self, method: &str, path: &str, bytes: &[u8]) -> String {
        let sent = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            let (host, length) = (format!("127.0.0.1:{}", self.port), bytes.len());
            let head = format!(
                "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(bytes)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = sent().unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(answer.split(' ').nth(1) == Some("200"), "{path}: {answer}");
        answer
    }

    /// What it has written so far: a line per request.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.as_ref().map(Server::log).unwrap_or_default()
    }

    /// Ends it; what it held is gone.
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }

    /// Starts it where it was, empty.
    ///
    /// # Panics
    /// If it runs already or cannot be started.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "it runs already");
        let mut command = Command::new(python());
        command.args(["-c", PROGRAM, &self.port.to_string()]);
        let mut server = Server::start(&command);
        server.wait_for_port(self.port);
        self.server = Some(server);
    }
}

/// The environment's Python: in the target directory, which this very program lies in.
fn python() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("where is this program? {error}"));
    let candidates = program.ancestors().map(|folder| folder.join("venv/bin/python"));
    let found = candidates.into_iter().find(|python| python.exists());
    found.unwrap_or_else(|| panic!("run scripts/venv first: it installs the S3 service that this test needs"))
}
