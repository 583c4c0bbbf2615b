//! The gate: a reverse proxy with the maintenance layer as its door.
//!
//! A request's way: `listener` (bytes to requests) → `entry` (which host, which peer) → the door, a tower layer →
//! `proxy` (which upstream, which fields) → `http1`, `h2c` or `tunnel`. A refused request ends at the door: nothing
//! behind it is touched. Beside it, or alone, `auth` answers proxies that serve by themselves.

mod access;
mod answer;
pub mod auth;
mod body;
mod connect;
mod entry;
mod errand;
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
#[cfg(feature = "webhooks")]
pub mod webhooks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use backsoon::Instance;
use backsoon::store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::info;

use self::access::Access;
use self::auth::Auth;
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
    front: Option<(Listener, SocketAddr)>,
    auth: Option<(Listener, SocketAddr)>,
    options: Options,
    tunnels: Tunnels,
    observe: Option<(TcpListener, SocketAddr)>,
    proxies: Proxies,
    figures: Arc<Figures>,
    access: Access,
    drain_limit: Duration,
    lapsed: Lapsed,
    watching: Option<AbortOnDropHandle<()>>,
    announcing: Option<AbortOnDropHandle<()>>,
}

// === impl Gate ===

impl Gate {
    /// Binds the gate's addresses and reads its certificate, so that everything that can be wrong is wrong now.
    ///
    /// # Errors
    /// No upstream is named, an address cannot be bound, or the certificate cannot be used.
    pub async fn bind(options: &Options) -> Result<Self> {
        options.check()?;
        let tunnels = Tunnels { running: TaskTracker::new(), cut: CancellationToken::new() };
        let front = match options.serves_visitors() {
            true => {
                let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
                Some(Listener::bind(options, options.listen, "--listen", tls, &tunnels).await?)
            }
            false => None,
        };
        let auth = match options.auth.listen {
            Some(address) => Some(Listener::bind(options, address, "--auth", None, &tunnels).await?),
            None => None,
        };
        let observe = match options.observe {
            Some(address) => Some(listen(address, "--observe").await?),
            None => None,
        };
        let figures = Arc::new(Figures::default());
        Ok(Gate {
            proxies: Proxies::new(options, &tunnels, Arc::clone(&figures)),
            front,
            auth,
            options: options.clone(),
            tunnels,
            observe,
            figures,
            access: Access::new(options.access_log),
            drain_limit: options.drain_limit,
            lapsed: Lapsed::default(),
            watching: None,
            announcing: None,
        })
    }

    /// Where visitors connect, or else where proxies ask; the real port where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        let first = self.front.as_ref().or(self.auth.as_ref());
        // There is one of them: else it would not have been bound.
        first.map_or(self.options.listen, |(_, address)| *address)
    }

    /// Where proxies ask, if they may.
    pub fn auth_address(&self) -> Option<SocketAddr> {
        self.auth.as_ref().map(|(_, address)| *address)
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

    /// Tells others what happens to the State that `instance` follows.
    #[cfg(feature = "webhooks")]
    #[must_use]
    pub fn announcing(
        mut self,
        hooks: webhooks::Webhooks,
        store: Arc<dyn Store>,
        instance: &Arc<Instance>,
    ) -> Self {
        if !hooks.is_empty() {
            let (figures, lapsed) = (Arc::clone(&self.figures), self.lapsed.clone());
            let announcing = hooks.announce(store, Arc::clone(instance), figures, lapsed);
            self.announcing = Some(AbortOnDropHandle::new(tokio::spawn(announcing)));
        }
        self
    }

    /// Serves with `instance` at the door until told to stop, then lets running requests finish within the limit.
    ///
    /// The instance stays joined: whoever calls this lets it leave, so that it is on the roster while it drains. Leaving, it
    /// names what was cut.
    pub async fn run(self, instance: Arc<Instance>, shutdown: Shutdown) -> Outcome {
        let Tunnels { running, cut } = self.tunnels;
        let auth = Auth::new(&self.options, Arc::clone(&instance), Arc::clone(&self.figures));
        let entry = Entry::new(Arc::clone(&instance), self.proxies, self.access, Arc::clone(&self.figures));
        // Until this function returns: what happens while the gate drains is told, too.
        let _announcing = self.announcing;
        let lapsed = self.watching.as_ref().map(|_| self.lapsed);
        let observer = Observer {
            figures: self.figures,
            instance: Arc::clone(&instance),
            lapsed,
            shutdown: shutdown.clone(),
        };
        // Answers until this function returns: readiness is asked for while the gate drains.
        let _observing =
            self.observe.map(|(socket, _)| AbortOnDropHandle::new(tokio::spawn(observer.serve(socket))));

        let visitors = async {
            if let Some((listener, _)) = self.front {
                listener.accept(entry, &shutdown).await;
            }
        };
        let proxies = async {
            if let Some((listener, _)) = self.auth {
                listener.accept(auth, &shutdown).await;
            }
        };
        tokio::join!(visitors, proxies);
        running.close();
        info!(running = instance.running(), limit = ?self.drain_limit, "stopping: running requests may finish");
        tokio::select! {
            () = running.wait() => return Outcome::Drained,
            () = tokio::time::sleep(self.drain_limit) => {}
            () = shutdown.stopped_now() => {}
        }
        // Before they end, for what has ended cannot be named.
        let left = instance.break_off();
        cut.cancel();
        // Only so that sockets are closed in order; the process ends in any case.
        let _ = tokio::time::timeout(AFTER_CUT, running.wait()).await;
        if left == 0 { Outcome::Drained } else { Outcome::Cut(left) }
    }
}

// === impl Options ===

impl Options {
    /// Whether visitors connect here, and not to a proxy that asks.
    pub(crate) fn serves_visitors(&self) -> bool {
        self.upstream.is_some() || !self.upstreams.is_empty()
    }

    /// Refuses what can serve nobody.
    ///
    /// # Errors
    /// With the way out.
    pub fn check(&self) -> Result<()> {
        if !self.serves_visitors() && self.auth.listen.is_none() {
            bail!(
                "the gate has nothing behind it; name the application with --upstream http://127.0.0.1:3000, or let a proxy ask with --auth 127.0.0.1:8081"
            );
        }
        if self.auth.listen.is_some() && self.trusted_proxies.0.is_empty() {
            bail!(
                "nobody may ask at --auth, since no proxy is trusted; name yours with --trusted-proxy 127.0.0.1"
            );
        }
        Ok(())
    }
}

async fn listen(address: SocketAddr, flag: &str) -> Result<(TcpListener, SocketAddr)> {
    let unusable = || format!("cannot listen on {address} ({flag} names another address)");
    let socket = TcpListener::bind(address).await.with_context(unusable)?;
    let address = socket.local_addr().with_context(unusable)?;
    Ok((socket, address))
}
