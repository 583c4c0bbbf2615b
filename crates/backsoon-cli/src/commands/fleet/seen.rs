//! One picture of a fleet, for people and for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use backsoon::document::WindowId;
use backsoon::fleet::{Life, Lookout, Member, Report, Roster};
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State};
use serde::Serialize;

use super::Desk;
use crate::commands::words::{draining, kind, life, revision, sites_in_words};
use crate::output::{self, DIM, WARN, paint, plain};
use crate::when;

/// More closed sites than this on one instance are counted, not named.
const NAMED: usize = 2;

/// What was seen at one moment.
pub(super) struct Seen {
    store: String,
    state: Option<State>,
    roster: Roster,
    /// Windows of programs that nobody stands behind any more.
    lapsed: Vec<WindowId>,
}

/// The same for programs.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    store: &'a str,
    revision: Option<u64>,
    sites: String,
    lapsed: &'a [WindowId],
    instances: Vec<ShownInstance<'a>>,
}

#[derive(Serialize)]
struct ShownInstance<'a> {
    life: Life,
    follows: bool,
    #[serde(flatten)]
    report: &'a Report,
}

// === impl Seen ===

impl Seen {
    /// The State as it is now, with what watching has found. Of those windows some may have ended since.
    pub(super) async fn of(desk: &Desk, roster: Roster, mut lapsed: Vec<WindowId>) -> Result<Self> {
        let state = desk.control.read().await?;
        lapsed.retain(|id| {
            let mut sites = state.iter().flat_map(|state| state.sites());
            sites.any(|(_, site)| site.windows.iter().any(|window| window.id == *id))
        });
        Ok(Self { store: desk.store().url(), state, roster, lapsed })
    }

    /// The headline, what has lapsed, and a line for everyone. `lookout` knows for how long whom nobody has heard.
    pub(super) fn lines(&self, desk: &Desk, lookout: Option<&Lookout>) -> Vec<String> {
        let revision = self.state.as_ref().map(|state| format!(", revision {}", state.revision));
        let mut lines = vec![format!("{}{}: {}", self.store, revision.unwrap_or_default(), self.sites())];
        lines.extend(self.lapsed.iter().map(|id| {
            let end = desk.command(&format!("off --window {id}"));
            format!(
                "{} window {id}: the program that added it has gone; `{end}` ends it",
                paint(WARN, "lapsed:")
            )
        }));
        if self.roster.0.is_empty() {
            lines.push(paint(WARN, "nobody follows this store: no server closes or opens because of it"));
            return lines;
        }
        let rows: Vec<_> = self.sorted().into_iter().map(|member| self.row(member, lookout)).collect();
        let heading = [
            "instance", "kind", "life", "version", "revision", "closed", "draining", "held", "heard", "wrong",
        ];
        lines.extend(output::columns(heading, &rows));
        lines
    }

    /// What programs read.
    pub(super) fn shown(&self) -> Shown<'_> {
        let instances = self.sorted().into_iter().map(|member| ShownInstance {
            life: member.life,
            follows: self.has(&member.report),
            report: &member.report,
        });
        Shown {
            store: &self.store,
            revision: self.state.as_ref().map(|state| state.revision),
            sites: self.sites(),
            lapsed: &self.lapsed,
            instances: instances.collect(),
        }
    }

    fn sites(&self) -> String {
        let now = Timestamp::now();
        self.state.as_ref().map_or_else(|| "all open".into(), |state| sites_in_words(state, now))
    }

    /// Whoever needs a look first, then by name.
    fn sorted(&self) -> Vec<&Member> {
        let is_fine = |member: &Member| {
            member.life == Life::Live
                && self.has(&member.report)
                && member.report.complaints().next().is_none()
        };
        let mut members: Vec<&Member> = self.roster.0.iter().collect();
        members.sort_by_key(|member| (is_fine(member), member.report.name.clone()));
        members
    }

    fn has(&self, report: &Report) -> bool {
        self.state.as_ref().is_none_or(|state| report.has(state))
    }

    fn row(&self, member: &Member, lookout: Option<&Lookout>) -> [String; 10] {
        let report = &member.report;
        let silent =
            lookout.map(|lookout| lookout.silence(&report.name)).filter(|_| member.life != Life::Live);
        let silent = silent.map(|silent| format!(" {}", whole_seconds(silent))).unwrap_or_default();
        let heard = match report.age_ms {
            u64::MAX => "never".into(),
            age => format!("{} ago", when::plain(Duration::from_millis(age))),
        };
        [
            plain(&report.name),
            kind(report.kind),
            format!("{}{silent}", life(member.life)),
            plain(&report.program),
            revision(self.state.as_ref(), report),
            closed(&report.closings),
            draining(report),
            report.held.to_string(),
            heard,
            match report.complaints().collect::<Vec<_>>().as_slice() {
                [] => paint(DIM, "-"),
                wrong => paint(WARN, plain(&wrong.join("; "))),
            },
        ]
    }
}

fn closed(closings: &BTreeMap<Host, Mode>) -> String {
    match closings.len() {
        0 => paint(DIM, "-"),
        few if few <= NAMED => {
            closings.iter().map(|(host, mode)| format!("{host} {mode}")).collect::<Vec<_>>().join(", ")
        }
        many => output::count(many, "site"),
    }
}

/// A picture that is drawn twice a second need not count tenths.
fn whole_seconds(duration: Duration) -> String {
    when::plain(Duration::from_secs(duration.as_secs()))
}
