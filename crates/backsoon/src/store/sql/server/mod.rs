//! A database on a server that may be away: what PostgreSQL and MySQL have in common.

mod address;
mod loan;
mod news;
pub(super) mod trouble;

use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use sqlx::pool::PoolOptions;
use sqlx::{ConnectOptions as _, Connection as _, Database};

pub(super) use self::address::Address;
use self::loan::Lender;
pub(super) use self::news::{Keys, News, Source};
pub(super) use self::trouble::Trouble;
use super::database::{PATIENCE, patiently};

/// How long to wait for a connection, be it a new one or another's.
pub(super) const CONNECT: Duration = Duration::from_millis(2_500);

/// How long to ask why there was none.
const REASON: Duration = Duration::from_millis(500);

/// How long the server may work on one statement. It ends before its caller gives up, so that nothing lands later.
pub(super) const STATEMENT: Duration = Duration::from_secs(9);

/// One that was used a moment ago works, or says so soon enough. Longer than the second between two beats or two looks:
/// a fleet at rest would ask for a sign of life each time.
const FRESH: Duration = Duration::from_secs(3);

const READERS: u32 = 4;

/// Connections that nobody uses for this long are closed.
const IDLE: Duration = Duration::from_secs(60);

type Options<D> = <<D as Database>::Connection as sqlx::Connection>::Options;

/// The connections of one process to one server.
pub(super) struct Server<D: Database> {
    pub(super) options: Options<D>,
    /// One connection only: this process's writes line up here, so that one that was given up comes before the next.
    pub(super) writer: Lender<D>,
    pub(super) readers: Lender<D>,
    /// Held by whoever asks why there is no connection: one at a time, or a crowded server would get more of them.
    asking: tokio::sync::Mutex<()>,
    doubt: Doubt,
}

/// When a connection was last found broken. The others are as old, and may be broken as well.
#[derive(Clone, Default)]
struct Doubt(Arc<Mutex<Option<Instant>>>);

// === impl Server ===

impl<D: Database> Server<D> {
    /// `adjust` gets the settings of each pool.
    pub(super) fn new(options: Options<D>, adjust: impl Fn(PoolOptions<D>) -> PoolOptions<D>) -> Self {
        let doubt = Doubt::default();
        let pool = |size| Lender(adjust(pool_of(size, &doubt)).connect_lazy_with(options.clone()));
        let (writer, readers) = (pool(1), pool(READERS));
        Self { options, writer, readers, asking: tokio::sync::Mutex::default(), doubt }
    }

    /// Tries until it is done, or others have been in the way for too long, or the server does not answer.
    pub(super) async fn ask<T, F>(
        &self,
        is_busy: impl Fn(&sqlx::Error) -> bool,
        attempt: impl Fn() -> F,
    ) -> sqlx::Result<T>
    where
        F: Future<Output = sqlx::Result<T>>,
    {
        match within(PATIENCE, patiently(is_busy, attempt)).await {
            Err(sqlx::Error::PoolTimedOut) => Err(self.why_there_is_none().await),
            Err(error) => {
                self.doubt.raise();
                Err(error)
            }
            done => done,
        }
    }

    /// The pool tries again while a server refuses, and then has forgotten why.
    async fn why_there_is_none(&self) -> sqlx::Error {
        let Ok(_asking) = self.asking.try_lock() else { return sqlx::Error::PoolTimedOut };
        match tokio::time::timeout(REASON, caught(self.options.connect())).await {
            Ok(Err(error)) => error,
            Ok(Ok(_)) | Err(_) => sqlx::Error::PoolTimedOut,
        }
    }
}

// === impl Doubt ===

impl Doubt {
    fn raise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether it was raised since the beginning of this span.
    fn is_within(&self, span: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at.elapsed() <= span)
    }
}

fn pool_of<D: Database>(size: u32, doubt: &Doubt) -> PoolOptions<D> {
    let doubt = doubt.clone();
    PoolOptions::new()
        .max_connections(size)
        .acquire_timeout(CONNECT)
        .idle_timeout(IDLE)
        .test_before_acquire(false)
        .before_acquire(move |connection: &mut D::Connection, known| {
            let is_doubtful = known.idle_for > FRESH || doubt.is_within(known.idle_for);
            Box::pin(async move {
                if is_doubtful {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection: &mut D::Connection, _| {
            Box::pin(async move {
                // A statement whose caller has gone must end; on a server that vanished it would not, and would keep
                // the connection from everybody else.
                within(CONNECT, connection.ping()).await?;
                Ok(true)
            })
        })
}

/// An error if it takes longer.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    let late = || {
        let sentence = format!("no answer within {} s", limit.as_secs_f32());
        sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, sentence))
    };
    tokio::time::timeout(limit, caught(work)).await.unwrap_or_else(|_| Err(late()))
}

/// An error if it panics: sqlx does on some garbled answers, and that must not end who follows the store.
pub(super) async fn caught<T>(work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let garbled = |_| {
        let sentence = "the answer was garbled on its way, or is none of such a server";
        Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::InvalidData, sentence)))
    };
    // What a panic leaves behind is the connection's, which fails its next check and is closed.
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(garbled)
}
