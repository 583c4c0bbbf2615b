//! What can be typed: the program itself and its verbs, which stand in one file per family.

mod close;
mod document;
mod job;
mod look;
mod page;
mod pass;
#[cfg(feature = "console")]
mod people;
mod serving;
#[cfg(feature = "webhooks")]
mod webhook;

use std::path::PathBuf;

use backsoon::Host;
use clap::{Args, Parser, Subcommand};

pub use self::close::{Off, On, Wait};
pub use self::document::{Apply, Rollback};
pub use self::job::{Guard, OnFailure, Run};
pub use self::look::{Explain, Fleet, FleetVerb, Forget, History, Status};
pub use self::page::{Page, PageFile, PagePreview, PagePublish, PageVerb, PageWithdraw};
pub use self::pass::{Pass, PassList, PassNew, PassRevoke};
#[cfg(feature = "console")]
pub use self::people::{Token, TokenVerb, User, UserVerb};
pub use self::serving::{Demo, Mirror, Serve};
#[cfg(feature = "webhooks")]
pub use self::webhook::Webhook;

/// The maintenance switch for every server that a site runs on.
#[derive(Debug, Parser)]
#[command(name = "backsoon", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// The store that holds the state: file:./state or sqlite:./backsoon.db
    ///
    /// Without it BACKSOON_STORE is used, then `store` in backsoon.toml, then a folder in the user's state directory.
    #[arg(long, global = true, value_name = "URL", help_heading = EVERYWHERE)]
    pub store: Option<String>,
    /// The configuration file, instead of ./backsoon.toml or /etc/backsoon/backsoon.toml
    #[arg(long, global = true, value_name = "FILE", help_heading = EVERYWHERE)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// What is typed to come here again, where that is not `backsoon`: what commands are shown with.
    #[arg(skip)]
    pub program: Option<String>,
}

/// The heading of what every verb takes.
const EVERYWHERE: &str = "Store and configuration";

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed (or the answer could not be printed), 2 wrong usage, 3 done but not
confirmed (what is in the way is named), 4 the store is away, 10 the site is closed (status
--exit-code), 75 not now (guard), 130 or 143 told to stop by SIGINT or SIGTERM: what was written
stays, and the last line says how things stand. `run` and `guard` pass the command's own code on.";

/// One verb, one file in `commands/`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Close sites, now or at a time to come
    On(On),
    /// Reopen sites
    Off(Off),
    /// Run a command while sites are closed, and reopen them
    Run(Run),
    /// Run a command only while its site is open; a closing waits for it
    Guard(Guard),
    /// Let somebody through closings: make a link, show who has one, take it back
    #[command(subcommand)]
    Pass(Pass),
    /// Show what is closed, since when, until when, by whom, and who follows the store
    Status(Status),
    /// Watch who follows the store, live; `fleet forget` takes lost servers off the roster
    Fleet(Fleet),
    /// Say what would be done with a request, and why
    Explain(Explain),
    /// Show every change that was made
    History(History),
    /// Put an earlier revision in force again
    Rollback(Rollback),
    /// Put the sites, rules and pages of a TOML file in force; windows stay as they are
    Apply(Apply),
    /// Make a page of your own: begin it, try it out, publish it
    Page(Page),
    /// Check the configuration, the store and what is in it; writes nothing
    Check,
    /// Try out the webhooks of the configuration, and show how their deliveries stand
    #[cfg(feature = "webhooks")]
    #[command(subcommand)]
    Webhook(Webhook),
    /// Run the gate: a reverse proxy that closes
    Serve(Serve),
    /// Say who may sign in to the console
    #[cfg(feature = "console")]
    User(User),
    /// Make and revoke tokens, with which programs use the API
    #[cfg(feature = "console")]
    Token(Token),
    /// Keep files equal to the state, for a proxy that decides by them
    Mirror(Mirror),
    /// Run a small sample site behind the gate, to try everything out
    Demo(Demo),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// `backsoon completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

// === impl Cli ===

impl Cli {
    /// The store that the command line names.
    pub fn store_flag(&self) -> Option<&str> {
        self.store.as_deref()
    }
}

/// The sites that were named, or `*`.
pub fn sites(named: &[Host]) -> Vec<Host> {
    let mut sites = if named.is_empty() { vec![Host::any()] } else { named.to_vec() };
    sites.sort();
    sites.dedup();
    sites
}
