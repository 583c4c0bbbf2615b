//! A database of PostgreSQL.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions as _, Executor as _};

use super::super::{Error, Result, once_a_second};
use super::database::{Database, PATIENCE, Parameter, Row, bound};
use super::dialect::{Dialect, POSTGRES};
use super::server::{Address, CONNECT, Keys, News, STATEMENT, Server, Source, Trouble, trouble, within};

/// What may follow the `?` of the URL.
const PARAMETERS: &[&str] =
    &["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "application_name", "options"];

/// Where the statements of the dialect notify, with the key as payload.
const CHANNEL: &str = "backsoon_entries";

/// Of these nobody is notified.
const BEATS: [&str; 3] = ["crew/", "roster/", "leases/"];

/// How often a listener that hears nothing asks whether the server is still there.
const TICK: Duration = Duration::from_secs(5);

pub(super) struct Postgres {
    url: String,
    server: Server<sqlx::Postgres>,
    news: Arc<News>,
}

struct Listener {
    options: PgConnectOptions,
}

// === impl Postgres ===

impl Postgres {
    pub(super) fn new(url: &str) -> Result<Self> {
        let Address { url, shown } = Address::read(url, PARAMETERS, "host")?;
        let options = PgConnectOptions::from_url(&url)
            .map_err(|error| Error::Url(format!("`{shown}`: {error}")))?
            .options([("statement_timeout", STATEMENT.as_millis())])
            .disable_statement_logging();
        let news = News::from(Listener { options: options.clone() }, &shown);
        Ok(Self { url: shown, server: Server::new(options, |pool| pool), news })
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Postgres").field(&self.url).finish()
    }
}

#[async_trait]
impl Database for Postgres {
    fn dialect(&self) -> &'static Dialect {
        &POSTGRES
    }

    async fn write(&self, statement: &'static str, parameters: &[Parameter<'_>]) -> sqlx::Result<u64> {
        let write = async || {
            let mut connection = self.server.writer.lend().await?;
            bound!(sqlx::query(statement), parameters).execute(&mut *connection).await
        };
        self.server.ask(is_busy, write).await.map(|done| done.rows_affected())
    }

    async fn read(&self, statement: &'static str, parameters: &[Parameter<'_>]) -> sqlx::Result<Vec<Row>> {
        let read = async || {
            let mut connection = self.server.readers.lend().await?;
            bound!(sqlx::query_as::<_, Row>(statement), parameters).fetch_all(&mut *connection).await
        };
        self.server.ask(is_busy, read).await
    }

    fn is_missing_table(&self, error: &sqlx::Error) -> bool {
        code(error).as_deref() == Some("42P01")
    }

    fn away(&self, doing: &str, error: sqlx::Error) -> Error {
        trouble::away(&self.url, doing, &error, |error| {
            let code = error.code().unwrap_or_default();
            (format!("PostgreSQL {code}"), meaning(&code))
        })
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        if BEATS.iter().any(|beats| key.starts_with(beats)) {
            return once_a_second();
        }
        self.news.hints(key)
    }

    fn url(&self) -> String {
        self.url.clone()
    }
}

// === impl Listener ===

#[async_trait]
impl Source for Listener {
    async fn follow(&self, keys: &Keys) -> sqlx::Result<()> {
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.acquire_timeout(CONNECT).connect_lazy_with(self.options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        // What was notified while it was away is lost: whoever waits must look again first.
        listener.eager_reconnect(false);
        within(PATIENCE, listener.listen(CHANNEL)).await?;
        keys.ring_all();
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                heard = listener.try_recv() => match heard? {
                    Some(heard) => keys.ring(heard.payload()),
                    None => return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into()),
                },
                _ = ticks.tick() => {
                    if keys.awaited().is_empty() {
                        return Ok(());
                    }
                    within(PATIENCE, listener.execute("SELECT 1")).await?;
                }
            }
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// True if the transaction was given up for another's sake, and nothing was done
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn is_busy(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("40001" | "40P01"))
}

fn meaning(code: &str) -> Trouble {
    match code {
        "28P01" | "28000" => Trouble::Credentials,
        "3D000" => Trouble::NoDatabase,
        "42501" => Trouble::Forbidden,
        "25006" => Trouble::ReadOnly,
        "53100" => Trouble::Full,
        "53300" => Trouble::Crowded,
        "57P01" | "57P02" | "57P03" => Trouble::Starting,
        "40001" | "40P01" | "55P03" | "57014" => Trouble::Locked,
        _ => Trouble::Unknown,
    }
}
