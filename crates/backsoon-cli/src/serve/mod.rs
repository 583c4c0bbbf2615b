//! The gate: a reverse proxy whose door is the maintenance layer.
//!
//! A request's way: [`listener`] (bytes to requests) → [`entry`] (which host, which peer) → the door, a tower layer →
//! [`proxy`] (which upstream, which fields) → [`http1`], [`h2c`] or [`tunnel`]. A refused request ends at the door:
//! nothing behind it is touched.

mod access;
mod body;
mod entry;
mod failure;
mod figures;
mod forwarded;
mod h2c;
mod hop_by_hop;
mod host;
mod http1;
mod listener;
pub mod options;
mod proxy;
mod shutdown;
mod tls;
mod tunnel;
pub mod upstream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_layer::Layer;
use tracing::info;

use self::access::Access;
pub use self::body::RequestBody;
pub use self::entry::Door;
use self::entry::Entry;
pub use self::figures::Figures;
use self::listener::Listener;
pub use self::options::Options;
pub use self::proxy::Proxy;
pub use self::shutdown::{Outcome, Shutdown};
use self::tunnel::Tunnels;

/// How long what has been cut may take to let go of its sockets.
const AFTER_CUT: Duration = Duration::from_secs(1);

/// A gate that has its addresses and waits to be run.
pub struct Gate {
    listener: Listener,
    address: SocketAddr,
    proxy: Proxy,
    access: Access,
    drain_limit: Duration,
}

// === impl Gate ===

impl Gate {
    /// Binds the gate's addresses and reads its certificate, so that everything that can be wrong is wrong now.
    ///
    /// # Errors
    /// No upstream is named, an address cannot be bound, or the certificate cannot be used.
    pub async fn bind(options: &Options) -> Result<Self> {
        if options.upstream.is_none() && options.upstreams.is_empty() {
            bail!("the gate has no upstream: name one with --upstream http://HOST:PORT");
        }
        let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
        let socket = listener::bind(options.listen).await.with_context(|| {
            format!("cannot listen on {} (--listen names another address)", options.listen)
        })?;
        let address = socket.local_addr()?;
        let tunnels = Tunnels { running: TaskTracker::new(), cut: CancellationToken::new() };
        let figures = Arc::new(Figures::default());
        Ok(Gate {
            proxy: Proxy::new(options, &tunnels, Arc::clone(&figures)),
            listener: Listener {
                socket,
                tls,
                trusted: options.trusted_proxies.clone(),
                header_timeout: options.header_timeout,
                running: tunnels.running,
                cut: tunnels.cut,
            },
            address,
            access: Access::new(options.access_log),
            drain_limit: options.drain_limit,
        })
    }

    /// Where visitors connect; the real port where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves with `door` around the proxy until told to stop, and lets running requests finish within the limit.
    pub async fn run<L>(self, door: L, shutdown: Shutdown) -> Outcome
    where
        L: Layer<Proxy>,
        L::Service: Door,
    {
        let (running, cut) = (self.listener.running.clone(), self.listener.cut.clone());
        let entry = Entry::new(door.layer(self.proxy), self.access);
        self.listener.accept(entry, &shutdown).await;
        running.close();
        info!(running = running.len(), limit = ?self.drain_limit, "stopping: letting running requests finish");
        tokio::select! {
            () = running.wait() => return Outcome::Drained,
            () = tokio::time::sleep(self.drain_limit) => {}
            () = shutdown.stopped_now() => {}
        }
        let left = running.len();
        cut.cancel();
        // Only so that sockets are closed in order; the process ends in any case.
        let _ = tokio::time::timeout(AFTER_CUT, running.wait()).await;
        if left == 0 { Outcome::Drained } else { Outcome::Cut(left) }
    }
}
