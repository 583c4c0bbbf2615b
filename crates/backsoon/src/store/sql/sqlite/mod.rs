//! A file that SQLite keeps.

mod trouble;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::super::identity;
use super::super::open::IfMissing;
use super::super::{Error, Result};
use super::database::{Database, PATIENCE, Parameter, Row, bound, patiently};
use super::dialect::{Dialect, SQLITE};

/// How long SQLite itself waits for a lock. Short, so that a write whose caller has gone does not land much later.
const BUSY: Duration = Duration::from_millis(200);

/// How many reads go on at the same time.
const READERS: u32 = 4;

/// Reads something of the file, so that one that is no database shows itself.
const TRY_OUT: &str = "SELECT count(*) FROM sqlite_schema";

pub(super) struct Sqlite {
    path: PathBuf,
    /// Which file was opened, as [`identity`] says.
    file: Option<(u64, u64)>,
    /// One connection only: this process's writers line up here, in order, and not at the database's lock.
    writer: SqlitePool,
    readers: SqlitePool,
}

// === impl Sqlite ===

impl Sqlite {
    pub(super) async fn open(path: PathBuf) -> Result<Self> {
        trouble::look_at(&path).await?;
        Self::new(path, IfMissing::Create).try_out().await
    }

    pub(super) async fn at(path: PathBuf, if_missing: IfMissing) -> Result<Option<Self>> {
        match if_missing {
            IfMissing::Create => Self::open(path).await.map(Some),
            IfMissing::Leave if trouble::look_at(&path).await?.is_none() => Ok(None),
            IfMissing::Leave => Self::new(path, if_missing).try_out().await.map(Some),
        }
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
            writer: writer.connect_lazy_with(to_write.synchronous(SqliteSynchronous::Full)),
            readers: readers.connect_lazy_with(to_read),
        }
    }

    /// Makes the file, if it may, and sees that it is a database.
    async fn try_out(mut self) -> Result<Self> {
        self.write(TRY_OUT, &[]).await.map_err(|error| self.away("opening it", error))?;
        self.file = trouble::look_at(&self.path).await?.as_ref().and_then(identity);
        Ok(self)
    }
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sqlite").field(&self.path).finish()
    }
}

#[async_trait]
impl Database for Sqlite {
    fn dialect(&self) -> &'static Dialect {
        &SQLITE
    }

    async fn write(&self, statement: &'static str, parameters: &[Parameter<'_>]) -> sqlx::Result<u64> {
        let write = || bound!(sqlx::query(statement), parameters).execute(&self.writer);
        patiently(trouble::is_busy, write).await.map(|done| done.rows_affected())
    }

    async fn read(&self, statement: &'static str, parameters: &[Parameter<'_>]) -> sqlx::Result<Vec<Row>> {
        let read = || bound!(sqlx::query_as::<_, Row>(statement), parameters).fetch_all(&self.readers);
        patiently(trouble::is_busy, read).await
    }

    /// An open file lives on without a name, and SQLite would go on writing to it unseen.
    async fn must_be_there(&self) -> Result<()> {
        match trouble::look_at(&self.path).await? {
            Some(found) if identity(&found) == self.file => Ok(()),
            Some(_) | None => Err(trouble::replaced(&self.path)),
        }
    }

    fn is_missing_table(&self, error: &sqlx::Error) -> bool {
        trouble::is_missing_table(error)
    }

    fn away(&self, doing: &str, error: sqlx::Error) -> Error {
        trouble::away(&self.path, doing, error)
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        watch::hints(options(&self.path), key)
    }

    fn url(&self) -> String {
        trouble::url(&self.path)
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    // Its log would have a line for every look of the watch, fifty a second.
    SqliteConnectOptions::new().filename(path).busy_timeout(BUSY).disable_statement_logging()
}
