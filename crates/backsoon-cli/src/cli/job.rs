//! Commands that closings are about: `run` closes while one runs, `guard` starts one where nothing is closed.

use std::ffi::OsString;
use std::time::Duration;

use backsoon::Host;
use clap::{Args, ValueEnum};

use super::close::Closure;
use crate::when;

/// `backsoon run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_HELP)]
pub struct Run {
    /// Which sites, how, and in what words.
    #[command(flatten)]
    pub closure: Closure,
    /// Start only when every server has the change and its earlier requests have ended; not at all after this long
    #[arg(long, value_name = "DURATION", value_parser = when::duration, allow_hyphen_values = true, default_value = "10m")]
    pub wait: Duration,
    /// End what still runs on gates so long after they have closed; the receipt then says forced, and names what was cut
    #[arg(long, value_name = "DURATION", value_parser = when::duration, allow_hyphen_values = true)]
    pub cut_after: Option<Duration>,
    /// Start nothing with fewer servers than this
    #[arg(long, value_name = "N", value_parser = when::number, allow_hyphen_values = true, default_value_t = 1)]
    pub instances: usize,
    /// Start without servers that are lost; they may still be serving
    #[arg(long)]
    pub accept_lost: bool,
    /// What to do when the command fails
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_failure: OnFailure,
    /// How long to try to end the window while the store is away
    #[arg(long, value_name = "DURATION", value_parser = when::duration, allow_hyphen_values = true, default_value = "5m")]
    pub keep_trying: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// What becomes of a site when the command that it was closed for has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OnFailure {
    /// It stays closed until an operator reopens it
    #[default]
    Stay,
    /// It reopens
    Open,
}

const RUN_HELP: &str =
    "The command finds its window in BACKSOON_WINDOW (with several sites several, apart by spaces) and the revision that
closed the site in BACKSOON_REVISION. Only this window is ended; those of others stay, and are named.

Exit codes: the command's own; 128+N if signal N ended it; 126 or 127 if it cannot be started, and
then nothing was closed; 3 not confirmed, the command was not started; 4 the store is away, and the window may still be there.";

/// `backsoon guard`.
#[derive(Debug, Args)]
#[command(after_help = GUARD_HELP)]
pub struct Guard {
    /// The site that has to be open (default *)
    #[arg(long, value_name = "HOST")]
    pub site: Option<Host>,
    /// Wait until the site is open, at most for this long (10m)
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10m",
        value_parser = when::duration
    )]
    pub wait: Option<Duration>,
    /// What to call it on the roster (the command's name and a number); no two at once can have one name
    #[arg(long, value_name = "NAME", value_parser = instance_name)]
    pub name: Option<String>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

const GUARD_HELP: &str =
    "While the command runs it is on the roster as a job, so that `backsoon on --wait` waits for it as for any request.
It is not started in any mode but off, nor while nobody can say which mode that is. Counted is this one process: what
the command starts in the background and leaves behind when it ends is not, so no closing waits for that.

Exit codes: the command's own; 128+N if signal N ended it; 126 or 127 if it cannot be started; 75 not now, try again.";

fn instance_name(text: &str) -> Result<String, String> {
    let valid = (1..=64).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if valid { Ok(text.into()) } else { Err("it has 1 to 64 letters, digits, `-`, `_` and `.`".into()) }
}
