//! What a store asks of its database, whichever it is.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_core::stream::BoxStream;

use super::super::{Error, Result};
use super::dialect::Dialect;

/// A row as it is read: key, version, size, and the value unless it is too large to be one.
pub(super) type Row = (String, String, i64, Option<Vec<u8>>);

/// What stands for a placeholder. Nothing else ever becomes part of a statement.
#[derive(Clone, Copy)]
pub(super) enum Parameter<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
    Size(i64),
}

/// A connection or many, and what is particular about them.
#[async_trait]
pub(super) trait Database: fmt::Debug + Send + Sync + 'static {
    fn dialect(&self) -> &'static Dialect;

    /// Does one writing statement, which is one transaction, and says how many rows it touched.
    async fn write(&self, statement: &'static str, parameters: &[Parameter<'_>]) -> sqlx::Result<u64>;

    async fn read(&self, statement: &'static str, parameters: &[Parameter<'_>]) -> sqlx::Result<Vec<Row>>;

    /// Refuses to go on where the database's answer would mislead.
    async fn must_be_there(&self) -> Result<()> {
        Ok(())
    }

    /// True before the first write.
    fn is_missing_table(&self, error: &sqlx::Error) -> bool;

    fn away(&self, doing: &str, error: sqlx::Error) -> Error;

    fn hints(&self, key: &str) -> BoxStream<'static, ()>;

    fn url(&self) -> String;
}

/// Binds what stands for the placeholders; the types differ with the database.
macro_rules! bound {
    ($query:expr, $parameters:expr) => {
        $parameters.iter().fold($query, |query, parameter| match *parameter {
            $crate::store::sql::database::Parameter::Text(text) => query.bind(text),
            $crate::store::sql::database::Parameter::Bytes(bytes) => query.bind(bytes),
            $crate::store::sql::database::Parameter::Size(size) => query.bind(size),
        })
    };
}
pub(super) use bound;

/// How long to try while other processes write. A write takes milliseconds; longer than this, one of them hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Tries again while others are in the way: `is_busy` means that nothing was done.
pub(super) async fn patiently<T, F>(
    is_busy: impl Fn(&sqlx::Error) -> bool,
    attempt: impl Fn() -> F,
) -> sqlx::Result<T>
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
