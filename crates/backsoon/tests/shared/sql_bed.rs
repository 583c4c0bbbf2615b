//! PostgreSQL and MariaDB as the tests of both use them.

use std::sync::Arc;
use std::time::Duration;

use backsoon::store::{Error, PutMode, Store};
use testbed::{MariaDb, Postgres};

/// A server of one kind.
pub(crate) enum Bed {
    Postgres(Postgres),
    MariaDb(MariaDb),
}

/// Runs an `async fn(Bed)` on a server of each kind.
macro_rules! on_both {
    ($($test:ident;)*) => {$(
        mod $test {
            use testbed::{MariaDb, Postgres};
            use crate::sql_bed::Bed;

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn postgres() {
                super::$test(Bed::Postgres(Postgres::start().await)).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn mariadb() {
                super::$test(Bed::MariaDb(MariaDb::start().await)).await;
            }
        }
    )*};
}
pub(crate) use on_both;

/// What a password of the tests looks like in a URL and plainly: neither may be shown to anybody.
pub(crate) const SECRETS: [&str; 2] = [testbed::postgres::PASSWORD, "p%40ss"];

// === impl Bed ===

impl Bed {
    pub(crate) async fn database(&self) -> String {
        match self {
            Self::Postgres(server) => server.database().await,
            Self::MariaDb(server) => server.database().await,
        }
    }

    /// Runs SQL as the superuser. Names in backticks are quoted as the server wants it.
    pub(crate) async fn sql(&self, database: &str, sql: &str) -> String {
        match self {
            Self::Postgres(server) => server.sql(database, &sql.replace('`', "\"")).await,
            Self::MariaDb(server) => server.sql(database, sql).await,
        }
    }

    pub(crate) async fn stop(&mut self) {
        match self {
            Self::Postgres(server) => server.stop().await,
            Self::MariaDb(server) => server.stop().await,
        }
    }

    pub(crate) async fn kill(&mut self) {
        match self {
            Self::Postgres(server) => server.kill().await,
            Self::MariaDb(server) => server.kill().await,
        }
    }

    pub(crate) async fn start_again(&mut self) {
        match self {
            Self::Postgres(server) => server.start_again().await,
            Self::MariaDb(server) => server.start_again().await,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Postgres(server) => server.port(),
            Self::MariaDb(server) => server.port(),
        }
    }

    /// What differs between the two.
    pub(crate) fn either<T>(&self, postgres: T, mariadb: T) -> T {
        match self {
            Self::Postgres(_) => postgres,
            Self::MariaDb(_) => mariadb,
        }
    }
}

/// A store with connections of its own, as another process has them.
pub(crate) async fn open(url: &str) -> Arc<dyn Store> {
    backsoon::store::open(url).await.expect("the store opens without its server")
}

pub(crate) async fn create(store: &Arc<dyn Store>, key: &str) {
    store.put(key, "value".into(), PutMode::Create).await.expect("a put that works");
}

/// The sentence of an error that says "away", which holds no secret.
pub(crate) fn away<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.expect_err("it should have been refused");
    assert!(matches!(error, Error::Away { .. }), "{error:?}");
    no_secret(format!("{error}"), &format!("{error:?}"))
}

pub(crate) fn no_secret(sentence: String, debugged: &str) -> String {
    for secret in SECRETS {
        assert!(!sentence.contains(secret) && !debugged.contains(secret), "{sentence} {debugged}");
    }
    sentence
}

/// Waits until `is_so`, and fails the test after thirty seconds.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "not within thirty seconds: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
