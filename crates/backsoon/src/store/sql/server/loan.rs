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
pub(in super::super) struct Loan<D: Database>(PoolConnection<D>);

// === impl Lender ===

impl<D: Database> Lender<D> {
    /// # Errors
    /// [`sqlx::Error::PoolTimedOut`] when there is none within [`CONNECT`].
    pub(in super::super) async fn lend(&self) -> sqlx::Result<Loan<D>> {
        self.0.acquire().await.map(Loan)
    }
}

// === impl Loan ===

impl<D: Database> Deref for Loan<D> {
    type Target = D::Connection;

    fn deref(&self) -> &D::Connection {
        &self.0
    }
}

impl<D: Database> DerefMut for Loan<D> {
    fn deref_mut(&mut self) -> &mut D::Connection {
        &mut self.0
    }
}

impl<D: Database> Drop for Loan<D> {
    fn drop(&mut self) {
        // Without a runtime nobody can be asked, and the connection has nothing left to do.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let back = self.0.return_to_pool();
        runtime.spawn(async move {
            // A connection whose return is given up is closed, and its place in the pool is free.
            if tokio::time::timeout(RETURN, back).await.is_err() {
                tracing::debug!("a connection to the store did not come back and is closed");
            }
        });
    }
}
