//! What can be typed.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use backsoon::document::{PassId, WindowId};
use backsoon::reply::rehearse::Occasion;
use backsoon::rules::{Method, Network, UserKind};
use backsoon::time::Timestamp;
use backsoon::{Host, Mode};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::serve::upstream::UpstreamUrl;
use crate::when;

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
}

/// The heading of what every verb takes.
const EVERYWHERE: &str = "Store and configuration";

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but not confirmed (what is in the way is named),
4 the store is away, 10 the site is closed (status --exit-code), 75 not now (guard).
`run` and `guard` pass the command's own code on.";

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

/// `backsoon on`.
#[derive(Debug, Args)]
pub struct On {
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
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Why, for other operators; visitors do not see it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub note: String,
    /// Close at this time instead of now: RFC 3339, or "2026-11-21 02:30 Europe/Berlin"
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    pub at: Option<Timestamp>,
    /// Reopen after this long: 30m, 2h, 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = when::duration, conflicts_with = "until")]
    pub duration: Option<Duration>,
    /// Reopen at this time
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    pub until: Option<Timestamp>,
    /// Make the site if nobody has heard of it yet
    #[arg(long)]
    pub new_site: bool,
    /// In --hold, how long one request waits at most
    #[arg(long, value_name = "DURATION", value_parser = when::duration, requires = "hold")]
    pub max_wait: Option<Duration>,
    /// In --hold, how many requests wait at once on one server; more are refused
    #[arg(long, value_name = "N", requires = "hold")]
    pub max_held: Option<usize>,
    /// In --hold, how many requests go on per second and server after the reopening (200/s)
    #[arg(long, value_name = "RATE", value_parser = rate, requires = "hold")]
    pub release: Option<NonZeroU32>,
    /// End what still runs on gates so long after they have closed; the receipt then says forced, and names what was cut
    #[arg(long, value_name = "DURATION", value_parser = when::duration)]
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
    #[arg(long, value_name = "N", requires = "wait", default_value_t = 1)]
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

/// `backsoon run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_HELP)]
pub struct Run {
    /// The site to close (default *)
    #[arg(long = "site", value_name = "HOST")]
    pub sites: Vec<Host>,
    /// Let reading pass and refuse everything else
    #[arg(long, conflicts_with = "hold")]
    pub read_only: bool,
    /// Let requests wait for the reopening, within limits
    #[arg(long)]
    pub hold: bool,
    /// What visitors are told
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Why, for other operators; visitors do not see it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub note: String,
    /// Start only when every server has the change and its earlier requests have ended; not at all after this long
    #[arg(long, value_name = "DURATION", value_parser = when::duration, default_value = "10m")]
    pub wait: Duration,
    /// End what still runs on gates so long after they have closed; the receipt then says forced, and names what was cut
    #[arg(long, value_name = "DURATION", value_parser = when::duration)]
    pub cut_after: Option<Duration>,
    /// Start nothing with fewer servers than this
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub instances: usize,
    /// Start without servers that are lost; they may still be serving
    #[arg(long)]
    pub accept_lost: bool,
    /// What to do when the command fails
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_failure: OnFailure,
    /// How long to try to end the window while the store is away
    #[arg(long, value_name = "DURATION", value_parser = when::duration, default_value = "5m")]
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

Exit codes: the command's own; 128+N if signal N ended it; 126 or 127 if it cannot be started; 3 not confirmed, the
command was not started; 4 the store is away, and the window may still be there.";

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
It is not started in any mode but off, nor while nobody can say which mode that is.

Exit codes: the command's own; 128+N if signal N ended it; 126 or 127 if it cannot be started; 75 not now, try again.";

/// `backsoon webhook`.
#[cfg(feature = "webhooks")]
#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Send a test to a webhook, and say what came back
    Test {
        /// Its name in backsoon.toml
        name: String,
    },
    /// Show for each webhook what was delivered last, what waits, and what was given up
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `backsoon pass`.
#[derive(Debug, Subcommand)]
pub enum Pass {
    /// Make a link: whoever opens it goes through every closing of the site
    New(PassNew),
    /// Show who has a pass, to what and until when
    List(PassList),
    /// End passes: their links and cookies open nothing any more
    Revoke(PassRevoke),
}

/// `backsoon pass new`.
#[derive(Debug, Args)]
pub struct PassNew {
    /// Whom it is for; operators see the name, visitors do not
    #[arg(long = "for", value_name = "NAME")]
    pub bearer: String,
    /// How long it is valid
    #[arg(long, value_name = "DURATION", value_parser = when::duration, default_value = "2h")]
    pub expires: Duration,
    /// The hosts that it opens: shop.example.com, *.example.com or * (the default)
    #[arg(long, value_name = "HOST")]
    pub site: Option<Host>,
    /// Where the bearer reaches the site, for a whole link: https://shop.example.com
    #[arg(long, value_name = "URL")]
    pub base_url: Option<http::Uri>,
    /// The page that the link leads to
    #[arg(long, value_name = "PATH")]
    pub to: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `backsoon pass list`.
#[derive(Debug, Args)]
pub struct PassList {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `backsoon pass revoke`.
#[derive(Debug, Args)]
pub struct PassRevoke {
    /// Their names, as `backsoon pass list` shows them
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "ID")]
    pub ids: Vec<PassId>,
    /// End all of them
    #[arg(long)]
    pub all: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `backsoon status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The site that --exit-code looks at
    #[arg(long, value_name = "HOST", default_value = "*")]
    pub site: Host,
    /// Exit with 10 while the site is closed (holding or refusing)
    #[arg(long)]
    pub exit_code: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `backsoon fleet`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Fleet {
    /// Print one picture and end; so it is where there is no terminal
    #[arg(long)]
    pub once: bool,
    /// For one picture, how long to watch until everybody is live or lost; one lease is enough (10s, as a rule)
    #[arg(long = "for", value_name = "DURATION", value_parser = when::duration, default_value = "15s")]
    pub patience: Duration,
    /// Print one picture as JSON
    #[arg(long)]
    pub json: bool,
    /// What to do instead.
    #[command(subcommand)]
    pub verb: Option<FleetVerb>,
}

/// What can be done about a fleet.
#[derive(Debug, Subcommand)]
pub enum FleetVerb {
    /// Take lost servers off the roster, so that nobody waits for them
    ///
    /// A server that lives is never forgotten: stop it, and it leaves by itself. One of which nobody can tell yet is
    /// watched for its lease. A forgotten server that comes back reports again, and so is on the roster again.
    Forget(Forget),
}

/// `backsoon fleet forget`.
#[derive(Debug, Args)]
pub struct Forget {
    /// Their names, as `backsoon fleet` shows them
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// `backsoon explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The URL that is asked for
    #[arg(long, value_name = "URL")]
    pub url: http::Uri,
    /// The method
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    pub method: Method,
    /// The address at the other end of the connection
    #[arg(long, value_name = "IP")]
    pub from: Option<IpAddr>,
    /// Who the application says the user is: anonymous, authenticated, staff or superuser
    #[arg(long, value_name = "KIND", value_parser = user)]
    pub user: Option<UserKind>,
    /// A header field of the request; may be given several times
    #[arg(long = "header", value_name = "'K: V'", value_parser = header)]
    pub headers: Vec<(String, String)>,
    /// At this time instead of now
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    pub at: Option<Timestamp>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `backsoon history`.
#[derive(Debug, Args)]
pub struct History {
    /// Print JSON, whole documents
    #[arg(long)]
    pub json: bool,
}

/// `backsoon rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The revision, as `backsoon history` shows it
    pub revision: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `backsoon apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// The TOML file
    pub file: PathBuf,
    /// Show the difference and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `backsoon serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The application behind the gate: http://127.0.0.1:3000 or h2c://127.0.0.1:50051
    #[arg(long, value_name = "URL")]
    pub upstream: Option<UpstreamUrl>,
    /// Where visitors connect
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Where proxies that are already there ask what to do with a request (nowhere by default)
    ///
    /// Needs no upstream: nginx (auth_request), Caddy and Traefik (forward auth) or Envoy (ext_authz) serve the site.
    #[arg(long, value_name = "ADDR")]
    pub auth: Option<SocketAddr>,
    /// A proxy whose word about visitors is believed; may be given several times
    #[arg(long = "trusted-proxy", value_name = "NETWORK")]
    pub trusted_proxies: Vec<Network>,
    /// Where /healthz, /readyz and /metrics answer (nowhere by default)
    #[arg(long, value_name = "ADDR")]
    pub observe: Option<SocketAddr>,
    /// Where operators reach the console and its API (nowhere by default); a port alone is this machine's own
    #[cfg(feature = "console")]
    #[arg(long, value_name = "ADDR", value_parser = backsoon_console::options::address)]
    pub admin: Option<SocketAddr>,
    /// How long running requests may take once the gate is told to stop
    #[arg(long, value_name = "DURATION", value_parser = when::duration)]
    pub drain_limit: Option<Duration>,
    /// Log every request
    #[arg(long)]
    pub access_log: bool,
}

/// `backsoon user`.
#[cfg(feature = "console")]
#[derive(Debug, Args)]
pub struct User {
    /// What to do.
    #[command(subcommand)]
    pub verb: UserVerb,
}

/// What can be done about users.
#[cfg(feature = "console")]
#[derive(Debug, Subcommand)]
pub enum UserVerb {
    /// Add a user; the password is asked for, or read from standard input
    Add {
        /// Their name: 1 to 64 letters, digits, `.`, `_`, `-`, `+` and `@`
        name: backsoon_console::people::UserName,
        /// What they may do: viewer, operator or admin
        #[arg(long, value_name = "ROLE", default_value = "viewer")]
        role: backsoon_console::Role,
        /// They sign in at a trusted proxy alone
        #[arg(long)]
        no_password: bool,
    },
    /// Give a user another role or password; their sessions end
    Set {
        /// Their name
        name: backsoon_console::people::UserName,
        /// What they may do: viewer, operator or admin
        #[arg(long, value_name = "ROLE", required_unless_present = "password")]
        role: Option<backsoon_console::Role>,
        /// Ask for a new password, or read it from standard input
        #[arg(long)]
        password: bool,
    },
    /// Show everybody who may sign in
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a user; their sessions end
    Remove {
        /// Their name
        name: backsoon_console::people::UserName,
    },
    /// Print a link that makes the first admin, once, within 15 minutes
    Link,
    /// Show what became of users and tokens: who, from where, when; the newest first
    History {
        /// How many changes at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `backsoon token`.
#[cfg(feature = "console")]
#[derive(Debug, Args)]
pub struct Token {
    /// What to do.
    #[command(subcommand)]
    pub verb: TokenVerb,
}

/// What can be done about tokens.
#[cfg(feature = "console")]
#[derive(Debug, Subcommand)]
pub enum TokenVerb {
    /// Make a token; it is shown this once, alone on standard output
    New {
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// What its bearer may do: viewer, server, operator or admin
        #[arg(long, value_name = "ROLE", default_value = "viewer")]
        role: backsoon_console::Role,
        /// For how long it is valid: 90d (for ever)
        #[arg(long = "for", value_name = "DURATION", value_parser = when::duration)]
        lasts: Option<Duration>,
    },
    /// Show every token, without its secret
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a token
    Revoke {
        /// Its id, as `backsoon token list` shows it
        id: String,
    },
}

/// `backsoon mirror`.
#[derive(Debug, Args)]
#[command(after_help = MIRROR_HELP)]
pub struct Mirror {
    /// The site; several with --map alone (default *)
    #[arg(long = "site", value_name = "HOST")]
    pub sites: Vec<Host>,
    /// A flag file, which is there in every mode but off, and says which
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A map with a line per --site: the host and off, read-only, hold or on
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// The page that visitors get; while the site is open, the one that they would get
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
    /// The same for programs, as problem details (RFC 9457)
    #[arg(long, value_name = "FILE")]
    pub problem: Option<PathBuf>,
    /// What tells the proxy: run by sh at the start and after each change, with the mode in BACKSOON_MODE
    #[arg(long, value_name = "CMD")]
    pub exec: Option<String>,
}

const MIRROR_HELP: &str =
    "A change counts as in force here when the files are written and CMD has ended well; until then a receipt waits. What
only a request can decide (paths, users, networks, passes, waiting) is in no file: the receipt names such rules.
When it ends the files stay as they are.";

/// `backsoon page`.
#[derive(Debug, Args)]
pub struct Page {
    /// What to do with it.
    #[command(subcommand)]
    pub verb: PageVerb,
}

/// What can be done with a page.
#[derive(Debug, Subcommand)]
pub enum PageVerb {
    /// Write a page to begin with; it builds on the built-in one
    Init(PageFile),
    /// Fill a page in, in every language and for every kind of refusal
    Check(PageFile),
    /// Show a page in the browser, as it is each time that it is loaded
    Preview(PagePreview),
    /// Check a page and put it in force on every server
    Publish(PagePublish),
    /// Take a published page back: the built-in one is shown again, with the site's words
    Withdraw(PageWithdraw),
}

/// `backsoon page init` and `backsoon page check`.
#[derive(Debug, Args)]
pub struct PageFile {
    /// The page, in Jinja syntax
    pub file: PathBuf,
}

/// `backsoon page preview`.
#[derive(Debug, Args)]
pub struct PagePreview {
    /// The page, in Jinja syntax
    pub file: PathBuf,
    /// Write one page to this file, and serve nothing
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The language of the page that is written
    #[arg(long, value_name = "TAG", default_value = "en", requires = "out")]
    pub language: String,
    /// Why the page that is written is shown: closed, closed-for-long, sent, read-only or rule
    #[arg(long, value_name = "WHY", default_value = "closed", requires = "out", value_parser = occasion)]
    pub occasion: Occasion,
    /// Where it is served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", conflicts_with = "out")]
    pub listen: SocketAddr,
}

/// `backsoon page publish`.
#[derive(Debug, Args)]
pub struct PagePublish {
    /// The page, in Jinja syntax
    pub file: PathBuf,
    /// The site whose page it is: shop.example.com, *.example.com or * (the default)
    #[arg(long = "site", value_name = "HOST")]
    pub sites: Vec<Host>,
    /// Why, for other operators; visitors do not see it
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// `backsoon page withdraw`.
#[derive(Debug, Args)]
pub struct PageWithdraw {
    /// The site whose page it is: shop.example.com, *.example.com or * (the default)
    #[arg(long = "site", value_name = "HOST")]
    pub sites: Vec<Host>,
    /// Why, for other operators; visitors do not see it
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// `backsoon demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where the gate listens; another port is taken if this one is in use
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
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

// === impl On ===

impl On {
    /// The mode asked for.
    pub fn mode(&self) -> Mode {
        mode(self.read_only, self.hold)
    }
}

// === impl Run ===

impl Run {
    /// The mode asked for.
    pub fn mode(&self) -> Mode {
        mode(self.read_only, self.hold)
    }
}

fn mode(read_only: bool, hold: bool) -> Mode {
    match (read_only, hold) {
        (true, _) => Mode::ReadOnly,
        (_, true) => Mode::Hold,
        _ => Mode::On,
    }
}

/// The sites that were named, or `*`.
pub fn sites(named: &[Host]) -> Vec<Host> {
    let mut sites = if named.is_empty() { vec![Host::any()] } else { named.to_vec() };
    sites.sort();
    sites.dedup();
    sites
}

fn user(text: &str) -> Result<UserKind, String> {
    match text {
        "anonymous" => Ok(UserKind::Anonymous),
        "authenticated" => Ok(UserKind::Authenticated),
        "staff" => Ok(UserKind::Staff),
        "superuser" => Ok(UserKind::Superuser),
        _ => Err("it is one of anonymous, authenticated, staff, superuser".into()),
    }
}

fn instance_name(text: &str) -> Result<String, String> {
    let valid = (1..=64).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if valid { Ok(text.into()) } else { Err("it has 1 to 64 letters, digits, `-`, `_` and `.`".into()) }
}

fn occasion(text: &str) -> Result<Occasion, String> {
    let named = Occasion::ALL.into_iter().find(|occasion| occasion.name() == text);
    named.ok_or_else(|| format!("it is one of {}", Occasion::ALL.map(Occasion::name).join(", ")))
}

fn rate(text: &str) -> Result<NonZeroU32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    number.trim().parse().map_err(|_| "write how many a second, for example 200/s".into())
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'Name: value'")?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}
