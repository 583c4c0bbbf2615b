//! `backsoon check`: is everything as it should be? Writes nothing.

use anyhow::Result;
use backsoon::State;
use backsoon::inspect::inspect;
use backsoon::store::open_existing;

use crate::cli::Cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{self, BAD, GOOD, paint};

/// Runs it.
pub(super) async fn run(cli: &Cli) -> Result<Exit> {
    let mut worst = Exit::Done;
    let mut say = |what: &str, found: Result<String>| match found {
        Ok(fine) => output::line(format_args!("{} {what}: {fine}", paint(GOOD, "ok  "))),
        Err(error) => {
            output::line(format_args!("{} {what}: {error:#}", paint(BAD, "bad ")));
            worst = if Exit::of(&error) == Exit::StoreAway { Exit::StoreAway } else { Exit::Failed };
        }
    };
    let config = Config::load(cli.config.as_deref());
    say("configuration", config.as_ref().map(describe).map_err(|error| anyhow::anyhow!("{error:#}")));
    // A wrong configuration names no store, but a flag still may.
    let url = config.as_ref().map_or_else(
        |_| Config::default().store_url(cli.store.as_deref()),
        |c| c.store_url(cli.store.as_deref()),
    )?;
    let store = open_existing(&url).await;
    match store {
        Err(error) => say("store", Err(error.into())),
        Ok(None) => {
            say("store", Ok(format!("{url} is not there yet; the first `backsoon on` or `serve` makes it")))
        }
        Ok(Some(store)) => {
            let entry = store.get("state").await;
            say("store", entry.as_ref().map(|_| store.url()).map_err(|error| anyhow::anyhow!("{error}")));
            if let Ok(entry) = entry {
                say("state", state(entry.as_ref().map(|entry| entry.value.as_ref())));
            }
        }
    }
    Ok(worst)
}

fn describe(config: &Config) -> String {
    let path = config
        .path
        .as_ref()
        .map_or_else(|| "no file, all defaults".into(), |path| path.display().to_string());
    format!(
        "{path}; {} local rules, {} trusted proxies",
        config.rules.len(),
        config.gate.trusted_proxies.0.len()
    )
}

fn state(bytes: Option<&[u8]>) -> Result<String> {
    let Some(bytes) = bytes else { return Ok("nothing was ever closed here".into()) };
    let state = State::from_bytes(bytes)?;
    if let Some(flaw) = inspect(&state).first() {
        anyhow::bail!("{flaw}");
    }
    Ok(format!(
        "revision {} with {} sites; patterns, pages and redirects are fine",
        state.revision,
        state.sites.len() + 1
    ))
}
