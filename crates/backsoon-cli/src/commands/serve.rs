//! `backsoon serve`: the gate.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use backsoon::fleet::{Counts, Kind};
use backsoon::join::{OnUnknown, Options};
use backsoon::store::{self, Store, open};
use backsoon::{Host, Instance};

use crate::cli::{Cli, Serve};
use crate::config::{Config, in_full, state_folder};
use crate::exit::{Exit, usage};
use crate::output::{self, GOOD, paint, sentence};
use crate::serve::options::AccessLog;
use crate::serve::{Gate, Outcome, Shutdown};

/// How many characters of a store's name stand in the name of its local copy.
const READABLE: usize = 100;

/// Runs it.
pub(super) async fn run(cli: &Cli, serve: &Serve) -> Result<Exit> {
    log();
    let mut config = Config::load(cli.config.as_deref())?;
    override_by_flags(&mut config, serve);
    config.gate.check().map_err(|why| usage(why.to_string()))?;
    #[cfg(feature = "webhooks")]
    let hooks = crate::serve::webhooks::Webhooks::new(&config.webhook)?;
    #[cfg(not(feature = "webhooks"))]
    if !config.webhook.is_empty() {
        tracing::warn!("this build sends no webhooks; let a gate of the `backsoon` program do so");
    }
    let (store, options) = store_and_options(cli, &config).await?;
    let gate = Gate::bind(&config.gate).await?;
    #[cfg(feature = "console")]
    let admin = super::admin::Admin::bind(&config).await?;
    // Before anybody hears that the gate is there, and tells it to stop.
    let shutdown = Shutdown::on_signals()?;
    let instance = Instance::join(Arc::clone(&store), options).await;
    let mode = instance.mode("*");
    let stands = if mode.is_closed() { "closed" } else { "open" };
    let say = |what: &str, address: SocketAddr, path: &str| {
        let what = paint(GOOD, what);
        output::line(format_args!("{what} http://{address}{path} follows {} ({stands})", store.url()));
    };
    if config.gate.serves_visitors() {
        say("the gate", gate.address(), "");
    }
    if let Some(address) = gate.auth_address() {
        say("the answer to proxies", address, "/auth");
    }
    // It answers until the gate has drained: that is when somebody looks.
    #[cfg(feature = "console")]
    let _console = match admin {
        Some(admin) => Some(admin.run(&store, &instance).await?),
        None => None,
    };
    let gate = gate.watching(Arc::clone(&store), &instance);
    #[cfg(feature = "webhooks")]
    let gate = if !hooks.is_empty() && is_a_console(&*store) {
        tracing::warn!(
            "webhooks are not sent from here: behind {} there is a console, which keeps their records to itself; [[webhook]] belongs to a gate that reaches the store itself",
            store.url()
        );
        gate
    } else {
        gate.announcing(hooks, store, &instance)
    };
    let outcome = gate.run(instance.clone(), shutdown).await;
    instance.leave().await;
    match outcome {
        Outcome::Drained => Ok(Exit::Done),
        Outcome::Cut(requests) => {
            let (s, were) = if requests == 1 { ("", "was") } else { ("s", "were") };
            output::warn(format_args!(
                "{requests} request{s} {were} cut at the drain limit; receipts name what was cut"
            ));
            Ok(Exit::NotConfirmed)
        }
    }
}

/// The store, also while it is away, and how to join those who follow it.
pub(super) async fn store_and_options(cli: &Cli, config: &Config) -> Result<(Arc<dyn Store>, Options)> {
    let url = config.store_url(cli.store_flag())?;
    let options = options(config, &store::without_secrets(&in_full(&url)));
    Ok((store(&url, config, &options).await?, options))
}

/// The store, also while it is away: a gate that knows what to do meanwhile starts all the same.
async fn store(url: &str, config: &Config, options: &Options) -> Result<Arc<dyn Store>> {
    let has_copy = options.copy.as_ref().is_some_and(|copy| copy.exists());
    match open(url).await {
        Err(error @ store::Error::Away { .. }) if has_copy || config.on_unknown.is_some() => {
            tracing::warn!("{}; the gate starts without it and tries again", sentence(&error.into()));
            Ok(store::awaited(&in_full(url))?)
        }
        opened => Ok(opened?),
    }
}

/// Whether somebody else's console is in the place of a store.
#[cfg(feature = "webhooks")]
fn is_a_console(store: &dyn Store) -> bool {
    let url = store.url();
    url.starts_with("https:") || url.starts_with("http:")
}

/// How a gate joins: closed when nobody knows, with a local copy of the last known state.
pub(super) fn options(config: &Config, store: &str) -> Options {
    let mut options = Options::default();
    options.kind = if config.gate.serves_visitors() { Kind::Gate } else { Kind::Auth };
    if config.gate.auth.listen.is_some() {
        options.counts = Counts::Own;
    }
    options.local = config.local();
    options.on_unknown = config.on_unknown.unwrap_or(OnUnknown::Closed);
    options.on_lost = config.on_lost;
    options.copy = state_folder().ok().map(|folder| folder.join("copies").join(copy_name(store)));
    options.serves = serves(config);
    options
}

/// The hosts that the gate has upstreams for; with a default upstream, and where proxies ask, it is whatever comes.
fn serves(config: &Config) -> Vec<Host> {
    let any = config.gate.upstream.is_some() || config.gate.auth.listen.is_some();
    let all = any.then(Host::any);
    all.into_iter().chain(config.gate.upstreams.keys().cloned()).collect()
}

/// One file name per store, readable, and never that of another store.
fn copy_name(store: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = store.chars().map(plain).collect();
    // FNV-1a: the same on every machine and in every version, unlike the standard library's.
    let hash = store
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let end = &name[name.len().saturating_sub(READABLE)..];
    format!("{}-{hash:016x}.json", end.trim_matches('-'))
}

fn override_by_flags(config: &mut Config, serve: &Serve) {
    let gate = &mut config.gate;
    gate.upstream = serve.upstream.clone().or(gate.upstream.take());
    gate.listen = serve.listen.unwrap_or(gate.listen);
    gate.auth.listen = serve.auth.or(gate.auth.listen);
    gate.trusted_proxies.0.extend(serve.trusted_proxies.iter().cloned());
    gate.observe = serve.observe.or(gate.observe);
    #[cfg(feature = "console")]
    {
        config.admin.listen = serve.admin.or(config.admin.listen);
    }
    let gate = &mut config.gate;
    gate.drain_limit = serve.drain_limit.unwrap_or(gate.drain_limit);
    if serve.access_log {
        gate.access_log = AccessLog::On;
    }
}

/// Events go to standard error; `RUST_LOG` chooses which.
pub(super) fn log() {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn,backsoon=info".into());
    let colours =
        std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    let events =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // Somebody has set one up before, in a test say: theirs stays.
    let _ = events.try_init();
}
