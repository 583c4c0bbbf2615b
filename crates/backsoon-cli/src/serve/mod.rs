//! The gate: a reverse proxy with the maintenance layer as its door.
//!
//! A request's way: `listener` (bytes to requests) → `entry` (which host, which peer) → the door, a tower layer →
//! `proxy` (which upstream, which fields) → `http1`, `h2c` or `tunnel`. A refused request ends at the door: nothing
//! behind it is touched.

mod access;
mod answer;
mod body;
mod connect;
mod entry;
mod failure;
#[cfg(feature = "tunnels")]
mod farewell;
mod figures;
mod forwarded;
mod h2c;
mod hop_by_hop;
mod host;
mod http1;
mod lapsed;
mod listener;
mod metrics;
mod observe;
pub mod options;
mod pool;
mod proxy;
pub mod sample;
mod shutdown;
mod tls;
#[cfg(feature = "tunnels")]
mod tunnel;
#[cfg(not(feature = "tunnels"))]
#[path = "no_tunnel.rs"]
mod tunnel;
pub mod upstream;
mod vigil;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use backsoon::store::Store;
use backsoon::{Instance, MaintenanceLayer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::info;

use self::access::Access;
use self::entry::Entry;
use self::figures::Figures;
use self::lapsed::Lapsed;
use self::listener::Listener;
use self::observe::Observer;
pub use self::options::Options;
use self::proxy::Proxies;
pub use self::shutdown::{Outcome, Shutdown};
use self::tunnel::Tunnels;

/// How long what has been cut may take to let go of its sockets.
const AFTER_CUT: Duration = Duration::from_secs(1);

/// A gate that has its addresses and waits to be run.
pub struct Gate {
    listener: Listener,
    address: SocketAddr,
    observe: Option<(TcpListener, SocketAddr)>,
    proxies: Proxies,
    figures: Arc<Figures>,
    access: Access,
    drain_limit: Duration,
    lapsed: Lapsed,
    watching: Option<AbortOnDropHandle<()>>,
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
        let (socket, address) = listen(options.listen, "--listen").await?;
        let observe = match options.observe {
            Some(address) => Some(listen(address, "--observe").await?),
            None => None,
        };
        let tunnels = Tunnels { running: TaskTracker::new(), cut: CancellationToken::new() };
        let figures = Arc::new(Figures::default());
        Ok(Gate {
            proxies: Proxies::new(options, &tunnels, Arc::clone(&figures)),
            listener: Listener {
                socket,
                tls,
                trusted: options.trusted_proxies.clone(),
                header_timeout: options.header_timeout,
                running: tunnels.running,
                cut: tunnels.cut,
            },
            address,
            observe,
            figures,
            access: Access::new(options.access_log),
            drain_limit: options.drain_limit,
            lapsed: Lapsed::default(),
            watching: None,
        })
    }

    /// Where visitors connect; the real port where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/healthz`, `/readyz` and `/metrics` answer, if they do.
    pub fn observe_address(&self) -> Option<SocketAddr> {
        self.observe.as_ref().map(|(_, address)| *address)
    }

    /// Counts the windows whose program has gone, for the metrics.
    #[must_use]
    pub fn watching(mut self, store: Arc<dyn Store>, instance: &Arc<Instance>) -> Self {
        self.watching = Some(self.lapsed.watch(store, Arc::clone(instance)));
        self
    }

    /// Serves with `instance` at the door until told to stop, then lets running requests finish within the limit.
    ///
    /// The instance stays joined: whoever calls this lets it leave, so that it is on the roster while it drains.
    pub async fn run(self, instance: Arc<Instance>, shutdown: Shutdown) -> Outcome {
        let (running, cut) = (self.listener.running.clone(), self.listener.cut.clone());
        let layer = MaintenanceLayer::new(Arc::clone(&instance)).share_permit().cut_short();
        let entry = Entry::new(layer, self.proxies, self.access, Arc::clone(&self.figures));
        let lapsed = self.watching.as_ref().map(|_| self.lapsed);
        let observer = Observer { figures: self.figures, instance, lapsed, shutdown: shutdown.clone() };
        // Answers until this function returns: readiness is asked for while the gate drains.
        let _observing =
            self.observe.map(|(socket, _)| AbortOnDropHandle::new(tokio::spawn(observer.serve(socket))));

        self.listener.accept(entry, &shutdown).await;
        running.close();
        info!(running = running.len(), limit = ?self.drain_limit, "stopping: running requests may finish");
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

async fn listen(address: SocketAddr, flag: &str) -> Result<(TcpListener, SocketAddr)> {
    let unusable = || format!("cannot listen on {address} ({flag} names another address)");
    let socket = TcpListener::bind(address).await.with_context(unusable)?;
    let address = socket.local_addr().with_context(unusable)?;
    Ok((socket, address))
}
