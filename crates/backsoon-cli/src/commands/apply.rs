//! `backsoon apply`: the sites, rules and pages of a TOML file in force, with the difference shown first.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use backsoon::document::{Health, Page};
use backsoon::inspect::inspect;
use backsoon::rules::Rule;
use backsoon::store::open_existing;
use backsoon::{Host, State};
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::cli::{Apply, Cli};
use crate::config::{Config, parse};
use crate::exit::Exit;
use crate::output::{self, BAD, DIM, GOOD, paint, plain};

/// How many lines around a change are shown.
const AROUND: usize = 3;

/// What the file may say: the whole policy, without windows.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Policy {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sites: BTreeMap<Host, SitePolicy>,
}

#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct SitePolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<Arc<Page>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Arc<[Rule]>>,
}

/// Runs it.
pub(super) async fn run(cli: &Cli, apply: &Apply) -> Result<Exit> {
    let policy = read(&apply.file)?;
    let config = Config::load(cli.config.as_deref())?;
    let url = config.store_url(cli.store_flag())?;
    // Not made before there is something to write.
    let desk = open_existing(&url).await?.map(|store| Desk::at(store, cli));
    let before = match &desk {
        Some(desk) => desk.state().await?,
        None => State::default(),
    };
    let mut after = before.clone();
    policy.put_into(&mut after);
    if let Some(flaw) = inspect(&after).first() {
        anyhow::bail!("{} is not applied: {flaw}", apply.file.display());
    }
    let changes = difference(&before, &after)?;
    if changes.is_empty() {
        output::line(format_args!("{url}: nothing to change"));
        return Ok(Exit::Done);
    }
    changes.iter().for_each(output::line);
    if apply.dry_run {
        output::note("nothing was changed: --dry-run");
        return Ok(Exit::Done);
    }
    let desk = match desk {
        Some(desk) => desk,
        None => Desk::open(cli).await?,
    };
    let note = format!("apply {}", apply.file.display());
    let written = desk
        .update(&note, |state| {
            policy.put_into(state);
            Ok::<_, String>(())
        })
        .await?;
    output::line(format_args!("{}: {}", apply.file.display(), paint(GOOD, "applied")));
    written.say();
    written.say_draining();
    Ok(written.exit())
}

fn read(file: &Path) -> Result<Policy> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    parse(&text).with_context(|| format!("{} is not applied", file.display()))
}

/// The lines of the policy that go and come, with a few around them.
fn difference(before: &State, after: &State) -> Result<Vec<String>> {
    let text =
        |state: &State| toml::to_string_pretty(&Policy::of(state)).context("the policy cannot be shown");
    let (old, new) = (text(before)?, text(after)?);
    let diff = similar::TextDiff::from_lines(&old, &new);
    let mut lines = Vec::new();
    for (number, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if number > 0 {
            lines.push(paint(DIM, "  …"));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (style, sign) = match change.tag() {
                similar::ChangeTag::Delete => (BAD, '-'),
                similar::ChangeTag::Insert => (GOOD, '+'),
                similar::ChangeTag::Equal => (DIM, ' '),
            };
            let line = format!("{sign} {}", plain(change.value().trim_end()));
            lines.push(paint(style, line.trim_end()));
        }
    }
    Ok(lines)
}

// === impl Policy ===

impl Policy {
    fn of(state: &State) -> Self {
        let sites = state.sites().map(|(host, site)| {
            (host, SitePolicy { health: site.health, page: site.page.clone(), rules: site.rules.clone() })
        });
        // `*` is always there; any other site is there because somebody has made it.
        Self {
            sites: sites.filter(|(host, site)| !host.is_any() || *site != SitePolicy::default()).collect(),
        }
    }

    /// The file is the whole truth about rules and pages. A site that it leaves out loses them, and stays only
    /// while it has windows.
    fn put_into(&self, state: &mut State) {
        let hosts: Vec<Host> =
            state.sites().map(|(host, _)| host).chain(self.sites.keys().cloned()).collect();
        for host in hosts {
            let said = self.sites.get(&host);
            let site = state.site_mut(&host);
            site.health = said.and_then(|said| said.health);
            site.page = said.and_then(|said| said.page.clone());
            site.rules = said.and_then(|said| said.rules.clone());
        }
        state.sites.retain(|host, site| self.sites.contains_key(host) || !site.windows.is_empty());
    }
}
