//! What a verb that writes says at its end: to which store it wrote, who follows it, and who is late.

use anyhow::Result;
use backsoon::control::{Found, Outcome};
use backsoon::document::{Unreadable, WindowId};
use backsoon::fleet::{Life, Report, Roster};
use backsoon::impact::Impact;
use backsoon::receipt::Receipt;
use backsoon::time::Timestamp;
use backsoon::{Host, State, Window};
use serde::Serialize;

use super::impact;
use super::words::sites_in_words;
use crate::exit::Exit;
use crate::output::{self, GOOD, WARN, count, paint, plain};

/// A change, and the fleet when everybody had it or patience was over.
pub(super) struct Written {
    store: String,
    outcome: Outcome,
    roster: Roster,
    /// What was wrong with what lay in the State's place before, in a sentence.
    mended: Option<String>,
}

/// What came of a change besides, for programs.
#[derive(Default)]
pub(super) struct Outcomes<'a> {
    /// The windows that the verb is about.
    pub(super) windows: &'a [(Host, Window)],
    /// Of those it has added: which it has ended again, because nobody confirmed them.
    pub(super) reopened: &'a [(Host, Window)],
    /// Why a site is closed that was to be open, in sentences.
    pub(super) still_closed: &'a [String],
    /// The proof, if somebody waited for it.
    pub(super) receipt: Option<&'a Receipt>,
    /// Of the windows that were ended.
    pub(super) impacts: &'a [Impact],
}

/// The same for programs.
#[derive(Serialize)]
struct Shown<'a> {
    store: String,
    revision: u64,
    changed: Change,
    following: usize,
    late: Vec<&'a str>,
    lost: Vec<&'a str>,
    draining: usize,
    windows: Vec<ShownWindow<'a>>,
    /// The windows that were added and ended again, because nobody confirmed them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reopened: Vec<&'a WindowId>,
    still_closed: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a Receipt>,
    /// Of the windows that were ended and had been in force.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    impacts: Vec<impact::Shown<'a>>,
}

#[derive(Serialize)]
struct ShownWindow<'a> {
    site: &'a Host,
    #[serde(flatten)]
    window: &'a Window,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    Made,
    Needless,
}

// === impl Written ===

impl Written {
    pub(super) fn new(store: String, found: &Found, outcome: Outcome, roster: Roster) -> Self {
        let revision = outcome.state().revision;
        let sites = sites_in_words(outcome.state(), Timestamp::now());
        let mended = match (found, &outcome) {
            (Found::Unreadable(Unreadable::Damaged { why }), Outcome::Written(_)) => Some(format!(
                "the state in {store} was damaged ({}); its bytes are kept beside it, and revision {revision} goes on from the last known state ({sites})",
                plain(why)
            )),
            (Found::Nothing, Outcome::Written(_)) if revision > 1 => Some(format!(
                "the state in {store} was gone; revision {revision} goes on from the last known one ({sites})"
            )),
            _ => None,
        };
        Self { store, outcome, roster, mended }
    }

    pub(super) fn state(&self) -> &State {
        self.outcome.state()
    }

    pub(super) fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Whether everybody who lives has it.
    pub(super) fn exit(&self) -> Exit {
        if self.late().next().is_some() { Exit::NotConfirmed } else { Exit::Done }
    }

    fn late(&self) -> impl Iterator<Item = &Report> {
        self.roster.present().filter(|report| !report.has(self.state()))
    }

    /// Those who may still be serving by what was there before.
    fn lost(&self) -> impl Iterator<Item = &Report> {
        let lost = self.roster.0.iter().filter(|member| member.life == Life::Lost);
        lost.map(|member| &member.report).filter(|report| !report.has(self.state()))
    }

    /// The requests that still run by what was there before, per instance.
    fn draining(&self) -> impl Iterator<Item = (&str, usize)> {
        let sum = |report: &Report| report.draining.values().sum::<usize>();
        let all = self.roster.live().map(move |report| (report.name.as_str(), sum(report)));
        all.filter(|(_, requests)| *requests > 0)
    }

    /// Names the store and its followers, and warns of what is not as it should be.
    pub(super) fn say(&self) {
        output::field("store", format_args!("{}, revision {}", self.store, self.state().revision));
        let live = self.roster.live().count();
        let there = match self.roster.present().count() - live {
            0 => format!("{live} live"),
            unheard => format!("{live} live, {unheard} unheard"),
        };
        let late: Vec<String> = self.late().map(late).collect();
        let have = match late.as_slice() {
            _ if self.roster.is_empty() => paint(WARN, "none"),
            [] => format!("{there}, {}", paint(GOOD, "all have it")),
            late => format!("{there}, {}", paint(WARN, format!("late: {}", late.join(", ")))),
        };
        output::field("instances", have);
        self.mended.iter().for_each(output::warn);
        if self.roster.is_empty() {
            output::warn(format_args!(
                "nobody follows this store ({}): no server closes or opens because of it",
                self.store
            ));
        }
        for report in self.lost() {
            output::warn(format_args!(
                "{} is lost: its beat stopped without a farewell, so it may still serve as before",
                plain(&report.name)
            ));
        }
    }

    /// Says which requests still run; a receipt says more.
    pub(super) fn say_draining(&self) {
        for (name, requests) in self.draining() {
            let requests = count(requests, "request");
            output::field("draining", format_args!("{requests} from before on {}", plain(name)));
        }
    }

    /// Says the same to programs.
    pub(super) fn json(&self, outcomes: &Outcomes<'_>) -> Result<()> {
        output::json(&Shown {
            store: self.store.clone(),
            revision: self.state().revision,
            changed: match self.outcome {
                Outcome::Written(_) => Change::Made,
                Outcome::Unchanged(_) => Change::Needless,
            },
            following: self.roster.live().count(),
            late: self.late().map(|report| report.name.as_str()).collect(),
            lost: self.lost().map(|report| report.name.as_str()).collect(),
            draining: self.draining().map(|(_, requests)| requests).sum(),
            windows: outcomes.windows.iter().map(|(site, window)| ShownWindow { site, window }).collect(),
            reopened: outcomes.reopened.iter().map(|(_, window)| &window.id).collect(),
            still_closed: outcomes.still_closed,
            receipt: outcomes.receipt,
            impacts: outcomes.impacts.iter().map(impact::Shown::new).collect(),
        })
    }
}

/// Who is late, and why if it says so.
fn late(report: &Report) -> String {
    match report.troubles.as_slice() {
        [] => plain(&report.name),
        troubles => format!("{} ({})", plain(&report.name), plain(&troubles.join("; "))),
    }
}
