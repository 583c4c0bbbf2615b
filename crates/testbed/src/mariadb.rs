//! A MariaDB server of one's own.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::ground::{Ground, run};
use crate::postgres::{blocking, certify};
use crate::{Server, port};

/// A MariaDB server on a free port. It ends with the value.
#[derive(Debug)]
pub struct MariaDb {
    server: Option<Server>,
    ground: Ground,
    port: u16,
    databases: AtomicU32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    No,
    Yes,
}

/// Of `tester`, who may do all in the tests' databases and is no superuser.
pub const PASSWORD: &str = crate::postgres::PASSWORD;

const ENCODED: &str = "p%40ss%2Fw%3Ard%23%3F%25";

// === impl MariaDb ===

impl MariaDb {
    /// Makes a server.
    ///
    /// # Panics
    /// If the server is not installed (Debian's package `mariadb-server`) or does not start.
    pub async fn start() -> Self {
        Self::start_with(Tls::No).await
    }

    /// Makes a server that offers TLS with a certificate for `localhost` that it signed itself.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_with_tls() -> Self {
        Self::start_with(Tls::Yes).await
    }

    /// The certificate's file, if it offers TLS.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.ground.path("server.crt")
    }

    async fn start_with(tls: Tls) -> Self {
        let mariadb = blocking(move || {
            let ground = Ground::new("mysql");
            let version = run(Command::new("mariadbd").args(["--no-defaults", "--version"]));
            let version: String = version.chars().filter(char::is_ascii_alphanumeric).collect();
            ground.fill(&ground.path("data"), &version, |data| {
                let mut install = ground.command("mariadb-install-db");
                install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
                run(install.arg("--innodb-log-file-size=8M").arg(format!("--datadir={}", data.display())));
            });
            if tls == Tls::Yes {
                let mut openssl = ground.command("openssl");
                certify(&mut openssl, &ground.path("server.crt"), &ground.path("server.key"));
                run(&mut openssl);
            }
            let mut mariadb = Self { server: None, ground, port: port::free(), databases: AtomicU32::new(0) };
            mariadb.run_server();
            mariadb
        })
        .await;
        let user = format!(
            "CREATE USER tester@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON `db%`.* TO tester@'127.0.0.1'"
        );
        mariadb.sql("mysql", &user).await;
        mariadb
    }

    /// The URL of a new and empty database.
    pub async fn database(&self) -> String {
        let name = format!("db{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("mysql", &format!("CREATE DATABASE {name}")).await;
        format!("mysql://tester:{ENCODED}@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs SQL as the superuser in the database with this name or URL, and returns what it prints.
    ///
    /// # Panics
    /// If it fails.
    pub async fn sql(&self, database: &str, sql: &str) -> String {
        let name = database.rsplit('/').next().unwrap_or(database);
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "-u", "root", "-N", "-B", "-D", name, "-e", sql]);
        client.arg(format!("--socket={}", self.ground.path("socket").display()));
        blocking(move || run(&mut client)).await
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it in good order, and its clients with it.
    pub async fn stop(&mut self) {
        let server = self.server.take();
        blocking(move || server.into_iter().for_each(|server| server.stop("TERM"))).await;
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self) {
        let server = self.server.take();
        blocking(move || server.into_iter().for_each(Server::kill)).await;
    }

    /// Starts it again where it was, with the data that it has.
    pub async fn start_again(&mut self) {
        tokio::task::block_in_place(|| self.run_server());
    }

    /// Sends a signal to the server.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&mut self, name: &str) {
        let sent = self.server.as_mut().map(|server| server.signal(name));
        assert!(matches!(sent, Some(Ok(()))), "MariaDB does not run");
    }

    fn run_server(&mut self) {
        let mut command = self.ground.command("mariadbd");
        command.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-log-bin", "--skip-name-resolve"]);
        command.args([
            "--innodb-buffer-pool-size=16M",
            "--innodb-log-file-size=8M",
            "--innodb-use-native-aio=0",
        ]);
        command.arg(format!("--datadir={}", self.ground.path("data").display()));
        command.arg(format!("--socket={}", self.ground.path("socket").display()));
        command.arg(format!("--pid-file={}", self.ground.path("pid").display()));
        command.arg(format!("--port={}", self.port));
        let (certificate, key) = (self.certificate(), self.ground.path("server.key"));
        if certificate.is_file() {
            command.arg(format!("--ssl-cert={}", certificate.display()));
            command.arg(format!("--ssl-key={}", key.display()));
        }
        let mut server = Server::start(&command);
        server.wait_for_port(self.port);
        self.server = Some(server);
    }
}
