//! `backsoon page`: a page of one's own, from the first line to every server.

mod preview;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use backsoon::document::{Page, Template};
use backsoon::reply::rehearse::{Occasion, Rehearsed, rehearse};
use backsoon::time::Timestamp;
use backsoon::{Host, State};

use super::Desk;
use crate::cli::{self, Cli, PagePublish, PageVerb, PageWithdraw};
use crate::exit::{Exit, usage};
use crate::output::{self, GOOD, count, paint};

/// What `init` writes.
const BEGINNING: &str = include_str!("beginning.html");

/// Runs it.
pub(super) async fn run(cli: &Cli, page: &cli::Page) -> Result<Exit> {
    match &page.verb {
        PageVerb::Init(init) => begin(&init.file),
        PageVerb::Check(check) => {
            let shown = fit(&check.file, &Page::default())?;
            output::line(format_args!("{}: {}", check.file.display(), described(&shown)));
            Ok(Exit::Done)
        }
        PageVerb::Preview(preview) => preview::run(preview).await,
        PageVerb::Publish(publish) => put(&Desk::open(cli).await?, publish).await,
        PageVerb::Withdraw(withdraw) => take_back(&Desk::open(cli).await?, withdraw).await,
    }
}

fn begin(file: &Path) -> Result<Exit> {
    let made = std::fs::File::create_new(file).and_then(|mut new| {
        use std::io::Write;
        new.write_all(BEGINNING.as_bytes())
    });
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(usage(format!(
            "{} is there already, and is left as it is; name another file",
            file.display()
        ))),
        made => {
            made.with_context(|| format!("cannot write {}", file.display()))?;
            let name = file.display();
            output::line(format_args!("{name}: {}", paint(GOOD, "written")));
            output::field("next", format_args!("backsoon page preview {name}"));
            Ok(Exit::Done)
        }
    }
}

async fn put(desk: &Desk, publish: &PagePublish) -> Result<Exit> {
    let sites = cli::sites(&publish.sites);
    let template = template(&publish.file)?;
    let state = desk.state().await?;
    for host in &sites {
        let shown = tried(&publish.file, &with(&state, host, &template))?;
        output::line(format_args!("{host}: {}", described(&shown)));
    }
    let note = publish.note.clone().unwrap_or_else(|| format!("page publish {}", publish.file.display()));
    let written = desk
        .update(&note, |state| {
            for host in &sites {
                let page = with(state, host, &template);
                state.site_mut(host).page = Some(Arc::new(page));
            }
            Ok::<_, String>(())
        })
        .await?;
    output::line(format_args!("{}: {}", publish.file.display(), paint(GOOD, "published")));
    written.say();
    Ok(written.exit())
}

async fn take_back(desk: &Desk, withdraw: &PageWithdraw) -> Result<Exit> {
    let sites = cli::sites(&withdraw.sites);
    let state = desk.state().await?;
    for host in &sites {
        if page_of_its_own(&state, host).is_none() {
            let there: Vec<String> = state
                .sites()
                .filter(|(other, _)| page_of_its_own(&state, other).is_some())
                .map(|(other, _)| other.to_string())
                .collect();
            let there = if there.is_empty() {
                "no site has one".into()
            } else {
                format!("these do: {}", there.join(", "))
            };
            return Err(anyhow!("{host} has no published page to take back; {there}"));
        }
    }
    let note = withdraw.note.clone().unwrap_or_else(|| "page withdraw".into());
    let written = desk
        .update(&note, |state| {
            for host in &sites {
                let page = Page { html: None, ..Page::clone(&state.page(host)) };
                // A page without words of its own would only hide the wider site's.
                state.site_mut(host).page = (page != Page::default()).then(|| Arc::new(page));
            }
            Ok::<_, String>(())
        })
        .await?;
    for host in &sites {
        output::line(format_args!("{host}: {}", paint(GOOD, "withdrawn")));
    }
    written.say();
    Ok(written.exit())
}

/// What `host` itself has published.
fn page_of_its_own<'s>(state: &'s State, host: &Host) -> Option<&'s Template> {
    state.site(host)?.page.as_ref()?.html.as_ref()
}

/// The site's page as it is, its own markup excepted: a page is taken whole, so what it inherits comes along.
fn with(state: &State, host: &Host, template: &Template) -> Page {
    Page { html: Some(template.clone()), ..Page::clone(&state.page(host)) }
}

/// The page in `file`, tried out beside the other words of `page`.
fn fit(file: &Path, page: &Page) -> Result<Vec<Rehearsed>> {
    tried(file, &Page { html: Some(template(file)?), ..page.clone() })
}

fn tried(file: &Path, page: &Page) -> Result<Vec<Rehearsed>> {
    rehearse(page, Timestamp::now())
        .map_err(|unfit| anyhow!("{} is not fit to be seen: {unfit}", file.display()))
}

fn template(file: &Path) -> Result<Template> {
    let source = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    source.try_into().map_err(|why| anyhow!("{}: {why}", file.display()))
}

fn described(shown: &[Rehearsed]) -> String {
    let largest = shown.iter().map(|shown| shown.html.len()).max().unwrap_or_default();
    let languages = shown.len() / Occasion::ALL.len();
    format!(
        "{} in {} for {}; the longest page has {:.1} KiB",
        paint(GOOD, "fit"),
        count(languages, "language"),
        count(Occasion::ALL.len(), "occasion"),
        largest as f64 / 1024.0
    )
}
