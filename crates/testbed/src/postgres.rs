//! A PostgreSQL server of one's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::ground::{Ground, run};
use crate::{Server, port};

/// A PostgreSQL server on a free port. It ends with the value.
#[derive(Debug)]
pub struct Postgres {
    server: Option<Server>,
    ground: Ground,
    port: u16,
    databases: AtomicU32,
    settings: Vec<String>,
}

/// The superuser's; every character in it that matters in a URL is a trap.
pub const PASSWORD: &str = "p@ss/w:rd#?%";

/// The same, percent-encoded.
const ENCODED: &str = "p%40ss%2Fw%3Ard%23%3F%25";

// === impl Postgres ===

impl Postgres {
    /// Makes a server with an ICU collation, in which the order of words is not that of their bytes.
    ///
    /// # Panics
    /// If the server is not installed (Debian's package `postgresql`) or does not start.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with further settings, `max_connections=500`.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_with(settings: &[&str]) -> Self {
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        blocking(|| {
            let ground = Ground::new("postgres");
            let version = run(Command::new(program("postgres")).arg("--version"));
            let version: String = version.chars().filter(char::is_ascii_alphanumeric).collect();
            ground.fill(&ground.path("data"), &version, |data| {
                let file = ground.path("password");
                std::fs::write(&file, PASSWORD).unwrap_or_else(|error| panic!("no password file: {error}"));
                let mut initdb = ground.command(program("initdb"));
                initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]);
                initdb.args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]);
                run(initdb.arg("--pwfile").arg(&file).arg("--pgdata").arg(data));
            });
            let (port, databases) = (port::free(), AtomicU32::new(0));
            let mut postgres = Self { server: None, ground, port, databases, settings };
            postgres.run_server();
            postgres
        })
        .await
    }

    /// The URL of the superuser's own database.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of a new and empty database.
    pub async fn database(&self) -> String {
        let name = format!("db{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}")).await;
        self.url_of(&name)
    }

    /// Runs SQL as the superuser in the database with this name or URL, and returns what it prints.
    ///
    /// # Panics
    /// If it fails.
    pub async fn sql(&self, database: &str, sql: &str) -> String {
        let name = database.rsplit('/').next().unwrap_or(database);
        let mut psql = Command::new("psql");
        psql.env("PGPASSWORD", PASSWORD).args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            "postgres",
        ]);
        psql.args(["-v", "ON_ERROR_STOP=1", "-qXAt", "-d", name, "-c", sql]);
        blocking(move || run(&mut psql)).await
    }

    /// Offers TLS from now on, with a certificate for `localhost` that it signed itself; returns the certificate's file.
    pub async fn offer_tls(&self) -> PathBuf {
        let data = self.ground.path("data");
        let (certificate, key) = (data.join("server.crt"), data.join("server.key"));
        let mut make = self.ground.command("openssl");
        certify(&mut make, &certificate, &key);
        let shown = self.ground.path("server.crt");
        let mut copy = Command::new("install");
        copy.args(["-m", "644"]).args([&certificate, &shown]);
        blocking(move || (run(&mut make), run(&mut copy))).await;
        self.sql("postgres", "ALTER SYSTEM SET ssl = on").await;
        self.sql("postgres", "SELECT pg_reload_conf()").await;
        shown
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it in good order, and its clients with it.
    pub async fn stop(&mut self) {
        let server = self.server.take();
        blocking(move || server.into_iter().for_each(|server| server.stop("INT"))).await;
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self) {
        let server = self.server.take();
        blocking(move || server.into_iter().for_each(Server::kill)).await;
        tokio::task::block_in_place(|| self.ground.wait_until_left(&self.ground.path("data")));
    }

    /// Starts it again where it was, with the data that it has.
    pub async fn start_again(&mut self) {
        tokio::task::block_in_place(|| self.run_server());
    }

    /// Sends a signal to the server's first process and not to those of its clients.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&mut self, name: &str) {
        let sent = self.server.as_mut().map(|server| server.signal(name));
        assert!(matches!(sent, Some(Ok(()))), "PostgreSQL does not run");
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres:{ENCODED}@127.0.0.1:{}/{database}", self.port)
    }

    fn run_server(&mut self) {
        let mut command = self.ground.command(program("postgres"));
        command.arg("-D").arg(self.ground.path("data")).args(["-p", &self.port.to_string()]);
        for setting in
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB"]
        {
            command.args(["-c", setting]);
        }
        // The last one counts.
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let mut server = Server::start(&command);
        server.wait_for_port(self.port);
        let mut ready = Command::new(program("pg_isready"));
        ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        for round in 0.. {
            if ready.status().is_ok_and(|status| status.success()) {
                break;
            }
            assert!(round < 1500, "PostgreSQL is never ready:\n{}", server.log());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        self.server = Some(server);
    }
}

/// Makes `openssl` write a certificate for `localhost` and its key.
pub(crate) fn certify(openssl: &mut Command, certificate: &Path, key: &Path) {
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]);
    // An authority would not do as a server.
    openssl.args([
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
    openssl.arg("-out").arg(certificate).arg("-keyout").arg(key);
}

/// Debian keeps the server's programs out of the path.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.is_file()).max();
    newest.unwrap_or_else(|| PathBuf::from(name))
}

/// Not on the test's own thread, which other tests may share.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
