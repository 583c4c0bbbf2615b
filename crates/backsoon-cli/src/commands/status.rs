//! `backsoon status`: what is closed, and who has it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use backsoon::control::Found;
use backsoon::decide::Local;
use backsoon::document::{Health, Unreadable};
use backsoon::fleet::{Life, Report, Roster};
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State, Window};
use serde::Serialize;

use super::{Desk, local};
use crate::cli::Status;
use crate::exit::Exit;
use crate::output::{self, BAD, DIM, GOOD, WARN, paint};
use crate::when;

/// How long instances on other machines are watched for a beat.
const PATIENCE: Duration = Duration::from_millis(1500);

#[derive(Serialize)]
struct Shown<'a> {
    store: String,
    revision: Option<u64>,
    changed_at: Option<Timestamp>,
    changed_by: Option<&'a str>,
    note: Option<&'a str>,
    sites: BTreeMap<Host, ShownSite<'a>>,
    instances: Vec<ShownInstance<'a>>,
    troubles: Vec<String>,
}

#[derive(Serialize)]
struct ShownSite<'a> {
    mode: Mode,
    reopens: Option<Timestamp>,
    windows: &'a [Window],
    rules: Vec<String>,
}

#[derive(Serialize)]
struct ShownInstance<'a> {
    life: Life,
    follows: bool,
    #[serde(flatten)]
    report: &'a Report,
}

/// Runs it.
pub(super) async fn run(desk: &Desk, status: &Status) -> Result<Exit> {
    let now = Timestamp::now();
    let found = desk.control.find().await?;
    let roster = Roster::observe(&**desk.store(), PATIENCE).await?;
    let (state, unreadable) = match found {
        Found::State(state) => (Some(*state), None),
        Found::Unreadable(why) => (None, Some(why)),
        _ => (None, None),
    };
    let empty = State::default();
    let document = state.as_ref().unwrap_or(&empty);
    let snapshot = Snapshot::settle(document, &Local::default(), now, None);
    let troubles = troubles(desk, state.as_ref(), unreadable.as_ref(), &roster);

    if status.json {
        output::json(&shown(desk, state.as_ref(), document, &snapshot, &roster, &troubles))?;
    } else {
        say_head(desk, state.as_ref());
        say_sites(document, &snapshot, now);
        say_instances(document, &roster);
        troubles
            .iter()
            .for_each(|trouble| output::note(format_args!("{} {trouble}", paint(WARN, "trouble:"))));
    }
    let site = snapshot.exactly(&status.site).unwrap_or_else(|| snapshot.site(status.site.as_str()));
    Ok(match (status.exit_code, &unreadable) {
        (_, Some(_)) => Exit::Failed,
        (true, None) if site.mode().is_closed() => Exit::Closed,
        _ => Exit::Done,
    })
}

/// What is not as it should be, in sentences with the way out.
fn troubles(
    desk: &Desk,
    state: Option<&State>,
    unreadable: Option<&Unreadable>,
    roster: &Roster,
) -> Vec<String> {
    let url = desk.store().url();
    let mut troubles = Vec::new();
    match (state, unreadable) {
        (_, Some(why @ Unreadable::Newer { .. })) => troubles.push(format!("the state in {url} was not read: {why}")),
        (_, Some(why)) => troubles.push(format!(
            "the state in {url} was not read: {why}. Instances keep what they had; `backsoon on` or `off` sets the damaged bytes aside and goes on from the last known state"
        )),
        (None, None) if roster.live().any(|report| report.revision > 0) => troubles.push(format!(
            "{url} is empty, but instances hold a state from it; `backsoon on` or `off` puts it back and goes on from there"
        )),
        _ => {}
    }
    if roster.is_empty() {
        troubles.push(format!("nobody follows {url}: no server closes or opens because of it"));
    }
    for member in &roster.0 {
        let name = &member.report.name;
        troubles.extend(member.report.troubles.iter().map(|trouble| format!("{name}: {trouble}")));
        match member.life {
            Life::Lost => {
                troubles.push(format!("{name} is lost: no beat, no farewell; it may still be serving"))
            }
            Life::Dead => troubles.push(format!("{name} has ended without a farewell")),
            Life::Live => {}
        }
    }
    troubles
}

