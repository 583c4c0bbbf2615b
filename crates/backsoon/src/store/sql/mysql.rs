//! A database of MySQL or MariaDB.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError};
use sqlx::{ConnectOptions as _, Executor as _};

use super::super::{Error, Result};
use super::database::{Database, PATIENCE, Parameter, Row, bound};
use super::dialect::{Dialect, MYSQL};
use super::server::{Address, CONNECT, Keys, News, STATEMENT, Server, Source, Trouble, trouble, within};

/// What may follow the `?` of the URL.
const PARAMETERS: &[&str] =
    &["ssl-mode", "sslmode", "ssl-ca", "sslca", "ssl-cert", "sslcert", "ssl-key", "sslkey", "socket"];

/// The pause between two looks of the watch.
const PAUSE: Duration = Duration::from_millis(200);

/// Values up to this size pass every server's `max_allowed_packet`.
const SMALL: usize = 512 * 1024;

pub(super) struct MySql {
    url: String,
    server: Server<sqlx::MySql>,
    news: Arc<News>,
}

struct Watch {
    options: MySqlConnectOptions,
}

/// Text comes as bytes: what others have written need not be text.
type Bytes = (Vec<u8>, Vec<u8>, i64, Option<Vec<u8>>);

// === impl MySql ===

impl MySql {
    pub(super) fn new(url: &str) -> Result<Self> {
        let Address { url, shown } = Address::read(url, PARAMETERS, "socket")?;
        let options = MySqlConnectOptions::from_url(&url)
            .map_err(|error| Error::Url(format!("`{shown}`: {error}")))?
            .disable_statement_logging();
        let news = News::from(Watch { options: options.clone() }, &shown);
        let server = Server::new(options, |pool| {
            pool.after_connect(|connection: &mut sqlx::MySqlConnection, _| {
                // A statement whose caller has gone does not wait on for a lock.
                const { assert!(STATEMENT.as_secs() == 9) };
                let set = "SET SESSION innodb_lock_wait_timeout = 9, SESSION lock_wait_timeout = 9";
                Box::pin(async move { connection.execute(set).await.map(drop) })
            })
        });
        Ok(Self { url: shown, server, news })
    }
}

impl std::fmt::Debug for MySql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MySql").field(&self.url).finish()
    }
}

#[async_trait]
impl Database for MySql {
    fn dialect(&self) -> &'static Dialect {
        &MYSQL
    }

    async fn write(&self, statement: &'static str, parameters: &[Parameter<'_>]) -> sqlx::Result<u64> {
        let write = async || {
            let mut connection = self.server.writer.lend().await?;
            bound!(sqlx::query(statement), parameters).execute(&mut *connection).await
        };
        match self.server.ask(is_busy, write).await {
            Ok(done) => Ok(done.rows_affected()),
            // The key exists.
            Err(error) if number(&error) == Some(1062) => Ok(0),
            // It hangs up on a packet that it does not want, often before it could say so.
            Err(sqlx::Error::Io(error)) if is_large(parameters) => {
                let sentence = format!(
                    "{error}: the server may not take a value of this size; set its max_allowed_packet to 32M"
                );
                Err(io::Error::new(error.kind(), sentence).into())
            }
            Err(error) => Err(error),
        }
    }

    async fn read(&self, statement: &'static str, parameters: &[Parameter<'_>]) -> sqlx::Result<Vec<Row>> {
        let read = async || {
            let mut connection = self.server.readers.lend().await?;
            bound!(sqlx::query_as::<_, Bytes>(statement), parameters).fetch_all(&mut *connection).await
        };
        let rows = self.server.ask(is_busy, read).await?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(rows
            .into_iter()
            .map(|(key, version, size, value)| (text(key), text(version), size, value))
            .collect())
    }

    fn is_missing_table(&self, error: &sqlx::Error) -> bool {
        is_missing_table(error)
    }

    fn away(&self, doing: &str, error: sqlx::Error) -> Error {
        let number = number(&error).unwrap_or_default();
        trouble::away(&self.url, doing, &error, |_| (format!("MySQL {number}"), meaning(number)))
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        self.news.hints(key)
    }

    fn url(&self) -> String {
        self.url.clone()
    }
}

// === impl Watch ===

#[async_trait]
impl Source for Watch {
    async fn follow(&self, keys: &Keys) -> sqlx::Result<()> {
        let mut connection = within(CONNECT, self.options.connect()).await?;
        keys.ring_all();
        let mut versions = HashMap::<String, Option<Vec<u8>>>::new();
        loop {
            let awaited = keys.awaited();
            if awaited.is_empty() {
                return Ok(());
            }
            versions.retain(|key, _| awaited.contains(key));
            for key in awaited {
                let look = sqlx::query_scalar(MYSQL.version).bind(&key).fetch_optional(&mut connection);
                let version = match within(PATIENCE, look).await {
                    Err(error) if is_missing_table(&error) => None,
                    looked => looked?,
                };
                if versions.get(&key) != Some(&version) {
                    keys.ring(&key);
                    versions.insert(key, version);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn is_large(parameters: &[Parameter<'_>]) -> bool {
    parameters.iter().any(|parameter| matches!(parameter, Parameter::Bytes(bytes) if bytes.len() > SMALL))
}

fn number(error: &sqlx::Error) -> Option<u16> {
    Some(error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

fn is_missing_table(error: &sqlx::Error) -> bool {
    number(error) == Some(1146)
}

/// True if the transaction was given up for another's sake, and nothing was done
/// (<https://mariadb.com/kb/en/mariadb-error-code-reference/>).
fn is_busy(error: &sqlx::Error) -> bool {
    number(error) == Some(1213)
}

fn meaning(number: u16) -> Trouble {
    match number {
        1045 | 1698 => Trouble::Credentials,
        1049 => Trouble::NoDatabase,
        1044 | 1142 | 1143 | 1227 => Trouble::Forbidden,
        1290 | 1792 | 1836 => Trouble::ReadOnly,
        1021 | 1114 => Trouble::Full,
        1040 | 1203 | 1226 => Trouble::Crowded,
        1053 => Trouble::Starting,
        1205 | 1213 => Trouble::Locked,
        1153 => Trouble::Packet,
        _ => Trouble::Unknown,
    }
}
