//! `backsoon apply`: the sites, rules and pages of a TOML file in force, with the difference shown first.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use backsoon::control::Outcome;
use backsoon::document::{Health, Page};
use backsoon::inspect::inspect;
use backsoon::rules::Rule;
use backsoon::{Host, State};
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::cli::Apply;
use crate::config::parse;
use crate::exit::Exit;
use crate::output::{self, BAD, DIM, GOOD, paint};

/// What the file may say: the whole policy, without windows.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Policy {
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
pub(super) async fn run(desk: &Desk, apply: &Apply) -> Result<Exit> {
    let policy = read(&apply.file)?;
    let before = desk.state().await?;
    let mut after = before.clone();
    policy.put_into(&mut after);
    if let Some(flaw) = inspect(&after).first() {
        anyhow::bail!("{} is not applied: {flaw}", apply.file.display());
    }
    let changes = difference(&before, &after)?;
    if changes.is_empty() {
        output::line(format_args!("{}: nothing to change", desk.store().url()));
        return Ok(Exit::Done);
    }
    changes.iter().for_each(output::line);
    if apply.dry_run {
        return Ok(Exit::Done);
    }
    let note = format!("apply {}", apply.file.display());
    let outcome = desk
        .control
        .update(&note, |state| {
            policy.put_into(state);
            Ok::<_, String>(())
        })
        .await?;
    let roster = desk.followers(&outcome).await?;
    if let Outcome::Written(state) = &outcome {
        output::line(format_args!("applied {} as revision {}", apply.file.display(), state.revision));
    }
    desk.say_followers(&outcome, &roster);
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<Policy> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    parse(&text).with_context(|| format!("{} is not applied", file.display()))
}

/// The lines of the policy that go and come.
fn difference(before: &State, after: &State) -> Result<Vec<String>> {
    let text =
        |state: &State| toml::to_string_pretty(&Policy::of(state)).context("the policy cannot be shown");
    let (old, new) = (text(before)?, text(after)?);
    let diff = similar::TextDiff::from_lines(&old, &new);
    if diff.ratio() >= 1.0 {
        return Ok(Vec::new());
    }
    Ok(diff
        .iter_all_changes()
        .map(|change| {
            let line = change.value().trim_end();
            match change.tag() {
                similar::ChangeTag::Delete => paint(BAD, format!("- {line}")),
                similar::ChangeTag::Insert => paint(GOOD, format!("+ {line}")),
                similar::ChangeTag::Equal => paint(DIM, format!("  {line}")),
            }
        })
        .collect())
}

// === impl Policy ===

impl Policy {
    fn of(state: &State) -> Self {
        let sites = state.sites().map(|(host, site)| {
            (host, SitePolicy { health: site.health, page: site.page.clone(), rules: site.rules.clone() })
        });
        Self { sites: sites.filter(|(_, site)| *site != SitePolicy::default()).collect() }
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
