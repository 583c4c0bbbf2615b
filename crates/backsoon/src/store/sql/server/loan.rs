//! Connections on loan: each comes back to its pool within a limit, or is closed.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::Database;
use sqlx::pool::{Pool, PoolConnection};

use super::CONNECT;

/// How long a connection may take to come back: it ends what its caller gave up, then shows that it still answers.
const RETURN: Duration = CONNECT.saturating_mul(2);

/// A pool that does not wait for ever for what it has lent.
///
/// The pool asks each connection that comes back for a sign of life, and waits for it without a limit. After a garbled
/// answer some wait for gigabytes that never come; a pool of one would be empty from then on.
pub(in super::super) struct Lender<D: Database>(pub(super) Pool<D>);

/// A connection that somebody uses.
pub(in super::super) struct Loan<D: Database>(Option<PoolConnection<D>>);

// === impl Lender ===

impl<D: Database> Lender<D> {
    /// # Errors
    /// [`sqlx::Error::PoolTimedOut`] when there is none within [`CONNECT`].
    pub(in super::super) async fn lend(&self) -> sqlx::Result<Loan<D>> {
        self.0.acquire().await.map(|connection| Loan(Some(connection)))
    }
}

// === impl Loan ===

#[allow(clippy::expect_used, reason = "only the drop takes it")]
impl<D: Database> Deref for Loan<D> {
    type Target = D::Connection;

    fn deref(&self) -> &D::Connection {
        self.0.as_ref().expect("it is on loan")
    }
}

#[allow(clippy::expect_used, reason = "only the drop takes it")]
impl<D: Database> DerefMut for Loan<D> {
    fn deref_mut(&mut self) -> &mut D::Connection {
        self.0.as_mut().expect("it is on loan")
    }
}

impl<D: Database> Drop for Loan<D> {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // Nobody could wait for it, so it is closed.
            drop(connection.detach());
            return;
        };
        runtime.spawn(async move {
            // A connection whose return is given up is closed, and its place in the pool is free.
            if tokio::time::timeout(RETURN, connection.return_to_pool()).await.is_err() {
                tracing::debug!("a connection to the store did not come back and is closed");
            }
        });
    }
}
