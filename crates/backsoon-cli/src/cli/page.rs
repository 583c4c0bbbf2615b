//! A page of one's own: `page`.

use std::net::SocketAddr;
use std::path::PathBuf;

use backsoon::Host;
use backsoon::reply::rehearse::Occasion;
use clap::{Args, Subcommand};

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

fn occasion(text: &str) -> Result<Occasion, String> {
    let named = Occasion::ALL.into_iter().find(|occasion| occasion.name() == text);
    named.ok_or_else(|| format!("it is one of {}", Occasion::ALL.map(Occasion::name).join(", ")))
}
