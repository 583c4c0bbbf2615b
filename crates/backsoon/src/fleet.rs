//! Who follows a store: what one instance says of itself, and the roster of all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::document::{Host, Lineage, Mode, State};
use crate::store::{self, Store};
use crate::time::Timestamp;

/// Where reports are filed.
pub(crate) const ROSTER: &str = "roster/";

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
    /// How long ago it last heard from the store, in milliseconds.
    pub age_ms: u64,
    /// What is not as it should be, in sentences.
    pub troubles: Vec<String>,
}

/// What an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Our reverse proxy.
    Gate,
    /// An application that answers HTTP.
    #[default]
    Web,
    /// A process that takes work from a queue.
    Worker,
    /// One run of a command.
    Job,
}

/// Where a process runs. Equal host and boot mean the same machine and one clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The host's name.
    pub host: String,
    /// The boot of its kernel and the namespace of its process ids; empty where nobody can tell.
    pub boot: String,
    /// The process.
    pub pid: u32,
    /// When the process started, in the kernel's ticks: ids of processes are used again.
    pub started: u64,
}

/// Everyone on the roster, by name.
#[derive(Debug, Clone, Default)]
pub struct Roster(pub Vec<Member>);

/// One instance on the roster, as seen from here.
#[derive(Debug, Clone)]
pub struct Member {
    /// What it says of itself.
    pub report: Report,
    /// Whether it lives.
    pub life: Life,
}

/// Whether an instance lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// Its beat moves, or its process is there.
    Live,
    /// Its beat has stopped without a farewell: it may still be serving.
    Lost,
    /// Its process, on this machine, has ended without a farewell.
    Dead,
}

// === impl Roster ===

impl Roster {
    /// Reads the roster and finds out who lives.
    ///
    /// Processes of this machine are looked up at once. Others are watched until their beat moves, at most for
    /// their lease and at most for `patience`: clocks of two machines are never compared.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn observe(store: &dyn Store, patience: Duration) -> store::Result<Self> {
        let begun = tokio::time::Instant::now();
        let first = reports(store).await?;
        let mut now = first.clone();
        loop {
            let waits = |report: &Report| {
                let before = first.iter().find(|r| r.name == report.name);
                report.place.lives().is_none()
                    && before.is_some_and(|before| before.beat == report.beat)
                    && begun.elapsed() < Duration::from_millis(report.lease_ms).min(patience)
            };
            if !now.iter().any(waits) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            now = reports(store).await?;
        }
        let life = |report: &Report| match report.place.lives() {
            Some(Life::Dead) => Life::Dead,
            Some(_) => Life::Live,
            None if first.iter().any(|before| before.name == report.name && before.beat == report.beat) => Life::Lost,
            None => Life::Live,
        };
        Ok(Self(now.into_iter().map(|report| Member { life: life(&report), report }).collect()))
    }

    /// Waits until every live instance has `state` in force or `patience` is over, and returns the last look.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn follow(store: &dyn Store, state: &State, patience: Duration) -> store::Result<Self> {
        let begun = tokio::time::Instant::now();
        loop {
            let left = patience.saturating_sub(begun.elapsed());
            let roster = Self::observe(store, left.min(Duration::from_millis(1500))).await?;
            if roster.live().all(|report| report.has(state)) || left.is_zero() {
                return Ok(roster);
            }
            tokio::time::sleep(Duration::from_millis(10).min(left)).await;
        }
    }

    /// The reports of those who live.
    pub fn live(&self) -> impl Iterator<Item = &Report> {
        self.0.iter().filter(|member| member.life == Life::Live).map(|member| &member.report)
    }

    /// Whether nobody follows the store.
    pub fn is_empty(&self) -> bool {
        self.live().next().is_none()
    }
}

/// Every readable report; one that is damaged is nobody's.
pub(crate) async fn reports(store: &dyn Store) -> store::Result<Vec<Report>> {
    let entries = store.list(ROSTER).await?;
    Ok(entries.iter().filter_map(|entry| serde_json::from_slice(&entry.value).ok()).collect())
}

// === impl Report ===

impl Report {
    /// Whether `state` or a later revision of it is in force there.
    pub fn has(&self, state: &State) -> bool {
        self.lineage.as_ref() == Some(&state.lineage) && self.revision >= state.revision
    }
}

// === impl Place ===

impl Place {
    /// Where this process runs.
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
        let pids = std::fs::read_link("/proc/self/ns/pid").map(|link| link.display().to_string()).unwrap_or_default();
        let boot = read("/proc/sys/kernel/random/boot_id");
        let pid = std::process::id();
        Self {
            host: read("/proc/sys/kernel/hostname"),
            boot: if boot.is_empty() { boot } else { format!("{boot} {pids}") },
            pid,
            started: started(pid).unwrap_or(0),
        }
    }

    /// Whether its process lives, if that can be told from here.
    pub fn lives(&self) -> Option<Life> {
        let here = Self::here();
        if self.boot.is_empty() || (&self.host, &self.boot) != (&here.host, &here.boot) {
            return None;
        }
        Some(if started(self.pid) == Some(self.started) { Life::Live } else { Life::Dead })
    }
}

/// Field 22 of `/proc/<pid>/stat` (proc(5)); the name before it may hold anything, so count from its last bracket.
/// A zombie has ended.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}
