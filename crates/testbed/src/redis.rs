//! Redis, as Debian's `redis-server` brings it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{Server, port};

/// How long it may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with its data in a folder of its own, which goes with it.
#[derive(Debug)]
pub struct Redis {
    server: Option<Server>,
    port: u16,
    options: Vec<String>,
    folder: tempfile::TempDir,
}

/// The files that a server with TLS needs, in PEM.
#[derive(Debug)]
pub struct Certificate<'a> {
    /// The certificate.
    pub certificate: &'a str,
    /// Its key.
    pub key: &'a str,
}

// === impl Redis ===

impl Redis {
    /// A server that keeps nothing on disk, with `options` as `redis-server` takes them (`--requirepass`, `secret`).
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(options: &[&str]) -> Self {
        Self::start_at(port::free(), options)
    }

    /// A server that loses nothing that it has acknowledged.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn lasting(options: &[&str]) -> Self {
        let lasting = ["--appendonly", "yes", "--appendfsync", "always"];
        Self::start(&[&lasting[..], options].concat())
    }

    /// A server that speaks TLS only.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn with_tls(files: &Certificate<'_>) -> Self {
        let folder = folder();
        let write = |name: &str, text: &str| -> String {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            path.display().to_string()
        };
        let (certificate, key) = (write("cert.pem", files.certificate), write("key.pem", files.key));
        let port = port::free();
        let options = [
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            &certificate,
            "--tls-key-file",
            &key,
            "--tls-auth-clients",
            "no",
            "--port",
            "0",
            "--save",
            "",
        ];
        let mut redis = Self { server: None, port, options: owned(&options), folder };
        redis.start_again();
        redis
    }

    fn start_at(port: u16, options: &[&str]) -> Self {
        let port_option = port.to_string();
        let first = ["--port", &port_option, "--save", ""];
        let options = owned(&[&first[..], options].concat());
        let mut redis = Self { server: None, port, options, folder: folder() };
        redis.start_again();
        redis
    }

    /// The port of loopback that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its files lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The store on it, for a server without a password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, as a power cut of the process would.
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }

    /// Starts it where it was, with what is left in its folder.
    ///
    /// # Panics
    /// If it runs already or cannot be started.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "it runs already");
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--dir"]).arg(self.folder.path()).args(&self.options);
        let mut server = Server::start(&command);
        server.wait_for_port(self.port);
        let begun = Instant::now();
        // It listens before it has read its data.
        while server.log().matches("Ready to accept connections").count() == 0 {
            assert!(begun.elapsed() < PATIENCE, "it is never ready:\n{}", server.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.server = Some(server);
    }

    /// Throws its data away; it must not run.
    ///
    /// # Panics
    /// If its folder cannot be emptied.
    pub fn forget(&self) {
        assert!(self.server.is_none(), "it still runs");
        for entry in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            let path: PathBuf = entry.path();
            let gone =
                if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            gone.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }

    /// Sends a signal by its name: `STOP`, `CONT`.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&mut self, name: &str) {
        let sent = self.server.as_mut().map(|server| server.signal(name));
        assert!(matches!(sent, Some(Ok(()))), "no server to signal: {sent:?}");
    }

    /// What `redis-cli` says to `words`.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn cli(&self, words: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "--no-auth-warning"]).args(words);
        let output =
            command.output().unwrap_or_else(|error| panic!("redis-cli (package redis-tools): {error}"));
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        said
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for redis-server: {error}"))
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
