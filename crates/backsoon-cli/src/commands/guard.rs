//! `backsoon guard`: runs a command only while its site is open, and makes a closing wait for it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use backsoon::fleet::{Kind, NotClaimed, Roster};
use backsoon::join::{OnUnknown, Options};
use backsoon::store::{Store, open_existing};
use backsoon::{Host, Instance, Permit};
use tokio::time::Instant;

use super::Desk;
use super::child::{self, Child};
use super::desk::missing;
use super::signals::Signals;
use crate::cli::{Cli, Guard};
use crate::config::Config;
use crate::exit::{Ends, Exit};
use crate::output::{self, sentence};

/// How often a guard that waits looks whether the site is open; the look costs no store anything.
const PAUSE: Duration = Duration::from_millis(100);

/// How often one that waits for the store asks for it.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How long one that is told to stop before it has joined takes to leave the roster.
const LEAVING: Duration = Duration::from_secs(2);

/// Runs it.
pub(super) async fn run(cli: &Cli, guard: &Guard) -> Result<Exit> {
    // No other time would do.
    child::look_up(&guard.command)?;
    let mut signals = Signals::listen()?;
    let url = Config::load(cli.config.as_deref())?.store_url(cli.store_flag())?;
    let command = child::name(&guard.command);
    let name = match &guard.name {
        Some(name) => name.clone(),
        None => format!("{}-{}", segment(&command), std::process::id()),
    };
    let deadline = Instant::now() + guard.wait.unwrap_or_default();
    let mut joining = std::pin::pin!(join(&url, &name, deadline));
    let joined = tokio::select! {
        joined = &mut joining => joined,
        signal = signals.next() => {
            // It may be on the roster already.
            if let Ok(Ok((_, instance))) = tokio::time::timeout(LEAVING, joining).await {
                instance.leave().await;
            }
            return Ok(signal.exit());
        }
    };
    let (store, instance) = joined.map_err(|why| not_now(&command, &sentence(&why)))?;
    if let Some(site) = &guard.site {
        warn_of_unknown(&Desk::at(store, cli), site).await;
    }
    let host = guard.site.as_ref().map_or("*", Host::as_str);
    let permit = tokio::select! {
        permit = admitted(&instance, host, &name, guard.wait.map(|_| deadline)) => permit,
        signal = signals.next() => {
            instance.leave().await;
            return Ok(signal.exit());
        }
    };
    let ended = match permit {
        Ok(permit) => {
            let ended = match Child::start(&guard.command, &[]) {
                Ok(child) => {
                    // Should this process be killed, the command runs on, and a closing has to wait for it.
                    if let Some(pid) = child.id() {
                        instance.stands_for(pid).await;
                    }
                    child.ended(&mut signals).await
                }
                Err(error) => Err(error),
            };
            drop(permit);
            ended
        }
        Err(why) => Err(not_now(&command, &why)),
    };
    instance.leave().await;
    Ok(ended?.exit())
}

/// An instance on the roster; a store that is away is asked again until `deadline`.
async fn join(url: &str, name: &str, deadline: Instant) -> Result<(Arc<dyn Store>, Arc<Instance>)> {
    loop {
        let why = match claim(url, name).await {
            Ok(store) => {
                let mut options = Options::default();
                (options.name, options.kind) = (Some(name.to_owned()), Kind::Job);
                options.on_unknown = OnUnknown::Closed;
                let instance = Instance::join(Arc::clone(&store), options).await;
                return Ok((store, instance));
            }
            Err(why) if Exit::of(&why) != Exit::StoreAway => return Err(why),
            Err(why) => why,
        };
        if Instant::now() + STORE_PAUSE > deadline {
            return Err(why);
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

/// A slip of the pen would let the job run through every closing of the site that was meant.
async fn warn_of_unknown(desk: &Desk, site: &Host) {
    let roster = Roster::observe(&**desk.store(), Duration::ZERO).await;
    if let (Ok(state), Ok(roster)) = (desk.state().await, roster)
        && let Err(why) = roster.knows(&state, site)
    {
        output::warn(format_args!("{why}; until somebody does, only closings of wider sites count"));
    }
}

async fn claim(url: &str, name: &str) -> Result<Arc<dyn Store>> {
    let store = open_existing(url).await?.ok_or_else(|| missing(url))?;
    match Roster::claim(&*store, name, Kind::Job).await {
        Ok(()) => Ok(store),
        Err(NotClaimed::Store(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}

/// A permit to run, at once or until `deadline`; why not otherwise.
async fn admitted(
    instance: &Instance,
    host: &str,
    name: &str,
    deadline: Option<Instant>,
) -> Result<Permit, String> {
    let mut said = false;
    loop {
        let why = match instance.admit_job(host, name) {
            Ok(permit) => return Ok(permit),
            Err(refused) => refused.to_string(),
        };
        match deadline {
            Some(deadline) if Instant::now() < deadline => {
                if !std::mem::replace(&mut said, true) {
                    output::note(format_args!("waiting: {why}"));
                }
            }
            _ => return Err(why),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn not_now(command: &str, why: &str) -> anyhow::Error {
    Ends(Exit::NotNow, format!("{command} was not started: {why}")).into()
}

/// `text` as a part of a name on the roster.
fn segment(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let segment: String = text.trim_start_matches('.').chars().take(40).map(keep).collect();
    if segment.is_empty() { "job".into() } else { segment }
}
