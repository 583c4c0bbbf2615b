//! `backsoon serve`: the gate.

use anyhow::Result;
use backsoon::fleet::Kind;
use backsoon::join::{OnUnknown, Options};
use backsoon::{Host, Instance};

use super::Desk;
use crate::cli::{Cli, Serve};
use crate::config::{Config, state_folder};
use crate::exit::Exit;
use crate::output::{self, GOOD, paint};
use crate::serve::options::AccessLog;
use crate::serve::{Gate, Outcome, Shutdown};

/// Runs it.
pub(super) async fn run(cli: &Cli, serve: &Serve) -> Result<Exit> {
    log();
    let Desk { mut config, control, .. } = Desk::open(cli).await?;
    override_by_flags(&mut config, serve);
    let gate = Gate::bind(&config.gate).await?;
    let instance = Instance::join(control.store().clone(), options(&config, &control.store().url())).await;
    let mode = instance.mode("*");
    output::line(format_args!(
        "{} http://{} follows {} ({})",
        paint(GOOD, "the gate"),
        gate.address(),
        control.store().url(),
        if mode.is_closed() { "closed" } else { "open" },
    ));
    let outcome = gate.run(instance.clone(), Shutdown::on_signals()?).await;
    instance.leave().await;
    match outcome {
        Outcome::Drained => Ok(Exit::Done),
        Outcome::Cut(requests) => {
            output::warn(format_args!("{requests} connections were cut at the drain limit"));
            Ok(Exit::NotConfirmed)
        }
    }
}

/// How a gate joins: closed when nobody knows, with a local copy of the last known state.
pub(super) fn options(config: &Config, store: &str) -> Options {
    let mut options = Options::default();
    options.kind = Kind::Gate;
    options.local = config.local();
    options.on_unknown = config.on_unknown.unwrap_or(OnUnknown::Closed);
    options.copy = state_folder().ok().map(|folder| folder.join("copies").join(copy_name(store)));
    options.serves = serves(config);
    options
}

/// The hosts that the gate has upstreams for; with a default upstream it serves whatever comes.
fn serves(config: &Config) -> Vec<Host> {
    let all = config.gate.upstream.is_some().then(Host::any);
    all.into_iter().chain(config.gate.upstreams.keys().cloned()).collect()
}

/// One file name per store, readable and without surprises.
fn copy_name(store: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = store.chars().map(plain).collect();
    format!("{}.json", name.trim_matches('-'))
}

fn override_by_flags(config: &mut Config, serve: &Serve) {
    let gate = &mut config.gate;
    gate.upstream = serve.upstream.clone().or(gate.upstream.take());
    gate.listen = serve.listen.unwrap_or(gate.listen);
    gate.observe = serve.observe.or(gate.observe);
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
