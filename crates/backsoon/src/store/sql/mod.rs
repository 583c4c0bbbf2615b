//! Values as rows of one table: a SQLite file for one machine, a PostgreSQL or a MySQL (MariaDB) database for a fleet.
//!
//! Every write is one statement, and so one transaction: nothing can come between its look and its write. A version is
//! random, and so never comes back. Keys are compared by their bytes, whatever the database's language.

mod database;
mod dialect;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;

use self::database::{Database, Parameter, Row};
use super::{
    Entry, Error, PutMode, Result, Store, VALUE_LIMIT, Version, check_key, check_prefix, check_size,
    now_in_millis,
};

/// A table `backsoon_entries` in a database. Clones share their connections.
///
/// # The table
///
/// `backsoon_entries` is made by the first write that misses it. A role that may not make tables works as well, once
/// somebody has made it: let a role that may write once (`backsoon on` and `off`), and then grant the others no more than
///
/// ```sql
/// GRANT SELECT, INSERT, UPDATE, DELETE ON backsoon_entries TO the_role;
/// ```
///
/// # What PostgreSQL and MySQL promise
///
/// - **Durable as the server commits.** `Create` and `Update` have returned only after its commit. A server that is told to
///   acknowledge early (`synchronous_commit = off`, `innodb_flush_log_at_trx_commit` other than 1) may forget the last moments
///   in a power cut.
/// - **One primary.** The URL must lead to the server that takes the writes. A replica answers late, and a reader that is
///   late breaks the order on which receipts rest; on a Galera cluster set `wsrep_sync_wait = 1`.
/// - **Lazy.** The URL is checked when the store is opened, and nobody connects before the first question. While the server
///   is away each call fails: without a connection after 3 s, without an answer after 10 s. When it is back, so is the store.
/// - **Few connections.** At most four that read and one that writes, per process; those that idle are closed. One more
///   follows the changes, for all hints of the store.
/// - **Hints.** PostgreSQL notifies in the transaction of the write itself, except of beats (`roster/`, `leases/`, `crew/`): hints of
///   those keys come once a second. Through a pooler that shares connections between transactions no notification comes, and
///   callers' polls do. MySQL cannot push: the version of each watched key is asked for five times a second.
/// - **Encrypted if asked for.** Without `sslmode` a server that offers TLS gets it, and nobody checks its certificate.
///   `sslmode=verify-full` (PostgreSQL) or `ssl-mode=VERIFY_IDENTITY` (MySQL) checks it by the machine's certificates, or those
///   of `sslrootcert` (`ssl-ca`).
/// - **Values** have up to 16 MiB here; MySQL takes none larger than its `max_allowed_packet`, less a few hundred bytes.
#[derive(Clone)]
pub struct SqlStore {
    database: Arc<dyn Database>,
}

// === impl SqlStore ===

impl SqlStore {
    /// Opens a SQLite database, and makes the file (not its directory) if it is not there yet.
    ///
    /// # Errors
    /// [`Error::Away`] if it cannot be opened or made, or is no SQLite database.
    #[cfg(feature = "sqlite")]
    pub async fn sqlite(path: impl Into<std::path::PathBuf>) -> Result<Self> {
        let path = path.into();
        let path = std::path::absolute(&path).unwrap_or(path);
        sqlite::Sqlite::open(path).await.map(Self::on)
    }

    #[cfg(feature = "sqlite")]
    pub(super) async fn at(
        path: std::path::PathBuf,
        if_missing: super::open::IfMissing,
    ) -> Result<Option<Self>> {
        Ok(sqlite::Sqlite::at(path, if_missing).await?.map(Self::on))
    }

    /// Names a PostgreSQL database, `postgres://user:password@host:5432/database?sslmode=verify-full`, and does not connect
    /// yet. What is no letter or digit in the user or the password is percent-encoded; without a password in the URL
    /// `PGPASSWORD` and `~/.pgpass` are looked at.
    ///
    /// Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Url`] if the URL is not understood.
    #[cfg(feature = "postgres")]
    pub fn postgres(url: &str) -> Result<Self> {
        postgres::Postgres::new(url).map(Self::on)
    }

