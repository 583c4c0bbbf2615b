//! The verbs, one per file, and the desk at which an operator uses them.

mod apply;
mod check;
mod demo;
mod explain;
mod history;
mod off;
mod on;
mod rollback;
mod serve;
mod status;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use backsoon::control::{Control, Outcome};
use backsoon::fleet::Roster;
use backsoon::store::Store;
use backsoon::{Host, State};
use clap::CommandFactory;
use serde::Serialize;

use crate::cli::{Cli, Verb};
use crate::config::{Config, nearest};
use crate::exit::{Exit, usage};
use crate::output::{self, GOOD, WARN, paint};

/// How long a verb that writes watches the fleet follow.
const FOLLOW: Duration = Duration::from_secs(2);

/// What every verb works with.
struct Desk {
    config: Config,
    control: Control,
}

/// What a verb that writes says in JSON.
#[derive(Serialize)]
struct Written<'a> {
    store: String,
    revision: u64,
    changed: Change,
    following: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    late: Vec<String>,
    windows: Vec<&'a backsoon::Window>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    still_closed: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    Made,
    Needless,
}

/// Runs the verb.
///
/// # Errors
/// In sentences that name what is wrong and the way out.
pub fn run(cli: &Cli) -> Result<Exit> {
    if let Verb::Completions(completions) = &cli.verb {
        let mut script = Vec::new();
        clap_complete::generate(completions.shell, &mut Cli::command(), "backsoon", &mut script);
        output::line(String::from_utf8_lossy(&script).trim_end());
        return Ok(Exit::Done);
    }
    let mut runtime = match cli.verb {
        Verb::Serve(_) | Verb::Demo(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    runtime.enable_all().build().context("cannot start")?.block_on(async {
        match &cli.verb {
            Verb::On(on) => on::run(&Desk::open(cli).await?, on).await,
            Verb::Off(off) => off::run(&Desk::open(cli).await?, off).await,
            Verb::Status(status) => status::run(&Desk::open(cli).await?, status).await,
            Verb::Explain(explain) => explain::run(&Desk::open(cli).await?, explain).await,
            Verb::History(history) => history::run(&Desk::open(cli).await?, history).await,
            Verb::Rollback(rollback) => rollback::run(&Desk::open(cli).await?, rollback).await,
            Verb::Apply(apply) => apply::run(&Desk::open(cli).await?, apply).await,
            Verb::Check => check::run(cli).await,
            Verb::Serve(serve) => serve::run(Desk::open(cli).await?, serve).await,
            Verb::Demo(demo) => demo::run(demo).await,
            Verb::Completions(_) => Ok(Exit::Done),
        }
    })
}

// === impl Desk ===

impl Desk {
    async fn open(cli: &Cli) -> Result<Self> {
        let config = Config::load(cli.config.as_deref())?;
        let url = config.store_url(cli.store.as_deref())?;
        let store = backsoon::store::open(&url).await?;
        Ok(Self { config, control: Control::new(store, operator()) })
    }

    fn store(&self) -> &Arc<dyn Store> {
        self.control.store()
    }

    /// The State, or an empty one where nobody has asked for anything yet.
    async fn state(&self) -> Result<State> {
        Ok(self.control.read().await?.unwrap_or_default())
    }

    /// Fails for a site that neither the document nor a live instance knows.
    fn known(&self, state: &State, roster: &Roster, host: &Host) -> Result<(), String> {
        let served: Vec<&Host> = roster.live().flat_map(|report| &report.serves).collect();
        if state.site(host).is_some() || served.iter().any(|served| *served == host) {
            return Ok(());
        }
        let names: Vec<&str> = state.sites.keys().chain(served).map(Host::as_str).collect();
        let meant = nearest(host.as_str(), names.iter().copied());
        let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        Err(format!("nobody knows the site `{host}`{meant} (--new-site makes it)"))
    }

    /// Names the store, and says how many follow it and whether they have the change.
    async fn followers(&self, outcome: &Outcome) -> Result<Roster> {
        Ok(Roster::follow(&**self.store(), outcome.state(), FOLLOW).await?)
    }

    fn say_followers(&self, outcome: &Outcome, roster: &Roster) {
        let url = self.store().url();
        let revision = outcome.state().revision;
        let live = roster.live().count();
        if live == 0 {
            output::note(format_args!(
                "{} nobody follows this store ({url}): no server will close or open because of it",
                paint(WARN, "warning:")
            ));
            return;
        }
        let late = late(roster, outcome.state());
        let all = if late.is_empty() {
            paint(GOOD, "all have it")
        } else {
            paint(WARN, format!("late: {}", late.join(", ")))
        };
        let instances = if live == 1 { "live instance follows" } else { "live instances follow" };
        output::line(format_args!("  store     {url}, revision {revision}; {live} {instances} it, {all}"));
    }

    fn written<'a>(
        &self,
        outcome: &Outcome,
        roster: &Roster,
        windows: Vec<&'a backsoon::Window>,
    ) -> Written<'a> {
        Written {
            store: self.store().url(),
            revision: outcome.state().revision,
            changed: match outcome {
                Outcome::Written(_) => Change::Made,
                Outcome::Unchanged(_) => Change::Needless,
            },
            following: roster.live().count(),
            late: late(roster, outcome.state()),
            windows,
            still_closed: Vec::new(),
        }
    }
}

/// The live instances that do not have `state` yet.
fn late(roster: &Roster, state: &State) -> Vec<String> {
    roster.live().filter(|report| !report.has(state)).map(|report| report.name.clone()).collect()
}

/// The sites that were named, or `*`.
fn named(sites: &[Host]) -> Vec<Host> {
    let mut named = if sites.is_empty() { vec![Host::any()] } else { sites.to_vec() };
    named.sort();
    named.dedup();
    named
}

/// Who is at the desk: `ann@laptop`, also behind sudo.
fn operator() -> String {
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    let host = host.map(|host| host.trim().to_owned()).unwrap_or_default();
    let user = user.filter(|user| !user.is_empty()).unwrap_or_else(|| "somebody".into());
    if host.is_empty() { user } else { format!("{user}@{host}") }
}

/// An instance's or window's time in the operator's own zone.
fn local(time: backsoon::time::Timestamp) -> String {
    let zoned = jiff::Timestamp::from_millisecond(time.as_millis())
        .map(|at| at.to_zoned(jiff::tz::TimeZone::system()));
    zoned.map(|at| at.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()).unwrap_or_else(|_| time.to_string())
}

fn usage_if(wrong: Option<String>) -> Result<()> {
    wrong.map_or(Ok(()), |message| Err(usage(message)))
}