fn shown<'a>(
    desk: &Desk,
    state: Option<&'a State>,
    document: &'a State,
    snapshot: &Snapshot,
    roster: &'a Roster,
    troubles: &[String],
) -> Shown<'a> {
    let sites = document.sites().filter_map(|(host, site)| {
        let settled = snapshot.exactly(&host)?;
        let rules = rules(settled.policy());
        Some((
            host,
            ShownSite { mode: settled.mode(), reopens: settled.reopens(), windows: &site.windows, rules },
        ))
    });
    let instances = roster.0.iter().map(|member| ShownInstance {
        life: member.life,
        follows: member.report.has(document),
        report: &member.report,
    });
    Shown {
        store: desk.store().url(),
        revision: state.map(|state| state.revision),
        changed_at: state.map(|state| state.change.at),
        changed_by: state.map(|state| state.change.by.as_str()),
        note: state.map(|state| state.change.note.as_str()),
        sites: sites.collect(),
        instances: instances.collect(),
        troubles: troubles.to_vec(),
    }
}

/// Every rule of a site in words, the built-in one at its place.
fn rules(policy: &backsoon::decide::Policy) -> Vec<String> {
    let effect = |then| if then == backsoon::rules::Effect::Open { "open" } else { "closed" };
    let site = policy.rules.iter().map(|rule| format!("{} {}: {}", effect(rule.then), rule.name, rule.when));
    let health = (policy.health == Health::On)
        .then(|| "open health (built in): GET and HEAD of /healthz, /livez, /readyz".to_owned());
    site.chain(health).collect()
}

fn say_head(desk: &Desk, state: Option<&State>) {
    let url = desk.store().url();
    match state {
        None => output::line(format_args!("{url}: nothing was ever closed here")),
        Some(state) => {
            let change = &state.change;
            output::line(format_args!("{url}, revision {}: {}", state.revision, change.note));
            output::line(paint(DIM, format!("  by {} at {}", change.by, local(change.at))));
        }
    }
}

fn say_sites(document: &State, snapshot: &Snapshot, now: Timestamp) {
    for (host, site) in document.sites() {
        let Some(settled) = snapshot.exactly(&host) else { continue };
        let mode = match settled.mode() {
            Mode::Off => paint(GOOD, "open"),
            Mode::ReadOnly => paint(WARN, "read-only"),
            closed => paint(BAD, closed),
        };
        let until =
            settled.reopens().map(|at| format!(" until {} ({})", local(at), when::plain(at.since(now))));
        output::line(format_args!("\n{host}: {mode}{}", until.unwrap_or_default()));
        for window in &site.windows {
            output::line(format_args!("  window    {}", describe(window, now)));
        }
        for rule in rules(settled.policy()) {
            output::line(paint(DIM, format!("  rule      {rule}")));
        }
    }
}

fn describe(window: &Window, now: Timestamp) -> String {
    let mut text = format!("{} {}", window.id, window.mode);
    match window.start {
        Some(start) if start > now => text.push_str(&format!(", scheduled for {}", local(start))),
        Some(start) => text.push_str(&format!(", since {}", local(start))),
        None => {}
    }
    text.push_str(&window.end.map_or(", until it is ended".into(), |end| format!(", until {}", local(end))));
    if !window.by.is_empty() {
        text.push_str(&format!(", by {}", window.by));
    }
    if !window.note.is_empty() {
        text.push_str(&format!(" ({})", window.note));
    }
    if let Some(message) = &window.message {
        text.push_str(&format!(": {message:?}"));
    }
    text
}

fn say_instances(document: &State, roster: &Roster) {
    if roster.0.is_empty() {
        return;
    }
    output::line("");
    let rows: Vec<_> = roster.0.iter().map(|member| row(document, member.life, &member.report)).collect();
    output::table(["instance", "kind", "life", "revision", "draining", "held", "state heard"], &rows);
}

fn row(document: &State, life: Life, report: &Report) -> [String; 7] {
    let kind = serde_json::to_value(report.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    let life = match life {
        Life::Live => paint(GOOD, "live"),
        Life::Lost => paint(BAD, "lost"),
        Life::Dead => paint(BAD, "dead"),
    };
    let behind = if report.has(document) { "" } else { " (behind)" };
    let heard = match report.age_ms {
        u64::MAX => "never".into(),
        age => format!("{} ago", when::plain(Duration::from_millis(age))),
    };
    [
        report.name.clone(),
        kind.unwrap_or_default(),
        life,
        format!("{}{behind}", report.revision),
        report.draining.values().sum::<usize>().to_string(),
        report.held.to_string(),
        heard,
    ]
}
