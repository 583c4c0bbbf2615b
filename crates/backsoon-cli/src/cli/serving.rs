//! Programs that stay and follow the store: `serve`, `mirror` and `demo`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use backsoon::Host;
use backsoon::rules::Network;
use clap::Args;

use crate::serve::upstream::UpstreamUrl;
use crate::when;

/// `backsoon serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The application behind the gate: http://127.0.0.1:3000 or h2c://127.0.0.1:50051
    #[arg(long, value_name = "URL")]
    pub upstream: Option<UpstreamUrl>,
    /// Where visitors connect
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Where proxies that are already there ask what to do with a request (nowhere by default)
    ///
    /// Needs no upstream: nginx (auth_request), Caddy and Traefik (forward auth) or Envoy (ext_authz) serve the site.
    #[arg(long, value_name = "ADDR")]
    pub auth: Option<SocketAddr>,
    /// A proxy whose word about visitors is believed; may be given several times
    #[arg(long = "trusted-proxy", value_name = "NETWORK")]
    pub trusted_proxies: Vec<Network>,
    /// Where /healthz, /readyz and /metrics answer (nowhere by default)
    #[arg(long, value_name = "ADDR")]
    pub observe: Option<SocketAddr>,
    /// Where operators reach the console and its API (nowhere by default); a port alone is this machine's own
    #[cfg(feature = "console")]
    #[arg(long, value_name = "ADDR", value_parser = backsoon_console::options::address)]
    pub admin: Option<SocketAddr>,
    /// How long running requests may take once the gate is told to stop
    #[arg(long, value_name = "DURATION", value_parser = when::duration, allow_hyphen_values = true)]
    pub drain_limit: Option<Duration>,
    /// Log every request
    #[arg(long)]
    pub access_log: bool,
}

/// `backsoon mirror`.
#[derive(Debug, Args)]
#[command(after_help = MIRROR_HELP)]
pub struct Mirror {
    /// The site; several with --map alone (default *)
    #[arg(long = "site", value_name = "HOST")]
    pub sites: Vec<Host>,
    /// A flag file, which is there in every mode but off, and says which
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A map with a line per --site: the host and off, read-only, hold or on
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// The page that visitors get; while the site is open, the one that they would get
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
    /// The same for programs, as problem details (RFC 9457)
    #[arg(long, value_name = "FILE")]
    pub problem: Option<PathBuf>,
    /// What tells the proxy: run by sh at the start and after each change, with the mode in BACKSOON_MODE
    #[arg(long, value_name = "CMD")]
    pub exec: Option<String>,
}

const MIRROR_HELP: &str =
    "A change counts as in force here when the files are written and CMD has ended well; until then a receipt waits. What
only a request can decide (paths, users, networks, passes, waiting) is in no file: the receipt names such rules.
When it ends the files stay as they are.";

/// `backsoon demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where the gate listens; another port is taken if this one is in use
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}
