//! Ways through closings: `pass`.

use std::time::Duration;

use backsoon::Host;
use backsoon::document::PassId;
use clap::{Args, Subcommand};

use crate::when;

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
    #[arg(long, value_name = "DURATION", value_parser = when::duration, allow_hyphen_values = true, default_value = "2h")]
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
