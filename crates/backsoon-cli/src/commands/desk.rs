//! The desk at which an operator changes a store.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use backsoon::control::{Control, Found, Opens, Outcome};
use backsoon::fleet::Roster;
use backsoon::store::{Store, open, open_existing, without_secrets};
use backsoon::{Host, State};

use super::words::quoted;
use super::written::Written;
use crate::cli::Cli;
use crate::config::Config;
use crate::exit::{Ends, Exit};

/// How long a verb that writes watches the fleet follow.
const FOLLOW: Duration = Duration::from_secs(2);

/// What a verb works with.
pub(super) struct Desk {
    pub(super) control: Control,
    /// What is typed to come here.
    program: String,
    /// The flags that lead here again.
    flags: String,
}

// === impl Desk ===

impl Desk {
    /// Opens the store, and makes it if there is none yet.
    pub(super) async fn open(cli: &Cli) -> Result<Self> {
        let config = Config::load(cli.config.as_deref())?;
        let store = open(&config.store_url(cli.store_flag())?).await?;
        Ok(Self::at(store, cli))
    }

    /// Opens the store; one that is not there is away.
    pub(super) async fn open_existing(cli: &Cli) -> Result<Self> {
        let config = Config::load(cli.config.as_deref())?;
        let url = config.store_url(cli.store_flag())?;
        let store = open_existing(&url).await?.ok_or_else(|| missing(&url))?;
        Ok(Self::at(store, cli))
    }

    pub(super) fn at(store: Arc<dyn Store>, cli: &Cli) -> Self {
        let store_flag = cli.store_flag().map(|url| format!(" --store {}", quoted(&without_secrets(url))));
        let config_flag =
            cli.config.as_ref().map(|path| format!(" --config {}", quoted(&path.to_string_lossy())));
        let flags = store_flag.into_iter().chain(config_flag).collect();
        let program = cli.program.clone().unwrap_or_else(|| "backsoon".to_owned());
        Self { control: Control::new(store, operator()), program, flags }
    }

    pub(super) fn store(&self) -> &Arc<dyn Store> {
        self.control.store()
    }

    /// Where what was written lies: `file:/srv/state, revision 7`.
    pub(super) fn place(&self, state: &State) -> String {
        format!("{}, revision {}", self.store().url(), state.revision)
    }

    /// What to type to do `what` at this very desk.
    pub(super) fn command(&self, what: &str) -> String {
        format!("{} {what}{}", self.program, self.flags)
    }

    /// The same for `off`, for this very site.
    pub(super) fn command_off(&self, host: &Host) -> String {
        match host {
            any if any.is_any() => self.command("off"),
            host => self.command(&format!("off --site {}", quoted(host.as_str()))),
        }
    }

    /// The State, or an empty one where nobody has asked for anything yet.
    pub(super) async fn state(&self) -> Result<State> {
        Ok(self.control.read().await?.unwrap_or_default())
    }

    /// Changes the State, and watches the fleet follow.
    pub(super) async fn update<E: ToString>(
        &self,
        note: &str,
        edit: impl FnMut(&mut State) -> Result<(), E>,
    ) -> Result<Written> {
        let (found, outcome) = self.write(Opens::Nothing, note, edit).await?;
        self.watch(&found, outcome).await
    }

    /// Changes the State, which may open what `opens` says; with it comes what was found before.
    pub(super) async fn write<E: ToString>(
        &self,
        opens: Opens,
        note: &str,
        edit: impl FnMut(&mut State) -> Result<(), E>,
    ) -> Result<(Found, Outcome)> {
        let found = self.control.find().await?;
        Ok((found, self.control.opening(opens).update(note, edit).await?))
    }

    /// Watches the fleet follow a change of what was `found`.
    pub(super) async fn watch(&self, found: &Found, outcome: Outcome) -> Result<Written> {
        let roster = Roster::follow(&**self.store(), outcome.state(), FOLLOW).await?;
        Ok(Written::new(self.store().url(), found, outcome, roster))
    }
}

/// Nothing is there to look at or to change.
pub(super) fn missing(url: &str) -> anyhow::Error {
    let sentence = format!(
        "there is no store at {}; the first `backsoon on`, `apply` or `serve` makes one. If there should be one, look at --store, BACKSOON_STORE and backsoon.toml",
        without_secrets(url)
    );
    Ends(Exit::StoreAway, sentence).into()
}

/// Who is at the desk: `ann@laptop`, also behind sudo.
pub(super) fn operator() -> String {
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let user = user.filter(|user| !user.is_empty()).or_else(uid);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    let host = host.map(|host| host.trim().to_owned()).unwrap_or_default();
    let user = user.unwrap_or_else(|| "somebody".into());
    if host.is_empty() { user } else { format!("{user}@{host}") }
}

/// A service or a container may have no names in its environment; it has a number all the same.
fn uid() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").ok().map(|process| format!("uid {}", process.uid()))
}
