//! The picture for programs.

use std::collections::BTreeMap;

use backsoon::document::WindowId;
use backsoon::fleet::{Life, Report};
use backsoon::impact::Impact;
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State, Window};
use serde::Serialize;

use super::picture::Picture;
use super::{rules, valid_passes};

/// What `status --json` prints.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    store: &'a str,
    revision: Option<u64>,
    changed_at: Option<Timestamp>,
    changed_by: Option<&'a str>,
    note: Option<&'a str>,
    sites: BTreeMap<Host, ShownSite<'a>>,
    /// How many passes are valid.
    passes: usize,
    /// Windows of programs that nobody stands behind any more.
    lapsed: &'a [WindowId],
    instances: Vec<ShownInstance<'a>>,
    troubles: &'a [String],
    /// What in the store's set-up may lose a state.
    caveats: &'a [String],
}

#[derive(Serialize)]
struct ShownSite<'a> {
    mode: Mode,
    reopens: Option<Timestamp>,
    windows: Vec<ShownWindow<'a>>,
    rules: Vec<String>,
}

#[derive(Serialize)]
struct ShownWindow<'a> {
    #[serde(flatten)]
    window: &'a Window,
    /// Since when it is in force; none if it is not, or nobody knows.
    since: Option<Timestamp>,
    /// What it has done to visitors so far, if it is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    impact: Option<Impact>,
}

#[derive(Serialize)]
struct ShownInstance<'a> {
    life: Life,
    follows: bool,
    #[serde(flatten)]
    report: &'a Report,
}

// === impl Shown ===

impl<'a> Shown<'a> {
    pub(super) fn of(
        picture: &'a Picture,
        document: &'a State,
        snapshot: &Snapshot,
        troubles: &'a [String],
    ) -> Self {
        let change = picture.state.as_ref().map(|state| &state.change);
        let sites = document.sites().filter_map(|(host, site)| {
            let settled = snapshot.exactly(&host)?;
            let windows = site.windows.iter().map(|window| ShownWindow {
                window,
                since: picture.since(window),
                impact: picture.impact(&host, window).filter(|impact| impact.servers > 0),
            });
            let (windows, rules) = (windows.collect(), rules(settled.policy()));
            Some((host, ShownSite { mode: settled.mode(), reopens: settled.reopens(), windows, rules }))
        });
        let instances = picture.roster.0.iter().map(|member| ShownInstance {
            life: member.life,
            follows: member.report.has(document),
            report: &member.report,
        });
        Self {
            store: &picture.store,
            revision: picture.state.as_ref().map(|state| state.revision),
            changed_at: change.map(|change| change.at),
            changed_by: change.map(|change| change.by.as_str()),
            note: change.map(|change| change.note.as_str()),
            // A state that cannot be read says nothing about any site.
            sites: if picture.unreadable.is_some() { BTreeMap::new() } else { sites.collect() },
            passes: valid_passes(document, picture.now),
            lapsed: &picture.lapsed,
            instances: instances.collect(),
            troubles,
            caveats: &picture.caveats,
        }
    }
}
