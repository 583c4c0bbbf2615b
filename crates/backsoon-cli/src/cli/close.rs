//! Closing and reopening: `on`, `off`, and the receipt that both can wait for.

use std::num::NonZeroU32;
use std::time::Duration;

use backsoon::document::{MOST_CHARACTERS, WindowId};
use backsoon::time::Timestamp;
use backsoon::{Host, Mode};
use clap::Args;

use crate::when;

/// `backsoon on`.
#[derive(Debug, Args)]
pub struct On {
    /// Which sites, how, and in what words.
    #[command(flatten)]
    pub closure: Closure,
    /// Close at this time instead of now: RFC 3339, or "2026-11-21 02:30 Europe/Berlin"
    #[arg(long, value_name = "TIME", value_parser = when::time, allow_hyphen_values = true)]
    pub at: Option<Timestamp>,
    /// Reopen after this long: 30m, 2h, 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = when::duration, allow_hyphen_values = true, conflicts_with = "until")]
    pub duration: Option<Duration>,
    /// Reopen at this time
    #[arg(long, value_name = "TIME", value_parser = when::time, allow_hyphen_values = true)]
    pub until: Option<Timestamp>,
    /// Make the site if nobody has heard of it yet
    #[arg(long)]
    pub new_site: bool,
    /// In --hold, how long one request waits at most
    #[arg(long, value_name = "DURATION", value_parser = when::duration, allow_hyphen_values = true, requires = "hold")]
    pub max_wait: Option<Duration>,
    /// In --hold, how many requests wait at once on one server; more are refused
    #[arg(long, value_name = "N", value_parser = when::number, allow_hyphen_values = true, requires = "hold")]
    pub max_held: Option<usize>,
    /// In --hold, how many requests go on per second and server after the reopening (200/s)
    #[arg(long, value_name = "RATE", value_parser = rate, allow_hyphen_values = true, requires = "hold")]
    pub release: Option<NonZeroU32>,
    /// End what still runs on gates so long after they have closed; the receipt then says forced, and names what was cut
    #[arg(long, value_name = "DURATION", value_parser = when::duration, allow_hyphen_values = true)]
    pub cut_after: Option<Duration>,
    /// The receipt.
    #[command(flatten)]
    pub wait: Wait,
    /// Reopen at once if it is not confirmed
    #[arg(long, requires = "wait")]
    pub or_reopen: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What `on` and `run` say of a closing alike.
#[derive(Debug, Args)]
pub struct Closure {
    /// The site to close: shop.example.com, *.example.com or * (the default)
    #[arg(long = "site", value_name = "HOST")]
    pub sites: Vec<Host>,
    /// Let reading pass and refuse everything else
    #[arg(long, conflicts_with = "hold")]
    pub read_only: bool,
    /// Let requests wait for the reopening, within limits
    #[arg(long)]
    pub hold: bool,
    /// What visitors are told
    #[arg(long, value_name = "TEXT", value_parser = words)]
    pub message: Option<String>,
    /// Why, for other operators; visitors do not see it
    #[arg(long, value_name = "TEXT", value_parser = words, default_value = "", hide_default_value = true)]
    pub note: String,
}

/// The receipt that `on` and `off` can wait for.
#[derive(Debug, Args)]
pub struct Wait {
    /// Return only when every server has the change and its earlier requests have ended, or after this long (60s)
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "60s",
        value_parser = when::duration
    )]
    pub wait: Option<Duration>,
    /// Confirm nothing with fewer servers than this
    #[arg(
        long,
        value_name = "N",
        value_parser = when::number,
        allow_hyphen_values = true,
        requires = "wait",
        default_value_t = 1
    )]
    pub instances: usize,
    /// Confirm without servers that are lost (they may still be serving) or fenced
    #[arg(long, requires = "wait")]
    pub accept_lost: bool,
}

/// `backsoon off`.
#[derive(Debug, Args)]
pub struct Off {
    /// The site to reopen (default *)
    #[arg(long = "site", value_name = "HOST")]
    pub sites: Vec<Host>,
    /// End exactly this window, whoever added it
    #[arg(long, value_name = "ID", conflicts_with_all = ["sites", "all"])]
    pub window: Option<WindowId>,
    /// End scheduled windows of these sites, too
    #[arg(long)]
    pub all: bool,
    /// The receipt.
    #[command(flatten)]
    pub wait: Wait,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

// === impl Closure ===

impl Closure {
    /// The mode asked for.
    pub fn mode(&self) -> Mode {
        match (self.read_only, self.hold) {
            (true, _) => Mode::ReadOnly,
            (_, true) => Mode::Hold,
            _ => Mode::On,
        }
    }
}

/// A message or a note, which the document refuses if it is longer.
fn words(text: &str) -> Result<String, String> {
    match text.chars().count() {
        ..=MOST_CHARACTERS => Ok(text.into()),
        many => Err(format!("it has {many} characters, and people read at most {MOST_CHARACTERS}")),
    }
}

fn rate(text: &str) -> Result<NonZeroU32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    number.trim().parse().map_err(|_| "write how many a second, for example 200/s".into())
}
