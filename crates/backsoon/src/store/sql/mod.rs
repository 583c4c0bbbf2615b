//! Values as rows of one table. Today the database is SQLite; the statements stand in a table per dialect, so that
//! PostgreSQL and MySQL are one more table each.
//!
//! Every write is one statement, and so one transaction: it takes the write lock before it reads, and nothing can
//! come between its look and its write. A version is random, and so never comes back.

mod dialect;
mod trouble;
mod watch;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use self::dialect::{Dialect, SQLITE};
use self::trouble::{is_busy, is_missing_table};
use super::open::IfMissing;
use super::{
    Entry, Error, PutMode, Result, Store, VALUE_LIMIT, Version, check_key, check_prefix, check_size,
    identity, now_in_millis,
};

/// How long to try while other processes write. A write takes milliseconds; longer than this, one of them hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long SQLite itself waits for a lock. Short, so that a write whose caller has gone does not land much later.
const BUSY: Duration = Duration::from_millis(200);

/// How many reads go on at the same time.
const READERS: u32 = 4;

/// A table `backsoon_entries` in a database. Clones share their connections.
#[derive(Clone)]
pub struct SqlStore {
    path: PathBuf,
    /// Which file was opened, as [`identity`] says.
    file: Option<(u64, u64)>,
    dialect: &'static Dialect,
    /// One connection only: this process's writers line up here, in order, and not at the database's lock.
    writer: SqlitePool,
    readers: SqlitePool,
}

/// A row as it is read: key, version, size, and the value unless it is too large to be one.
type Row = (String, String, i64, Option<Vec<u8>>);

// === impl SqlStore ===

impl SqlStore {
    /// Opens a SQLite database, and makes the file (not its directory) if it is not there yet.
    ///
    /// # Errors
    /// [`Error::Away`] if it cannot be opened or made, or is no SQLite database.
    pub async fn sqlite(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let path = std::path::absolute(&path).unwrap_or(path);
        trouble::look_at(&path).await?;
        Self::new(path, IfMissing::Create).try_out().await
    }

    pub(super) async fn at(path: PathBuf, if_missing: IfMissing) -> Result<Option<Self>> {
        match if_missing {
            IfMissing::Create => Self::sqlite(path).await.map(Some),
            IfMissing::Leave if trouble::look_at(&path).await?.is_none() => Ok(None),
            IfMissing::Leave => Self::new(path, if_missing).try_out().await.map(Some),
        }
    }