    /// Names a MySQL or MariaDB database, `mysql://user:password@host:3306/database?ssl-mode=VERIFY_IDENTITY`, and does not
    /// connect yet. What is no letter or digit in the user or the password is percent-encoded.
    ///
    /// Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Url`] if the URL is not understood.
    #[cfg(feature = "mysql")]
    pub fn mysql(url: &str) -> Result<Self> {
        mysql::MySql::new(url).map(Self::on)
    }

    fn on(database: impl Database) -> Self {
        Self { database: Arc::new(database) }
    }

    /// Does one writing statement and says how many rows it touched. The table is made when it is first missed.
    async fn write(
        &self,
        doing: String,
        statement: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<u64> {
        self.database.must_be_there().await?;
        let done = match self.database.write(statement, parameters).await {
            Err(error) if self.database.is_missing_table(&error) => {
                let made = self.database.write(self.database.dialect().make_table, &[]).await;
                // Of many that make it at once some may fail, and yet it is there.
                match self.database.write(statement, parameters).await {
                    Err(error) if self.database.is_missing_table(&error) => made.and(Err(error)),
                    done => done,
                }
            }
            done => done,
        };
        done.map_err(|error| self.database.away(&doing, error))
    }

    /// The rows; none if there is no table yet.
    async fn read(
        &self,
        doing: String,
        statement: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>> {
        self.database.must_be_there().await?;
        match self.database.read(statement, parameters).await {
            Err(error) if self.database.is_missing_table(&error) => Ok(Vec::new()),
            read => read.map_err(|error| self.database.away(&doing, error)),
        }
    }

    fn entry(&self, (key, version, size, value): Row) -> Result<Entry> {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        match value {
            Some(value) => Ok(Entry { key, value: value.into(), version: Version(version) }),
            None => Err(Error::TooLarge { key, store: self.url(), size, limit: VALUE_LIMIT }),
        }
    }
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SqlStore").field(&self.url()).finish()
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        check_key(key)?;
        let get = self.database.dialect().get;
        let rows = self.read(format!("reading `{key}`"), get, &[LIMIT, Parameter::Text(key)]).await?;
        rows.into_iter().next().map(|row| self.entry(row)).transpose()
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        check_key(key)?;
        check_size(key, &value, || self.url())?;
        let dialect = self.database.dialect();
        let new = format!("{:032x}", fastrand::u128(..));
        let (key_, value, version) = (Parameter::Text(key), Parameter::Bytes(&value), Parameter::Text(&new));
        let doing = format!("writing `{key}`");
        let touched = match &mode {
            PutMode::Overwrite => self.write(doing, dialect.overwrite, &[key_, value, version]).await?,
            PutMode::Create => self.write(doing, dialect.create, &[key_, value, version]).await?,
            PutMode::Update(Version(held)) => {
                let parameters = [value, version, key_, Parameter::Text(held)];
                self.write(doing, dialect.update, &parameters).await?
            }
        };
        match touched {
            0 => Err(Error::Conflict { key: key.to_owned() }),
            _ => Ok(Version(new)),
        }
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let dialect = self.database.dialect();
        let aside = format!("{key}{}{}", super::ASIDE, now_in_millis());
        let (key_, aside) = (Parameter::Text(key), Parameter::Text(&aside));
        self.write(format!("setting `{key}` aside"), dialect.set_aside, &[aside, key_, LIMIT]).await?;
        self.write(format!("deleting `{key}`"), dialect.delete, &[key_, LIMIT]).await.map(drop)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        check_prefix(prefix)?;
        // In a key, no byte is as large as `~`: what starts with the prefix lies before that.
        let end = format!("{prefix}~");
        let parameters = [LIMIT, Parameter::Text(prefix), Parameter::Text(&end)];
        let rows =
            self.read(format!("listing `{prefix}`"), self.database.dialect().list, &parameters).await?;
        // What was set aside is not an entry.
        let rows = rows.into_iter().filter(|row| check_key(&row.0).is_ok());
        rows.map(|row| self.entry(row)).collect()
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        self.database.hints(key)
    }

    fn url(&self) -> String {
        self.database.url()
    }
}

const LIMIT: Parameter<'static> = Parameter::Size(VALUE_LIMIT as i64);
