//! Every shared store behind one face, for what must hold of all of them.

use std::process::Command;
use std::sync::Arc;

use backsoon::store::{PutMode, Store};
use testbed::{Proxy, Redis, S3};

use super::fleet::open;
use super::sql_bed;

/// A server of one kind.
pub(crate) enum Bed {
    Sql(sql_bed::Bed),
    /// One that loses nothing that it has acknowledged.
    Redis(Redis),
    /// It forgets all when it ends, so nothing here restarts it.
    S3(S3),
}

/// A store on the server, and the way there through a network that can fail.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) proxy: Proxy,
    /// The store's URL through the proxy.
    pub(crate) url: String,
    /// The same store without the proxy.
    pub(crate) direct: Arc<dyn Store>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Switch {
    On,
    Off,
}

/// Runs an `async fn(Bed)` on a server of each kind, or of those kinds that keep what they know when they are killed.
macro_rules! on_all {
    ($($test:ident;)*) => {$(
        mod $test {
            use $crate::bed::{Bed, on_all, with_credentials};

            on_all! { @lasting $test }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn s3() {
                if with_credentials(concat!(module_path!(), "::s3")) {
                    super::$test(Bed::S3(testbed::S3::start())).await;
                }
            }
        }
    )*};
    (lasting: $($test:ident;)*) => {$(
        mod $test {
            use $crate::bed::{Bed, on_all};

            on_all! { @lasting $test }
        }
    )*};
    (@lasting $test:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn postgres() {
            let server = testbed::Postgres::start().await;
            super::$test(Bed::Sql($crate::sql_bed::Bed::Postgres(server))).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn mariadb() {
            let server = testbed::MariaDb::start().await;
            super::$test(Bed::Sql($crate::sql_bed::Bed::MariaDb(server))).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn redis() {
            super::$test(Bed::Redis(testbed::Redis::lasting(&[]))).await;
        }
    };
}
pub(crate) use on_all;

/// Runs the test at `path` once more with credentials in its environment, unless this is that run.
pub(crate) fn with_credentials(path: &str) -> bool {
    const CHILD: &str = "BACKSOON_TEST_CHILD_S3";
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let test = path.split_once("::").map_or(path, |(_, test)| test);
    let program = std::env::current_exe().expect("the path of this binary");
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture"]).env(CHILD, "yes");
    command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "hush");
    let output = command.output().expect("the child runs");
    let words = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success() && words[0].contains("1 passed"), "{}", words.concat());
    false
}

// === impl Bed ===

impl Bed {
    /// The URL of a new and empty store; `name` is used once.
    pub(crate) async fn url(&self, name: &str) -> String {
        match self {
            Self::Sql(server) => server.database().await,
            Self::Redis(server) => format!("{}?prefix={name}", server.url()),
            Self::S3(server) => {
                server.make_bucket(&format!("bucket-{name}"));
                server.url(&format!("bucket-{name}"))
            }
        }
    }

    /// A new and empty store behind a network of its own.
    pub(crate) async fn line(&self, name: &str) -> Line {
        let proxy = Proxy::to(self.port()).await;
        let url = self.url(name).await;
        let direct = open(&url).await;
        let url = url.replace(&format!(":{}", self.port()), &format!(":{}", proxy.port()));
        Line { proxy, url, direct }
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Sql(server) => server.port(),
            Self::Redis(server) => server.port(),
            Self::S3(server) => server.port(),
        }
    }

    /// Throws away all that is in the store at `url`, by means of the server's own.
    pub(crate) async fn empty(&self, url: &str) {
        match self {
            Self::Sql(server) => drop(server.sql(url, "DROP TABLE backsoon_entries").await),
            Self::Redis(server) => assert_eq!(server.cli(&["FLUSHALL"]), "OK"),
            Self::S3(_) => {
                let store = open(url).await;
                for entry in store.list("").await.expect("a list") {
                    store.delete(&entry.key).await.expect("a delete");
                }
            }
        }
    }

    /// From now on the store at `url` can be read and not written: it is full, or read-only.
    pub(crate) async fn takes_nothing(&self, url: &str) {
        self.read_only(url, Switch::On).await;
    }

    pub(crate) async fn takes_all(&self, url: &str) {
        self.read_only(url, Switch::Off).await;
    }

    async fn read_only(&self, url: &str, switch: Switch) {
        let is_on = switch == Switch::On;
        match self {
            Self::Redis(server) => {
                let said = server.cli(&["CONFIG", "SET", "maxmemory", if is_on { "1" } else { "0" }]);
                assert_eq!(said, "OK");
            }
            Self::Sql(server) => {
                let (name, word) = (url.rsplit('/').next().unwrap_or(url), if is_on { "on" } else { "off" });
                let postgres = format!(
                    "ALTER DATABASE {name} SET default_transaction_read_only = {word}; \
                     SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
                );
                // Those who are connected stay as they were.
                let database = server.either("postgres", "mysql");
                server
                    .sql(database, server.either(&postgres, &format!("SET GLOBAL read_only = {word}")))
                    .await;
            }
            Self::S3(_) => panic!("moto knows no policies"),
        }
    }

    pub(crate) async fn kill(&mut self) {
        match self {
            Self::Sql(server) => server.kill().await,
            Self::Redis(server) => tokio::task::block_in_place(|| server.kill()),
            Self::S3(_) => panic!("this service would forget"),
        }
    }

    pub(crate) async fn start_again(&mut self) {
        match self {
            Self::Sql(server) => server.start_again().await,
            Self::Redis(server) => tokio::task::block_in_place(|| server.start_again()),
            Self::S3(_) => panic!("this service would forget"),
        }
    }
}

/// Puts back what a list has found, and nothing else.
pub(crate) async fn restore(store: &Arc<dyn Store>, backup: Vec<backsoon::store::Entry>) {
    for entry in backup {
        store.put(&entry.key, entry.value, PutMode::Overwrite).await.expect("a put that works");
    }
}
