//! What one instance says of itself.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::time::Duration;

use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use super::{Counts, Holding, Kind, Life, OnLost, Place, ROSTER};
use crate::document::{Health, Host, Lineage, Mode, State};
use crate::running::{Cut, Running};
use crate::store::{self, Entry, Store};
use crate::tally::Tally;
use crate::time::Timestamp;

/// What one instance says of itself. A reader ignores what a newer program adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its name, unique on the roster.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The version of Backsoon in it.
    pub program: String,
    /// Where it runs.
    pub place: Place,
    /// Counts its reports: while this moves, it lives.
    pub beat: u64,
    /// After this many milliseconds without a new beat it is lost.
    pub lease_ms: u64,
    /// Its own clock when it wrote this.
    pub clock: Timestamp,
    /// The history of the State that is in force there, if one is.
    pub lineage: Option<Lineage>,
    /// The revision of it; 0 without one.
    pub revision: u64,
    /// The sites that are not open there.
    pub closings: BTreeMap<Host, Mode>,
    /// The hosts that it is known to serve; none: any.
    pub serves: Vec<Host>,
    /// Requests that still run under what was replaced, per site.
    pub draining: BTreeMap<Host, usize>,
    /// Requests that wait.
    pub held: usize,
    /// The request that has run longest among those, per site.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub oldest: BTreeMap<Host, Running>,
    /// The newest requests that it has cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
    /// How many it has cut since it started.
    #[serde(default)]
    pub cut_total: u64,
    /// Requests that run, under whatever site.
    #[serde(default)]
    pub running: usize,
    /// How many it has refused since it started; none: it is too old to count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
    /// What it has counted of the closings in force and of those that ended within the last 15 minutes, if anything: of
    /// the newest 64, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tallies: Vec<Tally>,
    /// Of how many closings more it has counted something.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub tallies_left_out: usize,
    /// The rules of its own that let requests pass whatever the State says, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admits: Vec<String>,
    /// The rules of its own that refuse requests whatever the State says, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refuses: Vec<String>,
    /// The rules of the State that cannot be carried out there, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignores: Vec<String>,
    /// Whether the built-in rules hold there: for health paths, `/robots.txt` and the logo.
    #[serde(default, skip_serializing_if = "is_on")]
    pub health: Health,
    /// What it does when it is lost.
    #[serde(default)]
    pub on_lost: OnLost,
    /// Whether its requests can wait.
    #[serde(default)]
    pub holding: Holding,
    /// Whether every request that it lets in is among those that it counts.
    #[serde(default)]
    pub counts: Counts,
    /// How long ago it last heard from the store, in milliseconds.
    pub age_ms: u64,
    /// What keeps it from doing what is asked for, in sentences.
    pub troubles: Vec<String>,
    /// What else is not as it should be, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

// === impl Report ===

impl Report {
    /// Everything that is not as it should be: the troubles first.
    pub fn complaints(&self) -> impl Iterator<Item = &str> {
        self.troubles.iter().chain(&self.remarks).map(String::as_str)
    }

    /// What an instance says that has heard of nothing yet.
    pub(crate) fn new(name: &str, kind: Kind, place: Place) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            program: env!("CARGO_PKG_VERSION").into(),
            place,
            beat: 0,
            lease_ms: 10_000,
            clock: Timestamp::now(),
            lineage: None,
            revision: 0,
            closings: BTreeMap::new(),
            serves: Vec::new(),
            draining: BTreeMap::new(),
            held: 0,
            oldest: BTreeMap::new(),
            cuts: Vec::new(),
            cut_total: 0,
            running: 0,
            refused: None,
            tallies: Vec::new(),
            tallies_left_out: 0,
            admits: Vec::new(),
            refuses: Vec::new(),
            ignores: Vec::new(),
            health: Health::On,
            on_lost: OnLost::Keep,
            holding: Holding::Waits,
            counts: Counts::All,
            age_ms: u64::MAX,
            troubles: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// After how long a silence, by the clock of whoever listens, it has surely closed itself; none: never. Its lease
    /// runs from before its last report was written, so clocks that differ by a tenth are allowed for. A mirror that has
    /// ended closes nothing any more.
    pub fn fenced_after(&self) -> Option<Duration> {
        let lease = Duration::from_millis(self.lease_ms);
        let closes_itself = self.on_lost == OnLost::Close && self.kind != Kind::Mirror;
        closes_itself.then(|| lease + lease / 10 + Duration::from_secs(1))
    }

    /// Whether it still serves, if its process tells. Behind a mirror that has ended the proxy goes on by its files.
    pub(crate) fn lives(&self) -> Option<Life> {
        let outlived = |life: &Life| self.kind == Kind::Mirror && *life == Life::Dead;
        self.place.lives().filter(|life| !outlived(life))
    }

    /// Whether `state` or a later revision of it is in force there.
    pub fn has(&self, state: &State) -> bool {
        self.lineage.as_ref() == Some(&state.lineage) && self.revision >= state.revision
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_on(health: &Health) -> bool {
    *health == Health::On
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_nothing(count: &usize) -> bool {
    *count == 0
}

/// Every report. Of one that cannot be read only the name is known: whoever it is may be serving.
pub(crate) async fn reports(store: &dyn Store) -> store::Result<Vec<Report>> {
    let entries = store.list(ROSTER).await?;
    let read = |entry: &Entry| serde_json::from_slice(&entry.value).unwrap_or_else(|_| illegible(entry));
    Ok(entries.iter().map(read).collect())
}

fn illegible(entry: &Entry) -> Report {
    let name = entry.key.strip_prefix(ROSTER).unwrap_or(&entry.key);
    let place = Place { host: String::new(), boot: String::new(), pid: 0, started: 0 };
    Report {
        // It moves when its bytes do: so it can be told whether it lives.
        beat: FxBuildHasher.hash_one(&entry.value),
        troubles: vec![
            "its report cannot be read; a newer Backsoon may have written it, or it is damaged".into(),
        ],
        ..Report::new(name, Kind::Web, place)
    }
}
