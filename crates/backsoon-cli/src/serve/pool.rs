//! Connections to one upstream that wait for their next request.
//!
//! The pool is our own: hyper-util's, made for many hosts, spends a clone of its settings, a lookup by URI and often
//! a task on each request, a fifth of all that the gate does for one. Here there is one host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::SendRequest;

use super::body::RequestBody;

/// How long an unused connection is kept: less than the shortest wait that is common among servers (gunicorn's 2 s),
/// so that the gate, not the upstream, is the one who closes it, and no request is sent into a closing connection.
const IDLE_TIMEOUT: Duration = Duration::from_millis(1500);

/// Connections that wait for a request.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Resting>);

#[derive(Debug, Default)]
struct Resting {
    /// The one used last at the end: it is used next, so that the others may grow old.
    connections: Vec<(SendRequest<RequestBody>, Instant)>,
    sweeping: Sweeping,
}

/// Whether a task closes connections that have grown old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Sweeping {
    #[default]
    No,
    Yes,
}

// === impl Pool ===

impl Pool {
    pub(crate) fn take(&self) -> Option<SendRequest<RequestBody>> {
        let mut resting = self.lock();
        // One that is not ready is closed, or about to become ready; the sweep sees to the closed ones.
        let fit =
            |(sender, since): &(SendRequest<RequestBody>, Instant)| sender.is_ready() && is_young(*since);
        let place = resting.connections.iter().rposition(fit)?;
        Some(resting.connections.remove(place).0)
    }

    pub(crate) fn put(self: &Arc<Self>, sender: SendRequest<RequestBody>) {
        let mut resting = self.lock();
        resting.connections.push((sender, Instant::now()));
        if resting.sweeping == Sweeping::No {
            resting.sweeping = Sweeping::Yes;
            tokio::spawn(sweep(Arc::clone(self)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Resting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what has grown old, for as long as anything rests.
async fn sweep(pool: Arc<Pool>) {
    loop {
        tokio::time::sleep(IDLE_TIMEOUT / 2).await;
        let mut resting = pool.lock();
        resting.connections.retain(|(sender, since)| !sender.is_closed() && is_young(*since));
        if resting.connections.is_empty() {
            resting.sweeping = Sweeping::No;
            return;
        }
    }
}

fn is_young(since: Instant) -> bool {
    since.elapsed() < IDLE_TIMEOUT
}