    /// The database's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn new(path: PathBuf, if_missing: IfMissing) -> Self {
        let to_read = options(&path);
        let to_write = match if_missing {
            // The journal's mode is kept in the file: to set it may write.
            IfMissing::Create => to_read.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal),
            IfMissing::Leave => to_read.clone(),
        };
        let pool = || SqlitePoolOptions::new().acquire_timeout(PATIENCE).test_before_acquire(false);
        let writer = pool().max_connections(1).idle_timeout(None).max_lifetime(None);
        let readers = pool().max_connections(READERS);
        Self {
            path,
            file: None,
            dialect: &SQLITE,
            writer: writer.connect_lazy_with(to_write.synchronous(SqliteSynchronous::Full)),
            readers: readers.connect_lazy_with(to_read),
        }
    }

    /// Makes the file, if it may, and sees that it is a database.
    async fn try_out(mut self) -> Result<Self> {
        let read = || sqlx::query(self.dialect.try_out).execute(&self.writer);
        patiently(read).await.map_err(|error| self.away("opening it", error))?;
        self.file = trouble::look_at(&self.path).await?.as_ref().and_then(identity);
        Ok(self)
    }

    /// An open file lives on without a name, and SQLite would go on writing to it unseen.
    async fn must_be_there(&self) -> Result<()> {
        match trouble::look_at(&self.path).await? {
            Some(found) if identity(&found) == self.file => Ok(()),
            Some(_) | None => Err(trouble::replaced(&self.path)),
        }
    }

    /// Does one writing statement and says how many rows it touched. The table is made when it is first missed.
    async fn write<F>(&self, doing: String, statement: impl Fn() -> F) -> Result<u64>
    where
        F: Future<Output = sqlx::Result<sqlx::sqlite::SqliteQueryResult>>,
    {
        self.must_be_there().await?;
        let make_table = || sqlx::query(self.dialect.make_table).execute(&self.writer);
        let done = match patiently(&statement).await {
            Err(error) if is_missing_table(&error) => match patiently(make_table).await {
                Ok(_) => patiently(&statement).await,
                failed => failed,
            },
            done => done,
        };
        done.map(|done| done.rows_affected()).map_err(|error| self.away(&doing, error))
    }

    fn entry(&self, (key, version, size, value): Row) -> Result<Entry> {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        match value {
            Some(value) => Ok(Entry { key, value: value.into(), version: Version(version) }),
            None => Err(Error::TooLarge { key, store: self.url(), size, limit: VALUE_LIMIT }),
        }
    }

    fn away(&self, doing: &str, error: sqlx::Error) -> Error {
        trouble::away(&self.path, doing, error)
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
        self.must_be_there().await?;
        let get = || sqlx::query_as(self.dialect.get).bind(key).bind(LIMIT).fetch_optional(&self.readers);
        match patiently(get).await {
            Ok(row) => row.map(|row| self.entry(row)).transpose(),
            Err(error) if is_missing_table(&error) => Ok(None),
            Err(error) => Err(self.away(&format!("reading `{key}`"), error)),
        }
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        check_key(key)?;
        check_size(key, &value, || self.url())?;
        let (sql, expected) = match mode {
            PutMode::Overwrite => (self.dialect.overwrite, None),
            PutMode::Create => (self.dialect.create, None),
            PutMode::Update(Version(expected)) => (self.dialect.update, Some(expected)),
        };
        let version = format!("{:032x}", fastrand::u128(..));
        let put = || {
            let query = sqlx::query(sql).bind(key).bind(&*value).bind(&version);
            expected.iter().fold(query, |query, expected| query.bind(expected)).execute(&self.writer)
        };
        match self.write(format!("writing `{key}`"), put).await? {
            0 => Err(Error::Conflict { key: key.to_owned() }),
            _ => Ok(Version(version)),
        }
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let aside = format!("{key}{}{}", super::ASIDE, now_in_millis());
        let set_aside =
            || sqlx::query(self.dialect.set_aside).bind(key).bind(LIMIT).bind(&aside).execute(&self.writer);
        let delete = || sqlx::query(self.dialect.delete).bind(key).bind(LIMIT).execute(&self.writer);
        self.write(format!("setting `{key}` aside"), set_aside).await?;
        self.write(format!("deleting `{key}`"), delete).await.map(drop)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        check_prefix(prefix)?;
        self.must_be_there().await?;
        // In a key, no byte is as large as `~`: what starts with the prefix lies before that.
        let end = format!("{prefix}~");
        let list = || {
            sqlx::query_as::<_, Row>(self.dialect.list)
                .bind(prefix)
                .bind(LIMIT)
                .bind(&end)
                .fetch_all(&self.readers)
        };
        match patiently(list).await {
            Ok(rows) => {
                // What was set aside is not an entry.
                let rows = rows.into_iter().filter(|row| check_key(&row.0).is_ok());
                rows.map(|row| self.entry(row)).collect()
            }
            Err(error) if is_missing_table(&error) => Ok(Vec::new()),
            Err(error) => Err(self.away(&format!("listing `{prefix}`"), error)),
        }
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        watch::hints(options(&self.path), self.dialect, key)
    }

    fn url(&self) -> String {
        trouble::url(&self.path)
    }
}

const LIMIT: i64 = VALUE_LIMIT as i64;

fn options(path: &Path) -> SqliteConnectOptions {
    // Its log would have a line for every look of the watch, fifty a second.
    SqliteConnectOptions::new().filename(path).busy_timeout(BUSY).disable_statement_logging()
}

/// Tries again while others hold the database: "busy" means that nothing was done.
async fn patiently<T, F>(attempt: impl Fn() -> F) -> sqlx::Result<T>
where
    F: Future<Output = sqlx::Result<T>>,
{
    let start = Instant::now();
    loop {
        match attempt().await {
            Err(error) if is_busy(&error) && start.elapsed() < PATIENCE => {
                // Random, so that no writer always loses.
                tokio::time::sleep(Duration::from_micros(fastrand::u64(500..5_000))).await;
            }
            done => return done,
        }
    }
}
