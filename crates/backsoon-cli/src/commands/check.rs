//! `backsoon check`: is everything as it should be? Writes nothing.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use backsoon::State;
use backsoon::control::Control;
use backsoon::control::Found;
use backsoon::fleet;
use backsoon::inspect::inspect;
use backsoon::store::{open_existing, without_secrets};

use super::exposed::exposed;
use crate::cli::Cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{self, BAD, GOOD, WARN, count, paint, plain, sentence};
#[cfg(feature = "webhooks")]
use crate::serve::webhooks::Webhooks;

/// Runs it.
pub(super) async fn run(cli: &Cli) -> Result<Exit> {
    let mut worst = Exit::Done;
    let mut say = |what: &str, found: Result<String>| match found {
        Ok(fine) => output::line(format_args!("{}   {what}: {fine}", paint(GOOD, "ok"))),
        Err(error) => {
            output::line(format_args!("{}  {what}: {}", paint(BAD, "bad"), sentence(&error)));
            worst = if Exit::of(&error) == Exit::StoreAway { Exit::StoreAway } else { Exit::Failed };
        }
    };
    let config = match Config::load(cli.config.as_deref()) {
        Ok(config) => {
            say("configuration", Ok(describe(&config)));
            Some(config)
        }
        Err(error) => {
            say("configuration", Err(error));
            None
        }
    };
    // A file that cannot be read may name a store that nobody knows of here.
    let config = match (config, cli.store_flag()) {
        (Some(config), _) => config,
        (None, Some(_)) => Config::default(),
        (None, None) => {
            say("store", Err(anyhow!("not looked for, since the configuration may name it")));
            return Ok(worst);
        }
    };
    #[cfg(feature = "webhooks")]
    match Webhooks::new(&config.webhook) {
        Ok(hooks) => hooks.describe().into_iter().for_each(|hook| say("webhook", Ok(hook))),
        Err(error) => say("webhook", Err(error)),
    }
    let url = config.store_url(cli.store_flag())?;
    match open_existing(&url).await {
        Err(error) => say("store", Err(error.into())),
        Ok(None) => {
            say(
                "store",
                Ok(format!(
                    "{} is not there yet; the first `backsoon on`, `apply` or `serve` makes it",
                    without_secrets(&url)
                )),
            );
        }
        Ok(Some(store)) => {
            let (url, control) = (store.url(), Control::new(store, "check"));
            match control.find().await {
                Err(error) => say("store", Err(error.into())),
                Ok(found) => {
                    say("store", Ok(url));
                    say("state", state(&found));
                    for report in fleet::Roster::observe(&**control.store(), Duration::ZERO).await?.present()
                    {
                        if !report.ignores.is_empty() {
                            let rules = plain(&report.ignores.join(", "));
                            let name = plain(&report.name);
                            let note = paint(WARN, "note");
                            output::line(format_args!("{note} {name}: only a request could decide {rules}"));
                        }
                    }
                    // Without passes there is nothing in it that opens a site.
                    let keys = matches!(&found, Found::State(state) if !state.passes.is_empty());
                    let exposed = keys.then(|| exposed(&control.store().url())).flatten();
                    for caveat in control.store().caveats().await.into_iter().chain(exposed) {
                        output::line(format_args!("{} store: {caveat}", paint(WARN, "note")));
                    }
                }
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
    let proxies = match config.gate.trusted_proxies.0.len() {
        1 => "1 trusted proxy".into(),
        proxies => format!("{proxies} trusted proxies"),
    };
    format!("{path}; {}, {proxies}", count(config.rules.len(), "local rule"))
}

fn state(found: &Found) -> Result<String> {
    let state: &State = match found {
        Found::Nothing => return Ok("nothing was ever closed here".into()),
        Found::Unreadable(why) => bail!("{}", plain(&why.to_string())),
        Found::State(state) => state,
        _ => bail!("it is of a kind that this build does not know"),
    };
    let flaws: Vec<String> = inspect(state).iter().map(|flaw| plain(&flaw.to_string())).collect();
    if !flaws.is_empty() {
        bail!("{}", flaws.join("; "));
    }
    let sites = count(state.sites.len() + 1, "site");
    let passes = match state.passes.len() {
        0 => String::new(),
        1 => " and 1 pass".into(),
        many => format!(" and {many} passes"),
    };
    Ok(format!("revision {} with {sites}{passes}; patterns, pages and redirects are fine", state.revision))
}
