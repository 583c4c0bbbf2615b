//! Looking without changing a site: `status`, `fleet`, `explain` and `history`.

use std::net::IpAddr;
use std::time::Duration;

use backsoon::Host;
use backsoon::rules::{Method, UserKind};
use backsoon::time::Timestamp;
use clap::{Args, Subcommand};

use crate::when;

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
    #[arg(long = "for", value_name = "DURATION", value_parser = when::duration, allow_hyphen_values = true, default_value = "15s")]
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
    #[arg(long, value_name = "TIME", value_parser = when::time, allow_hyphen_values = true)]
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

fn user(text: &str) -> Result<UserKind, String> {
    match text {
        "anonymous" => Ok(UserKind::Anonymous),
        "authenticated" => Ok(UserKind::Authenticated),
        "staff" => Ok(UserKind::Staff),
        "superuser" => Ok(UserKind::Superuser),
        _ => Err("it is one of anonymous, authenticated, staff, superuser".into()),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'Name: value'")?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}
